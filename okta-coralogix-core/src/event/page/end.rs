//! Whether a page arrived whole, as far as its JSON tells.

use crate::event::{MalformedEvent, RawEvent};

/// A page, split into its elements.
#[derive(Debug)]
#[non_exhaustive]
pub struct SplitPage {
    /// In order.
    pub elements: Vec<Result<RawEvent, MalformedEvent>>,
    /// Whether it arrived whole.
    pub end: PageEnd,
}

/// What the JSON of a page says about whether it arrived whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PageEnd {
    /// The page is one sound array. No beginning of a sound array is one, so that nothing is missing.
    Sound,
    /// An element is broken, but not the last one, so that hardly anything is missing.
    Probable,
    /// The last element is broken.
    LastBroken,
    /// The text of an element goes on to the end of the page, and needs more. That is the look of a page that was cut off behind a `]`
    /// inside of an element.
    Open,
}
