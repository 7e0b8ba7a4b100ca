#![doc = include_str!("../README.md")]

mod envelope;
mod error;
mod forms;
#[cfg(feature = "http")]
pub mod http;
mod keys;
mod partner;
#[cfg(feature = "simulator")]
pub mod simulator;

pub use envelope::Envelope;
pub use error::{EnvelopeError, EnvelopeFault};
pub use forms::Intake;
pub use partner::{NotOkta, PartnerSource};
