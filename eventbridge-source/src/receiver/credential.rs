//! Comparing credentials.

use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

/// The digest of a credential. It has the same length for each, so that comparing digests does not tell the credential's.
#[derive(Clone, Copy)]
pub(crate) struct CredentialDigest([u8; 32]);

impl CredentialDigest {
    pub(crate) fn of(credential: &[u8]) -> Self {
        Self(Sha256::digest(credential).into())
    }

    /// Compares with every one of `known`, in constant time.
    pub(crate) fn is_among(self, known: &[Self]) -> bool {
        let equal = |known: &Self| known.0.ct_eq(&self.0);
        let any = |any: Choice, equal: Choice| any | equal;
        known.iter().map(equal).fold(Choice::from(0), any).into()
    }
}
