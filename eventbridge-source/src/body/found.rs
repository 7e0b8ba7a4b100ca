//! Whether an event was found in bytes that cannot be delivered.

use okta_coralogix_core::event::MalformedReason;
use okta_coralogix_core::internal::json::Members;
use okta_coralogix_core::{MalformedEvent, RawEvent};

use super::parser::Item;

/// The keys of every LogEvent.
const KEYS: [&str; 3] = ["eventType", "published", "uuid"];

/// The items of a body, and whether there is an event among them.
#[derive(Debug, Default)]
pub(crate) struct ParsedBody {
    pub(crate) items: Vec<Item>,
    /// Asked while the body is unwrapped: a malformed item has the bytes of what is around it in the end.
    pub(crate) has_event: bool,
}

impl ParsedBody {
    pub(super) fn of(event: RawEvent) -> Self {
        Self {
            items: vec![Ok(event)],
            has_event: true,
        }
    }

    pub(super) fn push(&mut self, item: Item) {
        let malformed = item.as_ref().err();
        self.has_event |= malformed.is_none_or(|malformed| is_event(malformed, &malformed.bytes));
        self.items.push(item);
    }

    /// An item that was found in `bytes`, and keeps more than those.
    pub(super) fn push_found_in(&mut self, bytes: &[u8], item: Item) {
        let malformed = item.as_ref().err();
        self.has_event |= malformed.is_none_or(|malformed| is_event(malformed, bytes));
        self.items.push(item);
    }
}

/// True for an event whose time cannot be read: it is in an envelope that names where it is from, is a `detail` with a key that
/// every event has, or has two of these keys itself. Anything else is not what was meant to come here, and a setting of the sender
/// is wrong.
fn is_event(malformed: &MalformedEvent, bytes: &[u8]) -> bool {
    let is_without_time = matches!(
        malformed.reason,
        MalformedReason::NoPublished | MalformedReason::BadPublished
    );
    is_without_time && std::str::from_utf8(bytes).ok().is_some_and(has_keys)
}

fn has_keys(object: &str) -> bool {
    let Some(members) = Members::of(object) else {
        return false;
    };
    let last = |key| members.values(key).next_back();
    match last("detail").filter(|detail| detail.starts_with('{')) {
        Some(_) if last("source").is_some() => true,
        Some(detail) => event_keys(detail) >= 1,
        None => event_keys(object) >= 2,
    }
}

/// How many of the keys that every event has.
fn event_keys(object: &str) -> usize {
    let Some(members) = Members::of(object) else {
        return 0;
    };
    let has = |key: &&&str| members.values(key).next().is_some();
    KEYS.iter().filter(has).count()
}
