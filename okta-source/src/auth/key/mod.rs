//! Private keys of service apps: PEM and JWK.

mod error;
mod jwk;
mod pem;
mod private_key;

pub use error::PrivateKeyError;
pub use private_key::{PrivateKey, SigningAlgorithm};
