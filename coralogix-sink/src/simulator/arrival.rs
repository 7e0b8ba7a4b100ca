//! One entry that was taken.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::value::RawValue;

/// An entry that was taken, as it stood in the request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Arrival {
    /// What tells it from others, where it could be found in the text.
    pub id: Option<String>,
    /// `applicationName`.
    pub application: String,
    /// `subsystemName`.
    pub subsystem: String,
    /// `computerName`.
    pub computer: Option<String>,
    /// `category`.
    pub category: Option<String>,
    /// `timestamp`, to the nanosecond.
    pub timestamp: Option<DateTime<Utc>>,
    /// `severity`, 1 to 6.
    pub severity: Option<u8>,
    /// `text`: the unescaped string, or the embedded JSON, byte for byte.
    pub text: String,
    /// True if the text was embedded JSON.
    pub embedded: bool,
    /// Bytes of the whole entry.
    pub bytes: usize,
    /// Index of the request that brought it, in [`Ledger::requests`](super::Ledger::requests).
    pub request: usize,
    /// What is odd about it.
    pub remarks: Vec<Remark>,
}

/// What is odd about an entry that was taken all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Remark {
    /// Older than the simulator was told to expect.
    TooOld,
    /// Larger than the simulator was told to expect.
    TooBig,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Wire<'a> {
    #[serde(borrow)]
    application_name: Cow<'a, str>,
    #[serde(borrow)]
    subsystem_name: Cow<'a, str>,
    computer_name: Option<String>,
    #[serde(borrow)]
    timestamp: Option<&'a RawValue>,
    severity: Option<u8>,
    category: Option<String>,
    #[serde(rename = "className")]
    _class_name: Option<String>,
    #[serde(rename = "methodName")]
    _method_name: Option<String>,
    #[serde(rename = "threadId")]
    _thread_id: Option<String>,
    #[serde(borrow)]
    text: &'a RawValue,
}

impl Arrival {
    /// Reads an entry strictly: the documented fields, no other.
    pub(super) fn read(entry: &RawValue) -> Result<Self, String> {
        let wire: Wire<'_> = serde_json::from_str(entry.get()).map_err(|e| e.to_string())?;
        for (field, name) in [
            ("applicationName", &wire.application_name),
            ("subsystemName", &wire.subsystem_name),
        ] {
            if name.trim().is_empty() {
                return Err(format!("{field} is empty"));
            }
        }
        if wire.severity.is_some_and(|code| !(1..=6).contains(&code)) {
            return Err("severity is not 1 to 6".into());
        }
        let timestamp = match wire.timestamp {
            None => None,
            Some(number) => Some(read_millis(number.get()).ok_or("timestamp is no number")?),
        };
        let (text, embedded) = match serde_json::from_str::<String>(wire.text.get()) {
            Ok(plain) => (plain, false),
            Err(_) => (wire.text.get().into(), true),
        };
        Ok(Self {
            id: None,
            application: wire.application_name.into_owned(),
            subsystem: wire.subsystem_name.into_owned(),
            computer: wire.computer_name,
            category: wire.category,
            timestamp,
            severity: wire.severity,
            text,
            embedded,
            bytes: entry.get().len(),
            request: 0,
            remarks: Vec::new(),
        })
    }
}

/// Milliseconds with decimal places, read without a float in between.
fn read_millis(number: &str) -> Option<DateTime<Utc>> {
    let (digits, negative) = match number.strip_prefix('-') {
        Some(digits) => (digits, true),
        None => (number, false),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let part = format!("{part:0<6}");
    let nanos: i128 = format!("{whole}{}", part.get(..6)?).parse().ok()?;
    let nanos = if negative { -nanos } else { nanos };
    let seconds = i64::try_from(nanos.div_euclid(1_000_000_000)).ok()?;
    let subsec = u32::try_from(nanos.rem_euclid(1_000_000_000)).ok()?;
    DateTime::from_timestamp(seconds, subsec)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_read_to_the_nanosecond() {
        let cases = [
            ("1700000000000", "2023-11-14T22:13:20Z"),
            ("1700000000000.123456", "2023-11-14T22:13:20.000123456Z"),
            ("1700000000001.5", "2023-11-14T22:13:20.0015Z"),
            ("-1.5", "1969-12-31T23:59:59.9985Z"),
        ];
        for (number, expected) in cases {
            assert_eq!(read_millis(number), expected.parse().ok(), "{number}");
        }
        assert_eq!(read_millis("soon"), None);
    }
}
