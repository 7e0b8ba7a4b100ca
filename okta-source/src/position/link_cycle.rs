//! Detects links that lead in a circle, which the source would follow for ever.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasher, Hash, Hasher, RandomState};

use okta_coralogix_core::{MalformedEvent, RawEvent, Result};

use crate::position::cursor::Cursor;

/// The longest circle that is detected.
const MAX_PAGES: usize = 4096;

/// The links and the contents of the last pages. It knows what was given by itself: the deduplication window forgets, and may be that of
/// another source.
#[derive(Debug, Default)]
pub(crate) struct LinkCycleDetector {
    hasher: RandomState,
    links: LastHashes,
    pages: LastHashes,
}

/// The last hashes. Links or pages of which two collide cost a pause.
#[derive(Debug, Default)]
struct LastHashes {
    order: VecDeque<u64>,
    known: HashSet<u64>,
}

impl LinkCycleDetector {
    /// Records a link; true if it was visited before.
    pub(crate) fn visit(&mut self, link: &Cursor) -> bool {
        self.links.insert(self.hasher.hash_one(link.as_str()))
    }

    /// Records that a page with these items is given; true if one with the same items was given before.
    pub(crate) fn give(&mut self, items: &[Result<RawEvent, MalformedEvent>]) -> bool {
        let mut hasher = self.hasher.build_hasher();
        for item in items {
            match item {
                Ok(event) => match event.uuid() {
                    Some(uuid) => uuid.hash(&mut hasher),
                    None => event.document().hash(&mut hasher),
                },
                Err(malformed) => malformed.bytes.hash(&mut hasher),
            }
        }
        self.pages.insert(hasher.finish())
    }

    /// Forgets all of them, since the source goes back: it reads pages again that were handed back.
    pub(crate) fn clear(&mut self) {
        self.links.clear();
        self.pages.clear();
    }
}

impl LastHashes {
    /// True if it is there already.
    fn insert(&mut self, hash: u64) -> bool {
        if !self.known.insert(hash) {
            return true;
        }
        self.order.push_back(hash);
        if self.order.len() > MAX_PAGES
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        false
    }

    fn clear(&mut self) {
        self.order.clear();
        self.known.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OrgUrl;

    #[test]
    fn link_cycle_is_detected_up_to_4096_pages() {
        let org = OrgUrl::parse("example.okta.com").unwrap();
        let link = |n: usize| Cursor::restore(&format!("/api/v1/logs?after={n}"), &org).unwrap();
        let mut visited = LinkCycleDetector::default();
        for n in 0..MAX_PAGES {
            assert!(!visited.visit(&link(n)));
        }
        assert!(visited.visit(&link(0)));
        assert!(!visited.visit(&link(MAX_PAGES)), "which drops the oldest");
        assert!(!visited.visit(&link(0)));
        visited.clear();
        assert!(!visited.visit(&link(5)));
    }
}
