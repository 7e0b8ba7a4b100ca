//! The trait of a peer, and the list of all peers.

use std::fmt::Debug;

use bytes::Bytes;
use okta_coralogix_benches::{Naive, Ours};
use okta_coralogix_core::mapping::TextForm;

use crate::typed::{SerdeJson, SimdJson, SonicLazy, SonicRs, Typed};
use crate::vrl::Vrl;

/// One way from bytes to request bodies.
///
/// Each does the same work: events → 24-hour filter → log entries → bodies under the limit of a request. It may keep
/// buffers between two calls.
pub trait Peer: Debug {
    /// The form in which the peer takes bytes. Made before the clock starts, dropped after it stops.
    type Input;

    /// As benches/README.md and criterion's output name it.
    fn name(&self) -> &'static str;

    /// The bytes of a page or a message, as if they had just been received.
    fn input(bytes: &[u8]) -> Self::Input;

    /// A page → request bodies.
    ///
    /// # Panics
    /// If the page is malformed.
    fn page(&mut self, page: &mut Self::Input) -> Vec<Bytes>;

    /// EventBridge envelopes, one a message → request bodies. The whole envelope is the text.
    ///
    /// # Panics
    /// If one is malformed.
    fn envelopes(&mut self, messages: &mut [Self::Input]) -> Vec<Bytes>;
}

/// A function over peers of different types, for which a closure would not do.
pub trait Visit {
    /// Called once for each peer.
    fn visit<P: Peer>(&mut self, peer: P);
}

/// Visits every peer, ours first.
pub fn visit_all(text: TextForm, visit: &mut impl Visit) {
    visit.visit(Ours::new(text, 0));
    visit.visit(SonicLazy::new(text));
    visit.visit(Typed::<SonicRs>::new(text));
    visit.visit(Typed::<SimdJson>::new(text));
    visit.visit(Typed::<SerdeJson>::new(text));
    visit.visit(Vrl::new(text));
    visit.visit(Naive::new(text));
}
