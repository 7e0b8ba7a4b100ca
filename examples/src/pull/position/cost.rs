//! What it causes to move a position, said before it is done.

use chrono::{DateTime, TimeDelta, Utc};
use okta_coralogix_core::filter::{AgeFilter, AgePolicy};
use okta_coralogix_core::{Error, Result};

use super::time::{LOG_RETENTION, between, check_kept, text};

/// The direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Back: `rewind`.
    Back,
    /// Ahead: `skip`.
    Ahead,
}

/// A move of a position.
#[derive(Debug, Clone, Copy)]
pub(super) struct Move<'a> {
    pub(super) way: Way,
    /// Where it is; `None`: at a link behind no event, whose time is not known.
    pub(super) from: Option<DateTime<Utc>>,
    pub(super) to: DateTime<Utc>,
    pub(super) now: DateTime<Utc>,
    /// How many events the checkpoint remembers.
    pub(super) remembered: usize,
    pub(super) too_old: AgePolicy,
    pub(super) keep: [&'a str; 2],
    /// Replicas share the position, which is in no file.
    pub(super) is_shared: bool,
    /// The command, as far as it names the org.
    pub(super) command: &'a str,
}

impl Move<'_> {
    /// # Errors
    /// `Config`: the log is not kept for so long, or it is no move in this direction.
    pub(super) fn check(&self) -> Result<()> {
        check_kept("--to", self.to, self.now)?;
        let Some(from) = self.from else {
            return Ok(());
        };
        let (is_other, what, other) = match self.way {
            Way::Back => (self.to >= from, "not before", "skip moves it ahead"),
            Way::Ahead => (self.to <= from, "not behind", "rewind moves it back"),
        };
        if !is_other {
            return Ok(());
        }
        let (to, from) = (text(self.to), text(from));
        let detail = format!("{to} is {what} the saved position, which is at {from}: {other}");
        Err(Error::config("--to", detail))
    }

    /// A line for each consequence.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = match self.way {
            Way::Back => self.back(),
            Way::Ahead => self.ahead(),
        };
        lines.extend(self.ages());
        lines
    }

    fn back(&self) -> Vec<String> {
        let (to, remembered) = (text(self.to), self.remembered);
        let again = match self.from {
            Some(from) => format!(
                "{} of the log are read again: what Okta has stored from {to} to {}",
                between(self.to, from),
                text(from)
            ),
            None => format!(
                "up to {} of the log are read again: what Okta has stored since {to}",
                between(self.to, self.now)
            ),
        };
        let twice = match remembered {
            0 => "no event is remembered: all that are in it are sent a second time".to_owned(),
            _ => format!(
                "the last {remembered} events that were settled are remembered, and are not sent again if no more than as many others come \
                 before them; all others are sent a second time"
            ),
        };
        let all = format!(
            "to send the remembered ones again as well, leave the position, move the file away, and start with --since {to}"
        );
        match remembered {
            _ if self.is_shared => vec![again, twice],
            0 => vec![again, twice],
            _ => vec![again, twice, all],
        }
    }

    fn ahead(&self) -> Vec<String> {
        let to = text(self.to);
        let late = format!("events that are older, and that Okta stores after {to}, are read");
        let Some(from) = self.from else {
            let left = format!("what Okta has stored before {to}, and was not read, is never read");
            return vec![left, late];
        };
        let (lasts, end) = (between(from, self.to), text(from + LOG_RETENTION));
        let from = text(from);
        vec![
            format!(
                "{lasts} of the log are left out: what Okta has stored from {from} to {to}, and was not read, is never read by later runs"
            ),
            format!(
                "Okta keeps it until {end}; to read it apart: {} --from {from} --to {to}",
                self.command
            ),
            late,
        ]
    }

    /// Events beyond the age that Coralogix takes.
    fn ages(&self) -> Option<String> {
        let limit = TimeDelta::from_std(AgeFilter::DEFAULT_LIMIT).unwrap_or(TimeDelta::MAX);
        let oldest = self.now - limit;
        if self.to >= oldest {
            return None;
        }
        let which = format!(
            "events of the first {} are more than 24 hours old, which Coralogix does not take: they",
            between(self.to, oldest)
        );
        let [keep, restamp] = self.keep;
        Some(match self.too_old {
            AgePolicy::Drop => format!(
                "{which} are dropped, and counted as too_old, unless the next run has {keep} (they are kept in the dead letters) or {restamp} \
                 (they are sent with the time of their arrival)"
            ),
            AgePolicy::DeadLetter => format!("{which} go to the dead letters"),
            _ => format!("{which} are sent with the time of their arrival"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        format!("2026-11-{text}:00Z").parse().unwrap()
    }

    fn to(way: Way, time: &str) -> Move<'static> {
        Move {
            way,
            from: Some(at("30T10:00")),
            to: at(time),
            now: at("30T12:00"),
            remembered: 20_000,
            too_old: AgePolicy::Drop,
            keep: ["--too-old dead-letter", "--too-old restamp"],
            is_shared: false,
            command: "pull",
        }
    }

    #[test]
    fn rewind_says_what_is_read_and_sent_again_and_what_is_too_old() {
        let lines = to(Way::Back, "30T06:30").lines();
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert!(
            lines[0].starts_with("3h 30m of the log are read again: "),
            "{lines:?}"
        );
        assert!(lines[1].contains("the last 20000 events") && lines[1].contains("second time"));
        assert!(lines[2].contains("--since 2026-11-30T06:30:00Z"));
        let forgetful = Move {
            remembered: 0,
            ..to(Way::Back, "30T06:30")
        };
        assert!(forgetful.lines()[1].starts_with("no event is remembered"));

        let lines = to(Way::Back, "28T12:00").lines();
        assert!(lines[0].starts_with("1day 22h of the log"), "{lines:?}");
        assert!(
            lines[3].starts_with("events of the first 1day are more than 24 hours old"),
            "{lines:?}"
        );
        assert!(lines[3].contains("are dropped") && lines[3].contains("--too-old restamp"));
        for (too_old, words) in [
            (AgePolicy::DeadLetter, "go to the dead letters"),
            (AgePolicy::Restamp, "with the time of their arrival"),
        ] {
            let kept = Move {
                too_old,
                ..to(Way::Back, "28T12:00")
            };
            assert!(kept.lines()[3].ends_with(words), "{:?}", kept.lines());
        }
        let exact = to(Way::Back, "29T12:00");
        assert_eq!(exact.lines().len(), 3, "24 hours are taken");
    }

    #[test]
    fn skip_says_what_is_never_read_and_how_to_read_it_apart() {
        let lines = to(Way::Ahead, "30T11:30").lines();
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert!(
            lines[0].starts_with("1h 30m of the log are left out"),
            "{lines:?}"
        );
        assert!(lines[0].contains("never read"));
        let command = "pull --from 2026-11-30T10:00:00Z --to 2026-11-30T11:30:00Z";
        assert!(
            lines[1].contains(command) && lines[1].contains("2027-02-28"),
            "{lines:?}"
        );
        let unknown = Move {
            from: None,
            ..to(Way::Ahead, "30T11:30")
        };
        assert!(unknown.lines()[0].contains("is never read"));
        assert!(unknown.check().is_ok());
    }

    #[test]
    fn move_in_the_other_direction_or_beyond_90_days_is_refused() {
        for (wrong, words) in [
            (to(Way::Back, "30T10:00"), "skip moves it ahead"),
            (
                to(Way::Back, "30T11:00"),
                "which is at 2026-11-30T10:00:00Z",
            ),
            (to(Way::Ahead, "30T10:00"), "rewind moves it back"),
            (to(Way::Ahead, "30T09:00"), "not behind the saved position"),
            (
                Move {
                    to: at("30T12:00") - TimeDelta::days(91),
                    ..to(Way::Back, "30T09:00")
                },
                "write a time from 2026-09-01T12:00:00Z on",
            ),
        ] {
            let error = wrong.check().unwrap_err().to_string();
            assert!(error.contains("--to") && error.contains(words), "{error}");
        }
        to(Way::Back, "30T09:59").check().unwrap();
        to(Way::Ahead, "30T10:01").check().unwrap();
    }
}
