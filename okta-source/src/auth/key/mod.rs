//! Private keys of service apps, in the forms in which Okta and others hand them out.

mod error;
mod jwk;
mod pem;
mod private_key;

pub use error::PrivateKeyError;
pub use private_key::{PrivateKey, SigningAlgorithm};
