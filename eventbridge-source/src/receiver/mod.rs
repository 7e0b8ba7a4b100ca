//! The code that several receivers share.
//!
//! Each receiver of events is a room of its own, named as its feature: `http`, `sqs`, `lambda`. Another one is added beside them, with
//! the same names for the same roles, and nothing outside of the room names it but `lib.rs`:
//!
//! | file | role |
//! |---|---|
//! | `source.rs` | the [`EventSource`](okta_coralogix_core::EventSource) |
//! | `builder.rs` | the settings, their defaults and checks |
//! | `acker.rs` | settles a delivery towards the remote; [`OneshotAcker`] where a task waits for the outcomes |
//! | `error.rs` | which errors of the remote are temporary |
//! | `simulator.rs`, `simulator/` | simulates the remote, behind the feature `simulator` |

#[cfg(any(feature = "lambda", feature = "sqs"))]
mod message;
#[cfg(any(feature = "http", feature = "lambda"))]
mod oneshot_acker;

#[cfg(any(feature = "lambda", feature = "sqs"))]
pub(crate) use message::{MessageOutcomes, ReceivedMessage};
#[cfg(any(feature = "http", feature = "lambda"))]
pub(crate) use oneshot_acker::OneshotAcker;
