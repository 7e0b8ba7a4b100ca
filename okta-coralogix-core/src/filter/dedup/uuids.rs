//! Canonical UUIDs that are claimed or remembered, in one table.

use std::collections::VecDeque;
use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

/// A UUID as it is stored.
pub(super) type Bits = [u8; 16];

/// The place of a claimed UUID, until the claim ends.
pub(super) type Slot = u32;

/// What is known of a UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    Claimed,
    Remembered,
}

/// The UUIDs of a window.
///
/// The table holds only where each of them stands, 5 bytes with its tag, so that it stays in the cache. An event costs one operation in
/// it when it comes and one when it ends, beside the one that forgets the oldest.
///
/// The hash is seeded at random for each table. Who chooses uuids (nobody but Okta does) cannot see the seed, nor what collides, in
/// anything that this program says. Even a collision of all costs time only, and no more than the window is long: what is compared in
/// the end are the 128 bits.
pub(super) struct Uuids {
    seed: RandomState,
    table: HashTable<Place>,
    claimed: Vec<Bits>,
    /// Of `claimed`, those that are free.
    free: Vec<Slot>,
    /// The remembered ones, oldest first, as they are stored.
    order: VecDeque<Bits>,
    /// How many remembered ones were forgotten: the number of the oldest in `order`.
    forgotten: u64,
}

/// Where a UUID stands: in `claimed`, by its slot, or in `order`, by its number. Of numbers only the low bits are kept.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Place(u32);

const CLAIMED: u32 = 1 << 31;

impl Place {
    fn claimed(slot: Slot) -> Self {
        Self(slot | CLAIMED)
    }

    fn remembered(number: u64) -> Self {
        Self(low_bits(number))
    }

    fn bits(self, claimed: &[Bits], order: &VecDeque<Bits>, forgotten: u64) -> Bits {
        match self.known() {
            Known::Claimed => claimed[(self.0 & !CLAIMED) as usize],
            Known::Remembered => {
                let index = self.0.wrapping_sub(low_bits(forgotten)) & !CLAIMED;
                order[index as usize]
            }
        }
    }

    fn known(self) -> Known {
        match self.0 & CLAIMED {
            0 => Known::Remembered,
            _ => Known::Claimed,
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the low bits are wanted")]
fn low_bits(number: u64) -> u32 {
    number as u32 & !CLAIMED
}

fn hash(seed: &RandomState, bits: Bits) -> u64 {
    seed.hash_one(u128::from_ne_bytes(bits))
}

impl Uuids {
    pub(super) fn new() -> Self {
        Self {
            seed: RandomState::default(),
            table: HashTable::new(),
            claimed: Vec::new(),
            free: Vec::new(),
            order: VecDeque::new(),
            forgotten: 0,
        }
    }

    /// Claims a UUID, unless it is known.
    pub(super) fn claim(&mut self, bits: Bits) -> Result<Slot, Known> {
        let Self {
            seed,
            table,
            claimed,
            free,
            order,
            forgotten,
        } = self;
        let bits_of = |place: &Place, claimed: &[Bits]| place.bits(claimed, order, *forgotten);
        let entry = table.entry(
            hash(seed, bits),
            |place| bits_of(place, claimed) == bits,
            |place| hash(seed, bits_of(place, claimed)),
        );
        let vacant = match entry {
            Entry::Occupied(known) => return Err(known.get().known()),
            Entry::Vacant(vacant) => vacant,
        };
        let slot = match free.pop() {
            Some(slot) => {
                claimed[slot as usize] = bits;
                slot
            }
            None => {
                claimed.push(bits);
                Slot::try_from(claimed.len() - 1).unwrap_or(Slot::MAX)
            }
        };
        vacant.insert(Place::claimed(slot));
        Ok(slot)
    }

    pub(super) fn find(&self, bits: Bits) -> Option<Known> {
        let is_it = |place: &Place| place.bits(&self.claimed, &self.order, self.forgotten) == bits;
        let place = self.table.find(hash(&self.seed, bits), is_it);
        place.map(|place| place.known())
    }

    /// Ends a claim: the UUID is unknown again.
    pub(super) fn hand_back(&mut self, slot: Slot) {
        let bits = self.claimed[slot as usize];
        self.remove(bits, Place::claimed(slot));
        self.free.push(slot);
    }

    /// Ends a claim: the UUID is remembered.
    pub(super) fn remember(&mut self, slot: Slot) {
        let bits = self.claimed[slot as usize];
        let place = Place::claimed(slot);
        let found = self
            .table
            .find_mut(hash(&self.seed, bits), |other| *other == place);
        if let Some(found) = found {
            *found = Place::remembered(self.forgotten + self.order.len() as u64);
            reserve(&mut self.order);
            self.order.push_back(bits);
        }
        self.free.push(slot);
    }

    pub(super) fn forget_oldest(&mut self) {
        if let Some(bits) = self.order.front().copied() {
            self.remove(bits, Place::remembered(self.forgotten));
            self.order.pop_front();
            self.forgotten += 1;
        }
    }

    fn remove(&mut self, bits: Bits, place: Place) {
        let found = self
            .table
            .find_entry(hash(&self.seed, bits), |other| *other == place);
        if let Ok(found) = found {
            found.remove();
        }
    }

    /// How many are remembered.
    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    pub(super) fn claimed(&self) -> usize {
        self.claimed.len() - self.free.len()
    }

    /// The number of the oldest that is remembered.
    pub(super) fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// The remembered ones, oldest first.
    pub(super) fn packed(&self) -> Vec<u8> {
        let (older, newer) = self.order.as_slices();
        [older.as_flattened(), newer.as_flattened()].concat()
    }
}

/// Makes room for one more. A deque would double, and hold up to twice the bytes of a full window.
fn reserve(order: &mut VecDeque<Bits>) {
    if order.len() == order.capacity() {
        order.reserve_exact((order.len() / 4).max(64));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bits(number: u128) -> Bits {
        number.to_be_bytes()
    }

    #[test]
    fn uuids_are_found_wherever_they_stand_and_however_often_numbers_wrap() {
        let mut uuids = Uuids::new();
        // The numbers are just about to wrap.
        uuids.forgotten = (1 << 31) - 50;
        for number in 0..200 {
            let slot = uuids.claim(bits(number)).unwrap();
            assert_eq!(uuids.claim(bits(number)), Err(Known::Claimed));
            if number % 3 == 0 {
                uuids.hand_back(slot);
                assert_eq!(uuids.find(bits(number)), None);
            } else {
                uuids.remember(slot);
                assert_eq!(uuids.claim(bits(number)), Err(Known::Remembered));
            }
            if uuids.len() > 20 {
                uuids.forget_oldest();
            }
        }
        assert_eq!(
            (uuids.len(), uuids.claimed(), uuids.claimed.len()),
            (20, 0, 1)
        );
        let remembered = (0..200).filter(|number| number % 3 > 0).skip(114 - 1);
        let expected: Vec<u8> = remembered.flat_map(bits).collect();
        assert_eq!(uuids.packed(), expected[expected.len() - 20 * 16..]);
        for number in 0..160 {
            assert_eq!(uuids.find(bits(number)), None, "{number}");
        }
    }

    #[test]
    fn full_window_takes_three_quarters_of_a_megabyte_at_most() {
        let mut uuids = Uuids::new();
        for number in 0..100_000 {
            let slot = uuids.claim(bits(number)).unwrap();
            uuids.remember(slot);
            if uuids.len() > 20_000 {
                uuids.forget_oldest();
            }
        }
        let bytes = uuids.order.capacity() * 16 + uuids.table.allocation_size();
        // By its seed, the table doubles for what removed entries leave, once: then it is rehashed in place.
        assert!(bytes <= 750_000, "{bytes}");
    }
}
