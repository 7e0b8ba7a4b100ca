//! A client that behaves like an EventBridge API destination, for tests of any receiver.
//!
//! It sends one event per request, each on a connection of its own, with the fixed headers, and waits 5 seconds for the response. It
//! retries 401, 407, 409, 429, 5xx and a timeout with growing, jittered waits, up to the configured attempts and age, and no sooner than a
//! `Retry-After` says (a negative one ends the retries). An event with any other status, or without success in the end, becomes a record
//! for the dead-letter queue. The waits are tokio's, so that tests can pause them, and can be
//! [compressed](ApiDestinationBuilder::compress).
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use eventbridge_source::simulator::{ApiDestination, Authorization, ErrorCode};
//!
//! let nobody_listens = ApiDestination::builder("http://127.0.0.1:9/aws/event-bridge".parse()?)
//!     .authorization(Authorization::api_key("x-amz-event-bridge-access-key", "key"))
//!     .max_retry_attempts(2)
//!     .compress(1000.0)
//!     .build();
//! let given_up = nobody_listens.invoke("{}".into()).await.unwrap_err();
//! assert_eq!(given_up.retry_attempts, 2);
//! assert_eq!(given_up.error_code, ErrorCode::Network);
//! # Ok(()) }
//! ```
//!
//! Not modelled: AWS does not document how its waits grow; here they double from 1 second to 5 minutes, drawn from the upper
//! half. It speaks plain HTTP, and takes a token as given instead of asking an OAuth server for one.

mod authorization;
mod builder;
mod destination;
mod report;
mod response;
mod socket;

pub use authorization::Authorization;
pub use builder::ApiDestinationBuilder;
pub use destination::ApiDestination;
pub use report::{ErrorCode, Exhausted, Invoked, Report, Undelivered};
