//! A snapshot of the deduplication window, as it is stored with the cursor.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::event::canonical_uuid;

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

/// The identities of recently settled events, oldest first: a snapshot of a [`DedupWindow`](super::DedupWindow) to be
/// stored with the cursor.
///
/// 20,000 UUIDs take 320,000 bytes in the file of a [`FileCheckpoint`](crate::checkpoint::FileCheckpoint), and 426,668 bytes
/// of JSON where this is serialized (in base64).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DedupSnapshot(pub(super) Vec<EventId>);

impl DedupSnapshot {
    /// How many identities it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True if it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The texts among the identities that are no canonical UUIDs, each with its place.
pub(crate) type NonUuidIds = Vec<(usize, String)>;

impl DedupSnapshot {
    /// Appends the UUIDs, 16 bytes each, and returns the others.
    pub(crate) fn pack(&self, packed: &mut Vec<u8>) -> NonUuidIds {
        packed.reserve(self.0.len() * UUID_BYTES);
        let mut others = Vec::new();
        for (place, id) in self.0.iter().enumerate() {
            match id {
                EventId::Uuid(bits) => packed.extend_from_slice(&bits.to_be_bytes()),
                EventId::Text(text) => others.push((place, text.to_string())),
            }
        }
        others
    }

    /// The snapshot that was packed, or the error in it.
    pub(crate) fn unpack(packed: &[u8], others: NonUuidIds) -> Result<Self, &'static str> {
        let (packed, rest) = packed.as_chunks::<UUID_BYTES>();
        if !rest.is_empty() {
            return Err("uuids are not a multiple of 16 bytes");
        }
        let mut ids: Vec<_> = packed
            .iter()
            .map(|bits| EventId::Uuid(u128::from_be_bytes(*bits)))
            .collect();
        for (place, text) in others {
            if place > ids.len() {
                return Err("the position of a uuid is outside the window");
            }
            ids.insert(place, EventId::Text(text.into()));
        }
        Ok(Self(ids))
    }
}

const UUID_BYTES: usize = 16;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    uuids: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    others: NonUuidIds,
}

impl Serialize for DedupSnapshot {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut packed = Vec::new();
        let others = self.pack(&mut packed);
        Stored {
            uuids: STANDARD.encode(packed),
            others,
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for DedupSnapshot {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Stored { uuids, others } = Stored::deserialize(deserializer)?;
        let packed = STANDARD.decode(uuids).map_err(D::Error::custom)?;
        Self::unpack(&packed, others).map_err(D::Error::custom)
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

    #[test]
    fn dedup_snapshot_round_trips_through_json() {
        let ids = [
            "a",
            "c6ed294a-fef4-11ed-a5b1-bbb7c1de1a4b",
            "b",
            "00000000-0000-0000-0000-000000000001",
        ];
        let window = DedupSnapshot(ids.iter().map(|id| EventId::new(id)).collect());
        let json = serde_json::to_string(&window).unwrap();
        assert_eq!(
            serde_json::from_str::<DedupSnapshot>(&json).unwrap(),
            window
        );
    }

    #[test]
    fn dedup_snapshot_has_the_documented_size() {
        let window = DedupSnapshot((0..20_000).map(EventId::Uuid).collect());
        let packed = serde_json::to_value(&window).unwrap()["uuids"]
            .as_str()
            .map(str::len);
        assert_eq!(packed, Some(426_668));
    }
}
