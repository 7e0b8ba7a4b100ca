#![doc = include_str!("../README.md")]

mod envelope;
mod error;
mod keys;
mod partner;

pub use envelope::Envelope;
pub use error::{EnvelopeError, EnvelopeFault};
pub use partner::{NotOkta, PartnerSource};
