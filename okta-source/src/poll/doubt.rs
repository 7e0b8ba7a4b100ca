//! Pages that may have been cut off are asked for again before they are believed.

use std::hash::{DefaultHasher, Hasher};

use bytes::Bytes;

use crate::position::page_request::PageRequest;

/// Why a page, though it ends with the bracket of an array, may not be whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// HTTP proves its length, but its last element is broken.
    LastElement,
    /// HTTP proves its length, but an element has no end: it may have been cut off before its length was counted.
    CutOff,
    /// An element is broken, and HTTP proves nothing: the connection may have ended early.
    Unframed,
}

/// What is to be done with a doubtful page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// It is used. Its broken elements are dead-lettered.
    Believe,
    /// The same request is sent again.
    AskAgain,
    /// Fewer events are asked for.
    AskForLess,
}

/// The last answer that could not be believed, or not be read.
///
/// One of
/// * none: since then a page was used;
/// * an answer to this request: the next one to the same request is a repetition.
///
/// A repetition that brings the same bytes is believed, if one event was asked for, so that nothing but a part of this event can be
/// missing, or if it is only the [last element](Doubt::LastElement) that is broken. Any other makes the page smaller: a gateway that
/// cuts off what is longer than so many bytes lets small pages pass, and then their end proves itself. So each event is
/// delivered or dead-lettered after a bounded number of requests.
#[derive(Debug, Default)]
pub(crate) struct Doubts(Option<(PageRequest, u64)>);

/// An answer beside the one before.
enum Reading {
    /// The one before was to another request, or a page was used since.
    First,
    /// The same bytes again.
    Same,
    /// Other bytes to the same request.
    Other,
}

impl Doubts {
    /// What is to be done with a page of at most `limit` events.
    pub(crate) fn decide(
        &mut self,
        doubt: Doubt,
        request: &PageRequest,
        limit: usize,
        body: &Bytes,
    ) -> Decision {
        match self.remember(request, body) {
            Reading::First => Decision::AskAgain,
            Reading::Same if doubt == Doubt::LastElement || limit <= 1 => Decision::Believe,
            Reading::Same | Reading::Other => Decision::AskForLess,
        }
    }

    /// What is to be done after a page that cannot be read at all.
    pub(crate) fn unreadable(&mut self, request: &PageRequest, body: &Bytes) -> Decision {
        match self.remember(request, body) {
            Reading::First => Decision::AskAgain,
            Reading::Same | Reading::Other => Decision::AskForLess,
        }
    }

    fn remember(&mut self, request: &PageRequest, body: &Bytes) -> Reading {
        let mut hasher = DefaultHasher::new();
        hasher.write(body);
        let hash = hasher.finish();
        match self.0.replace((request.clone(), hash)) {
            Some((before, same)) if before == *request => match same == hash {
                true => Reading::Same,
                false => Reading::Other,
            },
            _ => Reading::First,
        }
    }

    /// A page is used.
    pub(crate) fn end(&mut self) {
        self.0 = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn since(time: &str) -> PageRequest {
        PageRequest::Since(time.parse().unwrap())
    }

    #[test]
    fn doubtful_page_is_believed_when_it_repeats() {
        use Decision::{AskAgain, AskForLess, Believe};
        let (one, other) = (since("2026-11-22T10:00:00Z"), since("2026-11-22T11:00:00Z"));
        let (a, b) = (Bytes::from_static(b"a"), Bytes::from_static(b"b"));
        let mut doubts = Doubts::default();
        for (doubt, request, limit, body, decision) in [
            (Doubt::LastElement, &one, 1_000, &a, AskAgain),
            (Doubt::LastElement, &one, 1_000, &b, AskForLess),
            (Doubt::LastElement, &one, 500, &b, Believe),
            (Doubt::Unframed, &one, 500, &b, AskForLess),
            (Doubt::Unframed, &one, 1, &a, AskForLess),
            (Doubt::Unframed, &one, 1, &a, Believe),
            // Another request is no repetition.
            (Doubt::Unframed, &other, 1, &a, AskAgain),
            (Doubt::Unframed, &other, 1, &a, Believe),
        ] {
            let decided = doubts.decide(doubt, request, limit, body);
            assert_eq!(decided, decision, "{doubt:?} of {limit}");
        }
        doubts.end();
        let decided = doubts.decide(Doubt::LastElement, &other, 1_000, &a);
        assert_eq!(decided, AskAgain);
    }
}
