//! Where the source has been: links that lead in a circle would be followed without end.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};

use crate::position::cursor::Cursor;

/// The longest circle that is found, in pages.
const PAGES: usize = 4096;

/// The links of the last pages, by their hashes: two that collide cost a pause, no event.
#[derive(Debug, Default)]
pub(crate) struct LinkCycleDetector {
    hasher: RandomState,
    order: VecDeque<u64>,
    known: HashSet<u64>,
}

impl LinkCycleDetector {
    /// Notes a link; true if it stands here already.
    pub(crate) fn visit(&mut self, link: &Cursor) -> bool {
        let hash = self.hasher.hash_one(link.as_str());
        if !self.known.insert(hash) {
            return true;
        }
        self.order.push_back(hash);
        if self.order.len() > PAGES
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        false
    }

    /// From now on links may be followed again: the source has gone back.
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
    fn a_circle_is_found_as_far_as_the_trail_reaches() {
        let org = OrgUrl::parse("example.okta.com").unwrap();
        let link = |n: usize| Cursor::restore(&format!("/api/v1/logs?after={n}"), &org).unwrap();
        let mut trail = LinkCycleDetector::default();
        for n in 0..PAGES {
            assert!(!trail.visit(&link(n)));
        }
        assert!(trail.visit(&link(0)));
        assert!(!trail.visit(&link(PAGES)), "which drops the oldest");
        assert!(!trail.visit(&link(0)));
        trail.clear();
        assert!(!trail.visit(&link(5)));
    }
}
