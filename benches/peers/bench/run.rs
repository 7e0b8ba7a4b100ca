//! What is done before anything is timed: the bodies are compared, allocations counted, and broken pages shown.

use std::collections::BTreeMap;
use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;

use bytes::Bytes;
use okta_coralogix_benches::{Ours, PAGE_EVENTS, assert_same};
use okta_coralogix_core::mapping::TextForm;
use okta_coralogix_peers::allocations::counted;
use okta_coralogix_peers::{Peer, Visit, visit_all};
use serde::Serialize;

/// Allocations per event, by group and peer.
type Counts = BTreeMap<String, BTreeMap<&'static str, f64>>;

/// Checks that every peer gives the same entries as ours, counts what it allocates, and leaves the counts for the report.
///
/// # Panics
/// If a peer gives other entries.
pub(super) fn check_and_count(forms: &[(&str, TextForm)], pages: &[Bytes], messages: &[Bytes]) {
    let mut counts = Counts::new();
    let mut refuses = BTreeMap::new();
    for (form, text) in forms {
        let ours = Ours::new(*text, 0);
        let mut check = Check {
            pages: pages.iter().map(|page| (page, ours.bodies(page))).collect(),
            messages,
            envelopes: ours.envelopes(messages),
            counts: BTreeMap::new(),
            envelope_counts: BTreeMap::new(),
            refuses: &mut refuses,
        };
        visit_all(*text, &mut check);
        counts.insert(format!("peers_page_{form}"), check.counts);
        counts.insert(format!("peers_envelope_{form}"), check.envelope_counts);
    }
    leave("peers-allocations.json", &counts);
    leave("peers-refuses.json", &refuses);
}

/// Writes what the report wants to know beside the times.
///
/// # Panics
/// If it cannot be written.
pub(super) fn leave(name: &str, what: &impl Serialize) {
    let json = serde_json::to_vec_pretty(what).expect("numbers and names serialise");
    let folder = criterion_folder();
    fs::create_dir_all(&folder)
        .and_then(|()| fs::write(folder.join(name), json))
        .unwrap_or_else(|error| panic!("cannot write into {}: {error}", folder.display()));
}

struct Check<'a> {
    /// With our bodies.
    pages: Vec<(&'a Bytes, Vec<Bytes>)>,
    messages: &'a [Bytes],
    envelopes: Vec<Bytes>,
    counts: BTreeMap<&'static str, f64>,
    envelope_counts: BTreeMap<&'static str, f64>,
    /// Whether it takes nothing that is broken.
    refuses: &'a mut BTreeMap<&'static str, bool>,
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
        println!("{}: {entries} entries equal to ours", peer.name());

        // Its buffers have their size by now.
        let mut page = P::input(self.pages[0].0);
        let (_, count) = counted(|| peer.page(&mut page));
        self.counts.insert(peer.name(), per_event(count));
        let mut messages: Vec<_> = self.messages.iter().map(|bytes| P::input(bytes)).collect();
        let (_, count) = counted(|| peer.envelopes(&mut messages));
        self.envelope_counts.insert(peer.name(), per_event(count));

        let refuses_all = BROKEN.iter().all(|page| refuses(&mut peer, page));
        self.refuses.insert(peer.name(), refuses_all);
    }
}

/// Pages that are no JSON, though their brackets match: a broken escape, and bytes that are no UTF-8.
const BROKEN: [&[u8]; 2] = [
    br#"[{"eventType":"a","published":"2026-05-04T12:00:00Z","severity":"INFO","uuid":"1","version":"\u12g4"}]"#,
    b"[{\"eventType\":\"a\",\"published\":\"2026-05-04T12:00:00Z\",\"severity\":\"INFO\",\"uuid\":\"1\",\"version\":\"\xff\"}]",
];

/// Whether the peer refuses the page, which it does by a panic.
fn refuses<P: Peer>(peer: &mut P, page: &[u8]) -> bool {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let taken = panic::catch_unwind(AssertUnwindSafe(|| peer.page(&mut P::input(page))));
    panic::set_hook(hook);
    taken.is_err()
}

fn per_event(count: u64) -> f64 {
    count as f64 / PAGE_EVENTS as f64
}

/// Where criterion writes: beside the folder of the profile that this program was built into.
fn criterion_folder() -> PathBuf {
    let program = std::env::current_exe().expect("the program has a path");
    let target = program
        .ancestors()
        .nth(3)
        .expect("it is in target/<profile>/deps");
    target.join("criterion")
}
