//! What is wanted of an EventBridge envelope.

use std::ops::Range;

use super::head::Fields;

/// An object with an event as its `detail`.
pub(super) struct Envelope<'a> {
    /// The text of its `source`, with the quotes; it has no escape in it.
    pub(super) source: Option<&'a str>,
    /// Where the event stands.
    pub(super) event: Range<usize>,
    /// What was found of the event's head.
    pub(super) fields: Fields<'a>,
}
