//! The times of a range, and the file of its position.

use std::ops::Range;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use okta_coralogix_core::{Clock, Error, Result, SystemClock};

use crate::program::Environment;
use crate::program::settings::Written;
use crate::pull::PullArgs;
use crate::pull::args::{FROM, TO};
use crate::pull::position::{check_kept, text, time_of};

/// The times of `--from` and `--to`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RangeTimes {
    pub(crate) range: Range<DateTime<Utc>>,
    /// Written as how long ago: the same words mean another range later.
    pub(super) is_relative: bool,
}

impl RangeTimes {
    /// `None`: neither is set.
    ///
    /// # Errors
    /// `Config` if one is missing or wrong.
    pub(in super::super) fn read(
        args: &PullArgs,
        environment: &Environment,
    ) -> Result<Option<Self>> {
        let values = args.range.values(environment);
        let pair = |written: Written| (written.setting, written.value);
        let from = values.find(&FROM.about)?.map(pair);
        let to = values.find(&TO.about)?.map(pair);
        let missing = |name: &str, detail: &str| Err(Error::config(name, detail));
        match (from, to) {
            (None, None) => Ok(None),
            (Some(_), None) => missing(
                "--to",
                "is missing: write where the range of --from ends; to begin somewhere and go on for ever, write --since in place of --from",
            ),
            (None, Some(_)) => {
                missing("--from", "is missing: write where the range of --to begins")
            }
            (Some(from), Some(to)) => Self::parse(&from, &to, SystemClock.now()).map(Some),
        }
    }

    /// Of the names and values of both.
    ///
    /// # Errors
    /// `Config` if one is wrong.
    pub(crate) fn parse(
        (from_name, from): &(String, String),
        (to_name, to): &(String, String),
        now: DateTime<Utc>,
    ) -> Result<Self> {
        let is_relative = [from, to].map(|time| time.trim().parse::<DateTime<Utc>>().is_err());
        let range = time_of(from_name, from, now)?..time_of(to_name, to, now)?;
        if range.is_empty() {
            let (from, to) = (text(range.start), text(range.end));
            let detail = format!("is {to}, which is not behind --from, {from}: write a later time");
            return Err(Error::config(to_name, detail));
        }
        Ok(Self {
            range,
            is_relative: is_relative.contains(&true),
        })
    }

    /// The file of its position, beside that of polling. A range of the same times has the same.
    pub(super) fn checkpoint(&self, polling: &Path) -> PathBuf {
        let compact = |time: DateTime<Utc>| {
            let time = text(time).replace(['-', ':'], "");
            time.replace('+', "_")
        };
        let mut name = polling.as_os_str().to_owned();
        let (from, to) = (compact(self.range.start), compact(self.range.end));
        name.push(format!(".from-{from}-to-{to}"));
        name.into()
    }

    /// # Errors
    /// `Config` if Okta no longer has its start, unless it was begun before.
    pub(super) fn check_kept(&self, checkpoint: &Path) -> Result<()> {
        match checkpoint.exists() {
            true => Ok(()),
            false => check_kept("--from", self.range.start, SystemClock.now()),
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn parse(from: &str, to: &str) -> Result<RangeTimes> {
        let now = "2026-11-30T12:00:00Z".parse().unwrap();
        let named = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        RangeTimes::parse(&named("--from", from), &named("--to", to), now)
    }

    #[test]
    fn range_has_a_file_of_its_own_beside_the_position() {
        let range = parse("2026-11-28T00:00:00Z", "2026-11-29T01:00:00.5+01:00").unwrap();
        assert!(!range.is_relative);
        let file = range.checkpoint(Path::new("state/acme.checkpoint"));
        let name = "state/acme.checkpoint.from-20261128T000000Z-to-20261129T000000.500Z";
        assert_eq!(file, Path::new(name));
        let range = parse("48h", "2026-11-29T12:00:00Z").unwrap();
        assert!(range.is_relative);
        assert_eq!(range.range.end - range.range.start, TimeDelta::days(1));
    }

    #[test]
    fn range_that_is_empty_or_in_the_future_is_refused() {
        for (from, to, words) in [
            (
                "24h",
                "48h",
                "--to: is 2026-11-28T12:00:00Z, which is not behind --from",
            ),
            ("24h", "24h", "not behind --from"),
            (
                "24h",
                "2026-11-30T12:00:01Z",
                "--to: \"2026-11-30T12:00:01Z\" is in the future",
            ),
            (
                "yesterday",
                "1h",
                "--from: \"yesterday\" is neither a time nor a duration",
            ),
        ] {
            let error = parse(from, to).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
