//! Detects links that lead in a circle, which the source would follow for ever.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};

use crate::position::cursor::Cursor;

/// The longest circle that is detected.
const MAX_PAGES: usize = 4096;

/// The links of the last pages, by their hashes: two that collide cost a pause, no event.
#[derive(Debug, Default)]
pub(crate) struct LinkCycleDetector {
    hasher: RandomState,
    order: VecDeque<u64>,
    known: HashSet<u64>,
}

impl LinkCycleDetector {
    /// Records a link; true if it was visited before.
    pub(crate) fn visit(&mut self, link: &Cursor) -> bool {
        let hash = self.hasher.hash_one(link.as_str());
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

    /// Forgets all links, since the source goes back.
    pub(crate) fn clear(&mut self) {
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
