#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod body;
mod envelope;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "lambda")]
pub mod lambda;
mod partner_source;
#[cfg(any(feature = "http", feature = "lambda", feature = "sqs"))]
mod receiver;
pub mod setup;
#[cfg(feature = "simulator")]
pub mod simulator;
#[cfg(feature = "sqs")]
pub mod sqs;

pub use body::BodyParser;
pub use envelope::Envelope;
pub use partner_source::{ParsePartnerSourceError, PartnerSource};
