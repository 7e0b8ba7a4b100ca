//! A snapshot of the deduplication window, as it is stored with the cursor.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::uuids::Bits;

/// The identities of recently settled events, oldest first: a snapshot of a [`DedupWindow`](super::DedupWindow) to be
/// stored with the cursor.
///
/// 20,000 UUIDs take 320,000 bytes in the file of a [`FileCheckpoint`](crate::checkpoint::FileCheckpoint), and 426,668 bytes
/// of JSON where this is serialized (in base64).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DedupSnapshot {
    /// The UUIDs, 16 bytes each.
    packed: Vec<u8>,
    others: NonUuidIds,
}

/// The texts among the identities that are no canonical UUIDs, each with its place, which rises.
pub(crate) type NonUuidIds = Vec<(usize, String)>;

/// One identity of a snapshot.
pub(super) enum StoredId<'a> {
    Uuid(Bits),
    Text(&'a str),
}

impl DedupSnapshot {
    pub(super) fn new(packed: Vec<u8>, others: NonUuidIds) -> Self {
        Self { packed, others }
    }

    /// How many identities it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.packed.len() / UUID_BYTES + self.others.len()
    }

    /// True if it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The UUIDs, 16 bytes each, and the others.
    #[cfg(feature = "fs")]
    pub(crate) fn parts(&self) -> (&[u8], &NonUuidIds) {
        (&self.packed, &self.others)
    }

    /// The snapshot with these [`parts`](Self::parts), or the error in it.
    pub(crate) fn from_parts(packed: Vec<u8>, others: NonUuidIds) -> Result<Self, &'static str> {
        if !packed.len().is_multiple_of(UUID_BYTES) {
            return Err("uuids are not a multiple of 16 bytes");
        }
        let uuids = packed.len() / UUID_BYTES;
        let is_inside = |(index, (place, _)): (usize, &(usize, String))| *place <= uuids + index;
        let rises = others.is_sorted_by(|(one, _), (next, _)| one < next);
        if !rises || !others.iter().enumerate().all(is_inside) {
            return Err("the position of a uuid is outside the window");
        }
        Ok(Self { packed, others })
    }

    /// The identities, oldest first.
    pub(super) fn ids(&self) -> impl Iterator<Item = StoredId<'_>> {
        let (packed, _) = self.packed.as_chunks::<UUID_BYTES>();
        let mut uuids = packed.iter();
        let mut others = self.others.iter().peekable();
        (0..self.len()).filter_map(move |place| match others.next_if(|(at, _)| *at == place) {
            Some((_, text)) => Some(StoredId::Text(text)),
            None => uuids.next().map(|bits| StoredId::Uuid(*bits)),
        })
    }
}

const UUID_BYTES: usize = size_of::<Bits>();

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    uuids: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    others: NonUuidIds,
}

impl Serialize for DedupSnapshot {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Stored {
            uuids: STANDARD.encode(&self.packed),
            others: self.others.clone(),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for DedupSnapshot {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Stored { uuids, others } = Stored::deserialize(deserializer)?;
        let packed = STANDARD.decode(uuids).map_err(D::Error::custom)?;
        Self::from_parts(packed, others).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Claim, DedupWindow};
    use super::*;

    fn window(ids: &[&str]) -> DedupWindow {
        let window = DedupWindow::new(ids.len());
        for id in ids {
            let Claim::New(held) = window.claim(id) else {
                panic!("{id} is known")
            };
            held.remember();
        }
        window
    }

    const IDS: [&str; 6] = [
        "a",
        "c6ed294a-fef4-11ed-a5b1-bbb7c1de1a4b",
        "b",
        "c",
        "00000000-0000-0000-0000-000000000001",
        "d",
    ];

    #[test]
    fn dedup_snapshot_round_trips_through_json_and_a_window() {
        let snapshot = window(&IDS).snapshot();
        let places: Vec<_> = snapshot.others.iter().map(|(place, _)| *place).collect();
        assert_eq!((snapshot.len(), places), (6, vec![0, 2, 3, 5]));
        let json = serde_json::to_string(&snapshot).unwrap();
        let read: DedupSnapshot = serde_json::from_str(&json).unwrap();
        assert_eq!(read, snapshot);
        assert_eq!(DedupWindow::restore(&read, 6).snapshot(), snapshot);
    }

    #[test]
    fn what_is_forgotten_first_is_what_was_remembered_first() {
        for kept in 0..=IDS.len() {
            let left = DedupWindow::restore(&window(&IDS).snapshot(), kept);
            let forgotten = IDS.len() - kept;
            for (index, id) in IDS.iter().enumerate() {
                assert_eq!(left.contains(id), index >= forgotten, "{id} of {kept}");
            }
            assert_eq!(left.snapshot(), window(&IDS[forgotten..]).snapshot());
        }
    }

    #[test]
    fn places_that_cannot_be_are_refused() {
        let text = |place| (place, "a".to_owned());
        for others in [
            vec![text(2)],
            vec![text(1), text(1)],
            vec![text(1), text(0)],
        ] {
            assert!(DedupSnapshot::from_parts(vec![0; 16], others).is_err());
        }
        assert!(DedupSnapshot::from_parts(vec![0; 15], Vec::new()).is_err());
        assert!(DedupSnapshot::from_parts(vec![0; 16], vec![text(1), text(2)]).is_ok());
    }

    #[test]
    fn dedup_snapshot_has_the_documented_size() {
        let window = DedupSnapshot::from_parts(vec![0; 320_000], Vec::new()).unwrap();
        let packed = serde_json::to_value(&window).unwrap()["uuids"]
            .as_str()
            .map(str::len);
        assert_eq!((window.len(), packed), (20_000, Some(426_668)));
    }
}
