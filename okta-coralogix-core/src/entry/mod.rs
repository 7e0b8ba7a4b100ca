//! A Coralogix log entry.

mod escape;
mod json;

pub use json::write_json_array;

use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use thiserror::Error;

use crate::{ErrorKind, JsonString};

/// Coralogix's six severities. Mind the order: Debug is below Verbose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Severity {
    /// 1
    Debug = 1,
    /// 2
    Verbose = 2,
    /// 3
    Info = 3,
    /// 4
    Warn = 4,
    /// 5
    Error = 5,
    /// 6
    Critical = 6,
}

impl Severity {
    /// The number that Coralogix's API takes.
    #[must_use]
    pub fn code(self) -> u8 {
        self as u8
    }
}

/// The names an entry is filed under; shared by all entries that have the same ones.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Names {
    /// `applicationName`: usually the environment.
    pub application: JsonString,
    /// `subsystemName`: usually the component; for Okta the account name.
    pub subsystem: JsonString,
    /// `computerName`: for Okta the org.
    pub computer: Option<JsonString>,
}

impl Names {
    /// An application and a subsystem, of no computer.
    #[must_use]
    pub fn new(application: impl Into<JsonString>, subsystem: impl Into<JsonString>) -> Self {
        Self {
            application: application.into(),
            subsystem: subsystem.into(),
            computer: None,
        }
    }
}

/// An entry for which Coralogix would refuse a whole request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidEntry {
    /// The application name is empty or white space.
    #[error("the application name is empty; Coralogix requires one")]
    NoApplication,
    /// The subsystem name is empty or white space.
    #[error("the subsystem name is empty; Coralogix requires one")]
    NoSubsystem,
    /// The text is not UTF-8.
    #[error("the text is not UTF-8")]
    NotUtf8,
    /// An embedded text is empty.
    #[error("the text is empty, which is no JSON value")]
    NoText,
}

impl From<InvalidEntry> for crate::Error {
    fn from(error: InvalidEntry) -> Self {
        Self::new(ErrorKind::InvalidEvent, error.to_string()).with_source(error)
    }
}

/// The `text` of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EntryText {
    /// A JSON document that is sent as an escaped string, which Coralogix documents as preferred.
    Escaped(Bytes),
    /// A JSON document that is sent as it is, embedded. Its bytes must be one valid JSON value.
    Embedded(Bytes),
}

/// One log entry on its way to Coralogix: a light view that shares its names and its text.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogEntry {
    /// Application, subsystem and computer.
    pub names: Arc<Names>,
    /// The event time. `None`: Coralogix stamps the time of receipt.
    pub timestamp: Option<DateTime<Utc>>,
    /// Always sent, since an entry without one is stored as Debug.
    pub severity: Severity,
    /// `category`: for Okta the event type.
    pub category: Option<JsonString>,
    /// `className`.
    pub class_name: Option<JsonString>,
    /// `methodName`.
    pub method_name: Option<JsonString>,
    /// `threadId`.
    pub thread_id: Option<JsonString>,
    /// The log itself. UTF-8.
    pub text: EntryText,
    /// The uuid of the Okta event that the entry was made of, for sinks that write an event once however often it comes. It is not sent.
    pub event_uuid: Option<JsonString>,
}

impl LogEntry {
    /// An entry of severity Info with names and text; everything else is set on its fields.
    #[must_use]
    #[inline]
    pub fn new(names: Arc<Names>, text: EntryText) -> Self {
        Self {
            names,
            timestamp: None,
            severity: Severity::Info,
            category: None,
            class_name: None,
            method_name: None,
            thread_id: None,
            text,
            event_uuid: None,
        }
    }
}
