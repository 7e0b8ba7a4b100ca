//! This workspace's path, as a peer of the others.

use bytes::Bytes;
use okta_coralogix_benches::Ours;

use crate::Peer;

impl Peer for Ours {
    type Input = Bytes;

    fn name(&self) -> &'static str {
        "okta-coralogix"
    }

    fn input(bytes: &[u8]) -> Bytes {
        Bytes::copy_from_slice(bytes)
    }

    fn page(&mut self, page: &mut Bytes) -> Vec<Bytes> {
        self.bodies(page)
    }

    fn envelopes(&mut self, messages: &mut [Bytes]) -> Vec<Bytes> {
        Ours::envelopes(self, messages)
    }
}
