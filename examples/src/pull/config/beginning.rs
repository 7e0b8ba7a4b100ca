//! What `pull` says before it reads the first event of an org.

use std::path::Path;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use okta_coralogix_core::filter::{AgeFilter, AgePolicy};
use okta_coralogix_core::{ClockOffset, LogSink};
use okta_source::StartPoint;

use crate::program::start::Start;

/// The settings of an org that decide what becomes of its first events.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Beginning<'a> {
    /// The setting that says where to begin, if it was given.
    pub(in super::super) since: Option<&'a str>,
    /// Where it goes on, in words; `None`: at the start point of its source.
    pub(in super::super) resumes: Option<&'a str>,
    /// The policy for events that are too old, and how one writes that they are kept, and that they are restamped.
    pub(in super::super) too_old: AgePolicy,
    pub(in super::super) keep: [&'a str; 2],
    /// The proxy on the way to Coralogix.
    pub(in super::super) proxy: Option<&'a str>,
    /// `None` in a dry run.
    pub(in super::super) checkpoint: Option<&'a Path>,
    /// It is in an object store, and of replicas.
    pub(in super::super) is_shared: bool,
    pub(in super::super) dead_letters: Option<&'a Path>,
}

impl Beginning<'_> {
    /// Logs where reading begins, and what that means for older events.
    pub(in super::super) fn log(
        &self,
        start: StartPoint,
        org: &str,
        sink: &dyn LogSink,
        now: DateTime<Utc>,
    ) {
        Start {
            source: org,
            target: &sink.address(),
            proxy: self.proxy,
            resumes: self.resumes.unwrap_or(&resumes(start)),
            checkpoint: self.checkpoint,
            dead_letters: self.dead_letters,
            ..Start::default()
        }
        .log();
        if let Some(line) = self.ignored(start) {
            tracing::info!("{line}");
        }
        match self.too_old_at(start, now) {
            Some(line) if self.too_old == AgePolicy::Drop => tracing::warn!("{line}"),
            Some(line) => tracing::info!("{line}"),
            None => {}
        }
    }

    /// The setting has no effect.
    fn ignored(&self, start: StartPoint) -> Option<String> {
        let (StartPoint::Checkpoint { .. } | StartPoint::Moved(_)) = start else {
            return None;
        };
        let (since, checkpoint) = (self.since?, self.checkpoint?.display());
        if self.is_shared {
            return Some(format!(
                "{since} is ignored, for a position is saved in {checkpoint}; to go back, stop all replicas, and move it with `pull position rewind`"
            ));
        }
        Some(format!(
            "{since} is ignored, for a position is saved; to go back to it, stop the program, move {checkpoint} away, and start it again: what \
             was delivered before arrives twice then"
        ))
    }

    /// Reading begins before the oldest event that Coralogix takes.
    fn too_old_at(&self, start: StartPoint, now: DateTime<Utc>) -> Option<String> {
        let (StartPoint::Since(since) | StartPoint::Moved(since)) = start else {
            return None;
        };
        let limit = TimeDelta::from_std(AgeFilter::DEFAULT_LIMIT).unwrap_or(TimeDelta::MAX);
        if now.signed_duration_since(since) <= limit + ClockOffset::TOLERANCE {
            return None;
        }
        let since = text(since);
        let begins = format!(
            "reading begins at {since}, but Coralogix takes no event of more than 24 hours"
        );
        let file = self.dead_letters.map_or_else(
            || "the dead letters".to_owned(),
            |file| file.display().to_string(),
        );
        let [keep, restamp] = self.keep;
        Some(match self.too_old {
            AgePolicy::Drop => format!(
                "{begins}: older ones are dropped, and counted as too_old; to keep them, stop the program, and start it without its \
                 checkpoint and with {keep} (they go to {file}) or {restamp} (they are sent with the time of their arrival)"
            ),
            AgePolicy::DeadLetter => format!("{begins}: older ones go to {file}"),
            _ => format!("{begins}: older ones are sent with the time of their arrival"),
        })
    }
}

fn resumes(start: StartPoint) -> String {
    match start {
        StartPoint::Checkpoint {
            published: Some(published),
        } => format!("at the saved position, behind {}", text(published)),
        StartPoint::Checkpoint { published: None } => "at the saved position".into(),
        StartPoint::Since(since) => format!("no position is saved: at {}", text(since)),
        StartPoint::Moved(to) => format!("at {}, where the saved position was moved to", text(to)),
        _ => String::new(),
    }
}

fn text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hour: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + hour * 3600, 0).unwrap()
    }

    fn beginning(too_old: AgePolicy) -> Beginning<'static> {
        Beginning {
            since: Some("--since"),
            resumes: None,
            too_old,
            keep: ["--too-old dead-letter", "--too-old restamp"],
            proxy: None,
            checkpoint: Some(Path::new("position")),
            is_shared: false,
            dead_letters: Some(Path::new("letters")),
        }
    }

    #[test]
    fn start_beyond_24_hours_says_what_happens_and_how_to_keep_the_events() {
        let start = StartPoint::Since(at(0));
        for (policy, words) in [
            (
                AgePolicy::Drop,
                &[
                    "dropped",
                    "too_old",
                    "--too-old dead-letter",
                    "letters",
                    "--too-old restamp",
                ][..],
            ),
            (AgePolicy::DeadLetter, &["go to letters"]),
            (AgePolicy::Restamp, &["time of their arrival"]),
        ] {
            let line = beginning(policy).too_old_at(start, at(25)).unwrap();
            for word in words {
                assert!(line.contains(word), "{policy:?}, {word}: {line}");
            }
        }
        let drop = beginning(AgePolicy::Drop);
        assert_eq!(drop.too_old_at(start, at(24)), None, "the default");
        let saved = StartPoint::Checkpoint { published: None };
        assert_eq!(drop.too_old_at(saved, at(25)), None);
    }

    #[test]
    fn since_beside_a_checkpoint_is_said_to_be_ignored() {
        let saved = StartPoint::Checkpoint {
            published: Some(at(0)),
        };
        let line = beginning(AgePolicy::Drop).ignored(saved).unwrap();
        assert!(line.starts_with("--since is ignored"), "{line}");
        assert!(line.contains("move position away"), "{line}");
        assert_eq!(
            beginning(AgePolicy::Drop).ignored(StartPoint::Since(at(0))),
            None
        );
        let unset = Beginning {
            since: None,
            ..beginning(AgePolicy::Drop)
        };
        assert_eq!(unset.ignored(saved), None);
        let shared = Beginning {
            is_shared: true,
            ..beginning(AgePolicy::Drop)
        };
        let line = shared.ignored(saved).unwrap();
        assert!(line.contains("stop all replicas") && line.contains("position rewind"));
    }
}
