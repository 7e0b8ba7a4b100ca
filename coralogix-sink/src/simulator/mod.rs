//! Simulates a Coralogix ingress, with a ledger of entries and requests, and scripted faults.
//!
//! One [`CoralogixSimulator`] answers over a real socket ([`serve`](CoralogixSimulator::serve)) and in memory (it is a
//! [`Transport`](okta_coralogix_core::transport::Transport), for tests under paused time), any collector that posts to
//! `/logs/v1/singles`.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use coralogix_sink::CoralogixSink;
//! use coralogix_sink::simulator::{CoralogixSimulator, Fault};
//!
//! let ingress = CoralogixSimulator::new();
//! let server = ingress.serve().await?;
//! ingress.fail_next(1, Fault::status(503));
//!
//! let sink = CoralogixSink::builder()
//!     .endpoint(server.base_url())
//!     .api_key(ingress.key())
//!     .build()?;
//! assert!(sink.check().await.unwrap_err().is_temporary());
//! sink.check().await?;
//! assert!(ingress.ledger().entries().is_empty());
//! # Ok(()) }
//! ```
//!
//! With the feature `query` it also answers queries about what it accepted, at `/api/v1/dataprime/query`.
//!
//! Not modelled, since Coralogix does not document it: how it treats names, old timestamps, large entries and quotas. The simulator
//! accepts them, and the ledger has a [`Warning`] for old and large entries.

mod arrival;
mod body;
mod builder;
mod fault;
mod handler;
mod identity;
mod ingress;
mod ledger;
mod memory;
#[cfg(feature = "query")]
mod query;
mod server;

pub use arrival::{Arrival, Warning};
pub use builder::CoralogixSimulatorBuilder;
pub use fault::{Fault, RetryAfter};
pub use identity::okta_uuid;
pub use ingress::CoralogixSimulator;
pub use ledger::{Ledger, RecordedRequest};
#[cfg(feature = "query")]
pub use query::{Priority, QueryAccount, QueryFault, RecordedQuery};
pub use server::CoralogixServer;
