//! One accepted entry.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::value::RawValue;

/// An accepted entry, as the request contained it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Arrival {
    /// Its id, if the text contains one.
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
    /// Limits that it exceeds.
    pub warnings: Vec<Warning>,
}

/// A limit of the simulator that an accepted entry exceeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// Older than [`max_age`](super::CoralogixSimulatorBuilder::max_age).
    TooOld,
    /// Larger than [`max_entry_bytes`](super::CoralogixSimulatorBuilder::max_entry_bytes).
    TooBig,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct EntryFields<'a> {
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
        let fields: EntryFields<'_> =
            serde_json::from_str(entry.get()).map_err(|e| e.to_string())?;
        for (field, name) in [
            ("applicationName", &fields.application_name),
            ("subsystemName", &fields.subsystem_name),
        ] {
            if name.trim().is_empty() {
                return Err(format!("{field} is empty"));
            }
        }
        if fields.severity.is_some_and(|code| !(1..=6).contains(&code)) {
            return Err("severity is not 1 to 6".into());
        }
        let timestamp = match fields.timestamp {
            None => None,
            Some(number) => Some(read_millis(number.get()).ok_or("timestamp is no number")?),
        };
        let (text, embedded) = match serde_json::from_str::<String>(fields.text.get()) {
            Ok(plain) => (plain, false),
            Err(_) => (fields.text.get().into(), true),
        };
        Ok(Self {
            id: None,
            application: fields.application_name.into_owned(),
            subsystem: fields.subsystem_name.into_owned(),
            computer: fields.computer_name,
            category: fields.category,
            timestamp,
            severity: fields.severity,
            text,
            embedded,
            bytes: entry.get().len(),
            request: 0,
            warnings: Vec::new(),
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
