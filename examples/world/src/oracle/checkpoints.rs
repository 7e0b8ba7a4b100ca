//! What the stored checkpoints mean, as indices of events.

use std::collections::BTreeMap;

use serde_json::Value;

/// The stored checkpoint, and what is remembered of earlier ones.
#[derive(Debug, Default)]
pub(crate) struct Checkpoints {
    /// Events before the stored position.
    pub(crate) position: usize,
    /// Events that the stored record remembers: with its deduplication window also those behind a position that has gone back.
    pub(crate) committed: usize,
    /// The position of each link, also after the org has forgotten it.
    positions: BTreeMap<String, usize>,
    /// What was committed with the record of each generation: the highest position up to then.
    by_generation: BTreeMap<u64, usize>,
}

impl Checkpoints {
    /// Reads the stored checkpoint. `replaced`: the program has just stored it. False if it is torn.
    pub(crate) fn read(
        &mut self,
        stored: Option<&[u8]>,
        replaced: bool,
        position_of: impl FnOnce(&str) -> Option<usize>,
    ) -> bool {
        let Some(stored) = stored else {
            (self.position, self.committed) = (0, 0);
            return true;
        };
        let Some((generation, link)) = parse(stored) else {
            return false;
        };
        if let Some(position) = position_of(&link) {
            self.positions.insert(link.clone(), position);
        }
        if let Some(&position) = self.positions.get(&link) {
            let known = self.by_generation.get(&generation).copied();
            self.position = position;
            self.committed = match replaced {
                true => self.committed.max(position),
                false => known.unwrap_or(position),
            };
            self.by_generation.insert(generation, self.committed);
        }
        true
    }
}

/// The generation of a stored checkpoint, and its link.
fn parse(bytes: &[u8]) -> Option<(u64, String)> {
    let mut lines = bytes.split(|&byte| byte == b'\n');
    let [head, position] = [lines.next()?, lines.next()?].map(serde_json::from_slice::<Value>);
    let (head, position) = (head.ok()?, position.ok()?);
    let generation = head.get("generation")?.as_u64()?;
    Some((generation, position.get("cursor")?.as_str()?.to_owned()))
}
