//! The programs of the EventBridge route.

mod audit;
mod check;
mod envelopes;
mod healing;
pub mod http;
#[cfg(feature = "lambda")]
pub mod lambda;
mod settings;
#[cfg(feature = "sqs")]
pub mod sqs;

pub use healing::HealGroup;
pub use settings::{BARE_EVENT, EnvelopeGroup, NameGroup};
