//! Times in the log of an org, as a person writes them.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use okta_coralogix_core::{Error, Result};
use okta_source::Since;

use crate::program::settings::parse::since_at;

/// How long Okta keeps its log.
pub(super) const LOG_RETENTION: TimeDelta = TimeDelta::days(90);

/// A time that has passed, also written as how long ago.
///
/// # Errors
/// `Config` if it is neither, or in the future.
pub(in super::super) fn time_of(
    name: &str,
    value: &str,
    now: DateTime<Utc>,
) -> Result<DateTime<Utc>> {
    let since = since_at(value, now).map_err(|detail| Error::config(name, detail))?;
    Ok(match since {
        Since::At(time) => time,
        Since::Ago(ago) => TimeDelta::from_std(ago)
            .ok()
            .and_then(|ago| now.checked_sub_signed(ago))
            .unwrap_or(DateTime::UNIX_EPOCH),
        // `since_at` gives no other.
        _ => return Err(Error::config(name, "is no time")),
    })
}

/// # Errors
/// `Config` if Okta no longer has what it stored then.
pub(crate) fn check_kept(name: &str, time: DateTime<Utc>, now: DateTime<Utc>) -> Result<()> {
    let oldest = now - LOG_RETENTION;
    if time >= oldest {
        return Ok(());
    }
    let detail = format!(
        "{} is more than 90 days ago, and Okta keeps its log for 90 days; write a time from {} on",
        text(time),
        text(oldest)
    );
    Err(Error::config(name, detail))
}

pub(crate) fn text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// From one time to a later one, in words: whole seconds below an hour, else whole minutes.
pub(super) fn between(earlier: DateTime<Utc>, later: DateTime<Utc>) -> String {
    let lasts = later.signed_duration_since(earlier).to_std();
    let seconds = lasts.unwrap_or_default().as_secs();
    let whole = match seconds {
        0..3600 => seconds,
        _ => seconds - seconds % 60,
    };
    humantime::format_duration(std::time::Duration::from_secs(whole)).to_string()
}
