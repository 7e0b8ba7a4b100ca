//! `serde_json::Value` in, `json!` out: how one would write it first.

use bytes::Bytes;
use okta_coralogix_benches::Naive;

use crate::Peer;

impl Peer for Naive {
    type Input = Bytes;

    fn name(&self) -> &'static str {
        "serde_json::Value"
    }

    fn input(bytes: &[u8]) -> Bytes {
        Bytes::copy_from_slice(bytes)
    }

    fn page(&mut self, page: &mut Bytes) -> Vec<Bytes> {
        self.bodies(page)
    }

    fn envelopes(&mut self, messages: &mut [Bytes]) -> Vec<Bytes> {
        Naive::envelopes(self, messages)
    }
}
