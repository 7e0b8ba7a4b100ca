//! Reads the values of settings, with their units and bounds.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use okta_coralogix_core::filter::AgePolicy;
use okta_coralogix_core::mapping::FieldPath;
use okta_coralogix_core::{Clock, SystemClock};
use okta_source::Since;

use super::About;

/// The range of durations.
const DURATIONS: RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(30 * 24 * 3600);

/// Units of bytes. The longest names come first.
const UNITS: [(&str, u64); 7] = [
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
    ("kb", 1_000),
    ("mb", 1_000_000),
    ("gb", 1_000_000_000),
    ("b", 1),
];

/// Any text but an empty one.
///
/// # Errors
/// If it is empty.
pub fn text(about: &About, value: &str) -> Result<String, String> {
    match value.trim() {
        "" => Err(format!(
            "is empty; write one such as {}, or leave it out",
            about.example()
        )),
        value => Ok(value.to_owned()),
    }
}

/// A text that is judged where it is used, beside others.
///
/// # Errors
/// None.
pub fn any(_: &About, value: &str) -> Result<String, String> {
    Ok(value.to_owned())
}

/// A whole number.
///
/// # Errors
/// If it is none.
pub fn number<N: FromStr>(about: &About, value: &str) -> Result<N, String> {
    value.trim().parse().map_err(|_| {
        format!(
            "{value:?} is no number; write one such as {}",
            about.example()
        )
    })
}

/// A file.
///
/// # Errors
/// If its name is empty.
pub fn file(about: &About, value: &str) -> Result<PathBuf, String> {
    match value {
        "" => Err(format!(
            "is empty; write a file, such as {}",
            about.example()
        )),
        path => Ok(path.into()),
    }
}

/// True or false.
///
/// # Errors
/// If it is neither.
pub fn switch(_: &About, value: &str) -> Result<bool, String> {
    match value {
        "1" | "true" | "on" => Ok(true),
        "0" | "false" | "off" | "" => Ok(false),
        _ => Err(format!("is {value:?}; write true or false")),
    }
}

/// A duration from one second to thirty days.
///
/// # Errors
/// If it is none.
pub fn duration(about: &About, value: &str) -> Result<Duration, String> {
    duration_like(about.example(), value)
}

fn duration_like(example: &str, value: &str) -> Result<Duration, String> {
    match humantime::parse_duration(value.trim()) {
        Ok(time) if DURATIONS.contains(&time) => Ok(time),
        _ => Err(format!(
            "{value:?} is no duration from 1s to 30d; write one such as {example} or 90m"
        )),
    }
}

/// A duration, or `off`.
///
/// # Errors
/// If it is neither.
pub fn duration_or_off(about: &About, value: &str) -> Result<Option<Duration>, String> {
    match value.trim() {
        "off" => Ok(None),
        value => duration_like(&format!("{}, off,", about.example()), value).map(Some),
    }
}

/// A time that has passed, or how long ago.
///
/// # Errors
/// If it is neither, or lies in the future.
pub fn since(_: &About, value: &str) -> Result<Since, String> {
    since_at(value, SystemClock.now())
}

/// As [`since`], at `now`.
///
/// # Errors
/// As there.
pub fn since_at(value: &str, now: DateTime<Utc>) -> Result<Since, String> {
    if let Ok(time) = value.trim().parse::<DateTime<Utc>>() {
        if time > now {
            let now = now.to_rfc3339_opts(SecondsFormat::Secs, true);
            return Err(format!(
                "{value:?} is in the future by the clock of this host, which says {now}: no event before it would ever be read; write a \
                 time that has passed, or 24h, or set the clock"
            ));
        }
        return Ok(Since::At(time));
    }
    humantime::parse_duration(value.trim()).map(Since::Ago).map_err(|_| {
        let advice = "is neither a time nor a duration; write an RFC 3339 time such as 2026-11-22T10:00:00Z, or 90m, or 24h";
        format!("{value:?} {advice}")
    })
}

/// A share above 0 and up to 1.
///
/// # Errors
/// If it is none. A percentage is named as such.
pub fn share(about: &About, value: &str) -> Result<f64, String> {
    let example = about.example();
    match value.trim().parse::<f64>() {
        Ok(share) if share > 0.0 && share <= 1.0 => Ok(share),
        Ok(percent) if percent > 1.0 && percent <= 100.0 => {
            let share = percent / 100.0;
            Err(format!(
                "{value:?} is more than the whole; write a share above 0 and up to 1: {share} for {percent} %"
            ))
        }
        _ => Err(format!(
            "{value:?} is no share above 0 and up to 1; write one such as {example}"
        )),
    }
}

/// A number of bytes within `bounds`, plain or with a unit: `64MiB`, `2MB`.
///
/// # Errors
/// If it is none.
pub fn bytes_within(
    about: &About,
    value: &str,
    bounds: RangeInclusive<u64>,
) -> Result<usize, String> {
    let small = value.trim().to_ascii_lowercase();
    let unit = UNITS.iter().find(|(unit, _)| small.ends_with(unit));
    let (number, factor) = match unit {
        Some((unit, factor)) => (&small[..small.len() - unit.len()], *factor),
        None => (&small[..], 1),
    };
    let number = number.trim().replace('_', "").parse::<u64>().ok();
    let bytes = number.and_then(|number| number.checked_mul(factor));
    let bytes = bytes.filter(|bytes| bounds.contains(bytes));
    let bytes = bytes.and_then(|bytes| usize::try_from(bytes).ok());
    bytes.ok_or_else(|| {
        let (least, most) = (with_unit(*bounds.start()), with_unit(*bounds.end()));
        format!(
            "{value:?} is no number of bytes from {least} to {most}; write one such as {}",
            about.example()
        )
    })
}

fn with_unit(bytes: u64) -> String {
    let whole = UNITS
        .iter()
        .take(3)
        .rev()
        .find(|(_, unit)| bytes.is_multiple_of(*unit));
    match whole {
        Some((name, unit)) => {
            let name = match *name {
                "kib" => "KiB",
                "mib" => "MiB",
                _ => "GiB",
            };
            format!("{}{name}", bytes / unit)
        }
        None => bytes.to_string(),
    }
}

/// What becomes of events that are too old.
///
/// # Errors
/// If it is none of the three.
pub fn too_old(_: &About, value: &str) -> Result<AgePolicy, String> {
    match value {
        "drop" => Ok(AgePolicy::Drop),
        // `keep` is the older name, of `replay`.
        "dead-letter" | "keep" => Ok(AgePolicy::DeadLetter),
        "restamp" => Ok(AgePolicy::Restamp),
        _ => Err(format!("is {value:?}; write drop, dead-letter or restamp")),
    }
}

/// Texts with commas between them.
///
/// # Errors
/// If one is empty.
pub fn list(about: &About, value: &str) -> Result<Vec<String>, String> {
    let texts: Vec<_> = value
        .split(',')
        .map(|text| text.trim().to_owned())
        .collect();
    match texts.iter().any(String::is_empty) {
        true => Err(format!(
            "{value:?} has an empty place; write one or more with commas between them, such as {}",
            about.example()
        )),
        false => Ok(texts),
    }
}

/// Paths of fields with commas between them.
///
/// # Errors
/// If one is no path.
pub fn field_paths(about: &About, value: &str) -> Result<Vec<String>, String> {
    let paths = list(about, value)?;
    match paths.iter().find(|path| path.parse::<FieldPath>().is_err()) {
        Some(wrong) => Err(format!(
            "{wrong:?} is no path of a field of the event; write one such as {}",
            about.example()
        )),
        None => Ok(paths),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABOUT: About = About {
        default: "64MiB",
        ..About::NONE
    };

    #[test]
    fn bytes_have_units_and_bounds() {
        let bounds = (64 << 10)..=(1 << 30);
        let read = |value| bytes_within(&ABOUT, value, bounds.clone());
        for (value, bytes) in [
            ("64KiB", 64 << 10),
            ("64 mib", 64 << 20),
            ("1GiB", 1 << 30),
            ("2MB", 2_000_000),
            ("100_000", 100_000),
            ("100000b", 100_000),
        ] {
            assert_eq!(read(value), Ok(bytes), "{value}");
        }
        for value in [
            "",
            "many",
            "-1",
            "63KiB",
            "2GiB",
            "1.5MiB",
            "99999999999999GiB",
        ] {
            let wrong = read(value).unwrap_err();
            assert!(
                wrong.contains("64KiB to 1GiB") && wrong.contains("such as 64MiB"),
                "{wrong}"
            );
        }
    }

    #[test]
    fn percentage_is_told_as_a_share() {
        assert_eq!(share(&ABOUT, "0.25"), Ok(0.25));
        assert_eq!(share(&ABOUT, "1"), Ok(1.0));
        assert!(share(&ABOUT, "50").unwrap_err().contains("0.5 for 50 %"));
        for value in ["0", "-0.5", "NaN", "inf", "101", "half", ""] {
            let wrong = share(&ABOUT, value).unwrap_err();
            assert!(wrong.contains("above 0 and up to 1"), "{value}: {wrong}");
        }
    }

    #[test]
    fn lists_name_the_wrong_element() {
        let about = About {
            example: "$.client.ipAddress",
            ..About::NONE
        };
        let paths = field_paths(&about, "$.client.ipAddress, $.target[*].alternateId");
        assert_eq!(paths.unwrap().len(), 2);
        let wrong = field_paths(&about, "$.client.ipAddress,actor.id").unwrap_err();
        assert!(
            wrong.starts_with("\"actor.id\"") && wrong.contains("$.client.ipAddress"),
            "{wrong}"
        );
        assert!(list(&about, "a,,b").unwrap_err().contains("empty place"));
    }
}
