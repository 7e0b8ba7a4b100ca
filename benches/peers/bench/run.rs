//! Before anything is timed: compares the bodies of all peers, counts allocations, and feeds broken pages.

use std::panic::{self, AssertUnwindSafe};

use bytes::Bytes;
use okta_coralogix_benches::{Ours, PAGE_EVENTS, assert_same};
use okta_coralogix_core::mapping::TextForm;
use okta_coralogix_peers::allocations::counted;
use okta_coralogix_peers::{Peer, Visit, visit_all};

/// Checks that every peer makes the same entries as ours, and prints its allocations per event and whether it rejects
/// broken JSON.
///
/// # Panics
/// If a peer gives other entries.
pub(super) fn check_and_count(forms: &[(&str, TextForm)], pages: &[Bytes], messages: &[Bytes]) {
    for (form, text) in forms {
        let ours = Ours::new(*text, 0);
        let mut check = Check {
            form,
            pages: pages.iter().map(|page| (page, ours.bodies(page))).collect(),
            messages,
            envelopes: ours.envelopes(messages),
        };
        visit_all(*text, &mut check);
    }
}

struct Check<'a> {
    form: &'a str,
    /// With our bodies.
    pages: Vec<(&'a Bytes, Vec<Bytes>)>,
    messages: &'a [Bytes],
    envelopes: Vec<Bytes>,
}

impl Visit for Check<'_> {
    fn visit<P: Peer>(&mut self, mut peer: P) {
        let mut entries = 0;
        for (page, ours) in &self.pages {
            let theirs = peer.page(&mut P::input(page));
            entries += assert_same(ours, &theirs, peer.name());
        }
        let mut messages: Vec<_> = self.messages.iter().map(|bytes| P::input(bytes)).collect();
        let theirs = peer.envelopes(&mut messages);
        entries += assert_same(&self.envelopes, &theirs, peer.name());
        let (name, form) = (peer.name(), self.form);
        println!("{name}, {form}: {entries} entries equal to ours");

        // Its buffers have their size by now.
        let mut page = P::input(self.pages[0].0);
        let (_, from_page) = counted(|| peer.page(&mut page));
        let mut messages: Vec<_> = self.messages.iter().map(|bytes| P::input(bytes)).collect();
        let (_, from_envelopes) = counted(|| peer.envelopes(&mut messages));
        println!(
            "{name}, {form}: allocations per event {:.2} from a page, {:.2} from envelopes",
            per_event(from_page),
            per_event(from_envelopes)
        );
        let rejects = BROKEN.iter().all(|page| rejects(&mut peer, page));
        println!("{name}, {form}: rejects broken JSON: {rejects}");
    }
}

/// Pages that are not JSON, though their brackets match: a broken escape, and bytes that are not UTF-8.
const BROKEN: [&[u8]; 2] = [
    br#"[{"eventType":"a","published":"2026-05-04T12:00:00Z","severity":"INFO","uuid":"1","version":"\u12g4"}]"#,
    b"[{\"eventType\":\"a\",\"published\":\"2026-05-04T12:00:00Z\",\"severity\":\"INFO\",\"uuid\":\"1\",\"version\":\"\xff\"}]",
];

/// Whether the peer rejects the page, which it does by a panic.
fn rejects<P: Peer>(peer: &mut P, page: &[u8]) -> bool {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let taken = panic::catch_unwind(AssertUnwindSafe(|| peer.page(&mut P::input(page))));
    panic::set_hook(hook);
    taken.is_err()
}

fn per_event(count: u64) -> f64 {
    count as f64 / PAGE_EVENTS as f64
}
