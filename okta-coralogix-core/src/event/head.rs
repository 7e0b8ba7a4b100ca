//! The few fields of an event that every event's path reads.

use std::ops::Range;

use chrono::{DateTime, Utc};
use serde::de::IgnoredAny;

use super::fields::Fields;
use super::{MalformedReason, OktaSeverity, scan};
use crate::json::WHITE_SPACE;

/// The head of an event: its time, and the spans of its strings in the event's bytes. No allocation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EventHead {
    pub(super) published: DateTime<Utc>,
    pub(super) uuid: Option<Span>,
    pub(super) event_type: Option<Span>,
    pub(super) severity: Option<OktaSeverity>,
}

impl EventHead {
    /// Reads the head of the one JSON value in `json`.
    pub(super) fn read(json: &[u8]) -> Result<Self, MalformedReason> {
        let text = utf8(json)?;
        match scan::object(text) {
            Some(fields) => fields.head(text),
            None => Self::read_by_serde_json(json),
        }
    }

    /// The same, by `serde_json` alone.
    pub(crate) fn read_by_serde_json(json: &[u8]) -> Result<Self, MalformedReason> {
        let text = utf8(json)?;
        let not_json = |error: serde_json::Error| MalformedReason::NotJson(error.to_string());
        if !text.trim_start_matches(WHITE_SPACE).starts_with('{') {
            serde_json::from_str::<IgnoredAny>(text).map_err(not_json)?;
            return Err(MalformedReason::NotAnObject);
        }
        let fields: Fields<'_> = serde_json::from_str(text).map_err(not_json)?;
        fields.head(text)
    }
}

fn utf8(json: &[u8]) -> Result<&str, MalformedReason> {
    simdutf8::basic::from_utf8(json).map_err(|_| MalformedReason::NotUtf8)
}

/// A part of an event's bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    #[inline]
    pub(super) fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// The span of `part`, a slice of `whole`. `None` past 4 GiB, which no event reaches.
    #[inline]
    pub(super) fn of(part: &str, whole: &str) -> Option<Self> {
        let start = (part.as_ptr() as usize).checked_sub(whole.as_ptr() as usize)?;
        Some(Self {
            start: u32::try_from(start).ok()?,
            end: u32::try_from(start + part.len()).ok()?,
        })
    }
}
