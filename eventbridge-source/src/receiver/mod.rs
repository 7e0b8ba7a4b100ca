//! The code that several receivers share, and the parts of a receiver.
//!
//! Each receiver of events is a room of its own, named as its feature. Nothing outside of the room names it but `lib.rs`.
//!
//! | part | `http` | `sqs` | `lambda` |
//! |---|---|---|---|
//! | [`EventSource`](okta_coralogix_core::EventSource) | `source.rs` | `source.rs` | `source.rs`, one for each invocation |
//! | settings, defaults and checks | `builder.rs` | `builder.rs` | `builder.rs` |
//! | [`Acker`](okta_coralogix_core::Acker) | [`OneshotAcker`] | `acker.rs` | [`OneshotAcker`] |
//! | where events come in | `server.rs`, `router.rs`, `handler.rs` | `queue.rs` (the trait `Queue`), `aws.rs` (the AWS SDK) | `handler.rs` |
//! | how the remote hears of the outcome | the status, in `handler.rs` | `delete.rs`, `hand_back.rs`, `visibility.rs` | `reply.rs` |
//! | which errors of the remote are temporary | (it calls no remote) | `error.rs` | (it calls no remote) |
//! | simulator, with the feature `simulator` | `crate::simulator` (an API destination) | `sqs/simulator/` | `lambda/simulator.rs` |
//!
//! A new receiver `x` takes, besides this folder `src/x/`:
//!
//! 1. a feature `x` in `Cargo.toml` (and what its simulator needs under `simulator`), `mod x` in `lib.rs`, and `x` in the `cfg`s below
//!    for the parts that it uses;
//! 2. a trait for the calls of the remote, as `Queue`, if it calls one: the real client and the simulator implement it. Bodies are parsed
//!    by `crate::BodyParser`;
//! 3. tests in `tests/it/x/`, among them the suite `okta_coralogix_core::testing::conformance::source`;
//! 4. a program: `examples/eventbridge_x.rs` with its `[[example]]` and the feature `x` in `examples/Cargo.toml`,
//!    `examples/src/eventbridge/x/` with a demonstration on the simulator, and its name in the list of demonstrations in `.ci/run`.

#[cfg(any(feature = "http", feature = "lambda"))]
mod credential;
#[cfg(any(feature = "http", feature = "lambda"))]
pub(crate) mod firehose;
#[cfg(any(feature = "lambda", feature = "sqs"))]
mod message;
#[cfg(any(feature = "http", feature = "lambda"))]
mod oneshot_acker;

#[cfg(any(feature = "http", feature = "lambda"))]
pub(crate) use credential::CredentialDigest;
#[cfg(any(feature = "lambda", feature = "sqs"))]
pub(crate) use message::{MessageOutcomes, ReceivedMessage};
#[cfg(any(feature = "http", feature = "lambda"))]
pub(crate) use oneshot_acker::OneshotAcker;
