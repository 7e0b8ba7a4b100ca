//! Whether an event was found in bytes that cannot be delivered.

use okta_coralogix_core::event::MalformedReason;
use okta_coralogix_core::json::Members;

use super::parser::Item;

/// The keys of every LogEvent.
const KEYS: [&str; 3] = ["eventType", "published", "uuid"];

/// True for an event, and for one whose time cannot be read: it is in an envelope that names where it is from, is a `detail` with a key that
/// every event has, or has two of these keys itself. Anything else is not what was meant to come here, and a setting of the sender is wrong.
pub(crate) fn is_event(item: &Item) -> bool {
    let Err(malformed) = item else {
        return true;
    };
    let is_without_time = matches!(
        malformed.reason,
        MalformedReason::NoPublished | MalformedReason::BadPublished
    );
    is_without_time
        && std::str::from_utf8(&malformed.bytes)
            .ok()
            .is_some_and(has_keys)
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
