//! `published`, against a reading of RFC 3339 with nothing but integers, and on to the entry's `timestamp`.

#![no_main]

use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use libfuzzer_sys::fuzz_target;
use okta_coralogix_core::event::MalformedReason;
use okta_coralogix_core::{CoralogixMapping, Mapping, Origin, RawEvent};

fuzz_target!(|text: &str| {
    let quoted = serde_json::to_string(text).expect("a string is JSON");
    let event = Bytes::from(format!(r#"{{"uuid":"u","published":{quoted}}}"#));
    let parsed = RawEvent::parse(event, Arc::new(Origin::org("acme")));
    // What chrono takes is what is documented.
    let expected = DateTime::parse_from_rfc3339(text).ok();
    let published = parsed.as_ref().ok().map(RawEvent::published);
    assert_eq!(published, expected.map(|time| time.to_utc()), "{text:?}");
    if let Some(nanos) = plain(text) {
        let published = published.unwrap_or_else(|| panic!("{text:?} is a good time"));
        assert_eq!(nanos_of(published), nanos, "{text:?}");
    }
    match parsed {
        Ok(event) => the_entry_has_the_very_same_time(&event),
        Err(malformed) => assert_eq!(malformed.reason, MalformedReason::BadPublished),
    }
});

fn nanos_of(time: DateTime<Utc>) -> i128 {
    i128::from(time.timestamp()) * 1_000_000_000 + i128::from(time.timestamp_subsec_nanos())
}

/// Nanoseconds since 1970 of the form that Okta writes: `YYYY-MM-DDTHH:MM:SS`, up to nine decimals, `Z` or an offset. `None` for
/// any other text, and for leap seconds.
fn plain(text: &str) -> Option<i128> {
    let (date, time) = text.split_once('T')?;
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let zone = time.find(['Z', '+', '-'])?;
    let (time, zone) = time.split_at(zone);
    let offset = match zone.split_at_checked(1)? {
        ("Z", "") => 0,
        (sign, zone) if sign != "Z" => {
            let [hours, minutes] = numbers(zone, ':', [2, 2])?;
            if hours > 23 || minutes > 59 {
                return None;
            }
            (hours * 60 + minutes) * if sign == "+" { 60 } else { -60 }
        }
        _ => return None,
    };
    let (time, decimals) = time.split_once('.').unwrap_or((time, "0"));
    let [hour, minute, second] = numbers(time, ':', [2, 2, 2])?;
    if decimals.is_empty() || decimals.len() > 9 || !decimals.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let nanos: i128 = format!("{decimals:0<9}").parse().ok()?;
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let lengths = [
        31,
        28 + i128::from(is_leap),
        31,
        30,
        31,
        30,
        31,
        31,
        30,
        31,
        30,
        31,
    ];
    let length = lengths.get(usize::try_from(month).ok()?.checked_sub(1)?)?;
    if !(1..=*length).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let before = |year: i128| year * 365 + year / 4 - year / 100 + year / 400;
    // Year 0 is a leap year too.
    let years = match year {
        0 => 0,
        year => before(year - 1) + 366,
    };
    let months: i128 = lengths[..usize::try_from(month).ok()? - 1].iter().sum();
    let days = years + months + day - 1 - 719_528;
    let seconds = ((days * 24 + hour) * 60 + minute) * 60 + second - offset;
    Some(seconds * 1_000_000_000 + nanos)
}

/// Numbers of just so many digits.
fn numbers<const N: usize>(text: &str, between: char, digits: [usize; N]) -> Option<[i128; N]> {
    let mut parts = text.split(between);
    let mut numbers = [0; N];
    for (number, digits) in numbers.iter_mut().zip(digits) {
        let part = parts.next()?;
        if part.len() != digits || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(numbers)
}

/// Milliseconds with decimals that come to the nanosecond that was read.
fn the_entry_has_the_very_same_time(event: &RawEvent) {
    let published = event.published();
    let mapping = CoralogixMapping::builder()
        .build()
        .expect("the defaults are valid");
    let entry = mapping.map(event).expect("nothing in it cannot be mapped");
    let mut json = Vec::new();
    entry.write_json(&mut json);
    let entry: serde_json::Value = serde_json::from_slice(&json).expect("an entry is JSON");
    assert!(entry["timestamp"].is_number());
    let json = String::from_utf8(json).expect("an entry is text");
    let (_, timestamp) = json.split_once(r#""timestamp":"#).expect("it has one");
    let (timestamp, _) = timestamp.split_once(',').expect("more stands behind it");
    let (whole, part) = timestamp.split_once('.').unwrap_or((timestamp, ""));
    let digits = format!("{whole}{part:0<6}");
    let nanos: i128 = digits.parse().expect("digits");
    assert_eq!(nanos, nanos_of(published), "{timestamp}");
}
