//! `published`: an RFC 3339 time, nearly always spelt in the same 24 bytes.

use chrono::{DateTime, Utc};

use crate::json::string::plain;

/// The time that the inside of a JSON string spells.
pub(super) fn parse(text: &str) -> Option<DateTime<Utc>> {
    if let Some(time) = usual(text.as_bytes()) {
        return Some(time);
    }
    let parsed = DateTime::parse_from_rfc3339(&plain(text.as_bytes())).ok()?;
    Some(parsed.to_utc())
}

/// The form of a time, eight bytes a word.
const FORM: [u64; 3] = [
    u64::from_le_bytes(*b"0000-00-"),
    u64::from_le_bytes(*b"00T00:00"),
    u64::from_le_bytes(*b":00.000Z"),
];

/// What is added to each byte's difference from the form, so that its highest bit is set if it is too large.
const ROOM: [u64; 3] = {
    let mut room = [0; 3];
    let mut byte = 0;
    while byte < 24 {
        let (word, shift) = (byte / 8, byte % 8 * 8);
        let is_digit = FORM[word] >> shift & 0xFF == b'0' as u64;
        let most = if is_digit { 9 } else { 0 };
        room[word] |= (0x7F - most) << shift;
        byte += 1;
    }
    room
};

/// The highest bit of each byte.
const HIGHEST: u64 = u64::MAX / 0xFF * 0x80;

/// A time in the form that Okta uses, `2026-05-04T12:00:00.000Z`; `None` for any other, for leap seconds and for leap days.
fn usual(text: &[u8]) -> Option<DateTime<Utc>> {
    let text: &[u8; 24] = text.try_into().ok()?;
    let mut digits = [0; 24];
    let mut wrong = 0;
    for (word, eight) in text.as_chunks().0.iter().enumerate() {
        // A digit differs from `0` by at most 9, and a byte that must be itself by nothing.
        let off = u64::from_le_bytes(*eight) ^ FORM[word];
        wrong |= off | off.wrapping_add(ROOM[word]);
        digits[word * 8..][..8].copy_from_slice(&off.to_le_bytes());
    }
    if wrong & HIGHEST != 0 {
        return None;
    }
    let digit = |at: usize| i64::from(digits[at]);
    let two = |at| digit(at) * 10 + digit(at + 1);
    let (year, month, day) = (two(0) * 100 + two(2), two(5), two(8));
    let (hour, minute, second) = (two(11), two(14), two(17));
    let millis = digit(20) * 100 + two(21);
    let days_of_month = match month {
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=days_of_month).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = ((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    DateTime::from_timestamp_millis(seconds * 1000 + millis)
}

/// Days from 1970-01-01 to a day of the Gregorian calendar.
///
/// Years begin in March here, so that the leap day is the last of its year; 400 of them have 146,097 days.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let month = (month + 9) % 12;
    // Days before a month: 31, 30, 31, 30, 31 over and over.
    let in_year = (153 * month + 2) / 5 + day - 1;
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    // From 0000-03-01 to 1970-01-01.
    year * 365 + leap_days + in_year - 719_468
}

#[cfg(test)]
mod tests {
    use chrono::{Datelike, NaiveDate, TimeDelta};

    use super::*;

    fn by_chrono(text: &str) -> Option<DateTime<Utc>> {
        DateTime::parse_from_rfc3339(text)
            .ok()
            .map(|time| time.to_utc())
    }

    #[test]
    fn timestamp_of_every_day_in_400_years_matches_chrono() {
        let mut day = NaiveDate::from_ymd_opt(1799, 12, 31).unwrap();
        while day.year() < 2201 {
            let text = format!("{day}T23:59:59.999Z");
            assert_eq!(parse(&text), by_chrono(&text), "{text}");
            let is_leap_day = (day.month(), day.day()) == (2, 29);
            assert_eq!(usual(text.as_bytes()).is_none(), is_leap_day, "{text}");
            day += TimeDelta::days(1);
        }
    }

    #[test]
    fn timestamp_with_any_byte_replaced_matches_chrono() {
        for time in [
            "2026-05-04T12:00:00.000Z",
            "2024-02-28T23:59:59.999Z",
            "0000-01-01T00:00:00.000Z",
        ] {
            for at in 0..time.len() {
                for byte in 0..=0x7F_u8 {
                    let mut text = time.as_bytes().to_vec();
                    text[at] = byte;
                    let text = String::from_utf8(text).unwrap();
                    if !text.contains('\\') {
                        assert_eq!(parse(&text), by_chrono(&text), "{text:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn timestamp_in_other_formats_is_parsed() {
        for text in [
            "2026-05-04T12:00:00Z",
            "2026-05-04t12:00:00.123456789z",
            "2026-05-04T12:00:00.000+02:00",
            "2026-12-31T23:59:60.000Z",
            "9999-12-31T23:59:59.999Z",
        ] {
            assert!(parse(text).is_some());
            assert_eq!(parse(text), by_chrono(text), "{text}");
        }
        assert_eq!(
            parse("2026-05-04T12:00:00.000\\u005a"),
            by_chrono("2026-05-04T12:00:00.000Z")
        );
        assert_eq!(parse("2026-02-30T12:00:00.000Z"), None);
    }
}
