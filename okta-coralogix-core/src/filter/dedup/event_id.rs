//! The identity of an event.

use crate::event::uuid::canonical_uuid;

/// Longer uuids are not remembered, so that what remembers them stays small. Okta's have 36 bytes.
pub(crate) const MAX_UUID_BYTES: usize = 256;

/// An event's identity, exact: 128 bits where `uuid` is written as UUIDs canonically are, the full text otherwise.
///
/// Never a hash: two events with the same hash would be one event lost.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum EventId {
    Uuid(u128),
    Text(Box<str>),
}

impl EventId {
    /// Only the canonical form becomes 128 bits, so that no two texts share an id.
    pub(crate) fn new(text: &str) -> Self {
        canonical_uuid(text).map_or_else(|| Self::Text(text.into()), Self::Uuid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_id_is_a_uuid_only_in_canonical_form() {
        let id = "c6ed294a-fef4-11ed-a5b1-bbb7c1de1a4b";
        assert_eq!(
            EventId::new(id),
            EventId::Uuid(0xc6ed294a_fef4_11ed_a5b1_bbb7c1de1a4b)
        );
        for text in [
            id.to_uppercase(),
            id.replace('-', ""),
            format!("{{{id}}}"),
            id.replace('-', "0"),
        ] {
            assert_eq!(EventId::new(&text), EventId::Text(text.as_str().into()));
        }
    }
}
