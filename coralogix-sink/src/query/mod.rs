//! Asks Coralogix what is stored, through its DataPrime query API, and says whether the answer is proof.
//!
//! Coralogix answers 200 with a part of the rows where a limit is reached, a query fails half-way or a tier is not there. An audit that
//! took such an answer for the whole would call stored events missing. So an [`Answer`] has a value only if it is proof;
//! what that takes is in `docs/audit.md`.
//!
//! ```no_run
//! use coralogix_sink::query::{Answer, EventFilter, EventId, QueryClient, TimeSlice};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let client = QueryClient::builder()
//!     .domain("EU2")
//!     .query_key(std::env::var("CORALOGIX_QUERY_KEY")?)
//!     .build()?;
//! let filter = EventFilter::all().application("okta")?.subsystem("acme")?;
//! let hour = TimeSlice::new("2026-11-28T07:00:00Z".parse()?, "2026-11-28T08:00:00Z".parse()?)?;
//!
//! let mut slices = vec![hour];
//! while let Some(slice) = slices.pop() {
//!     match client.count_by_uuid(&filter, slice).await? {
//!         Answer::Proven(counts) => {
//!             let event = EventId::new("3bcf1b0a-0f44-11f1-8de9-0242ac120002");
//!             println!("{slice}: {} uuids, this one {} times", counts.len(), counts.get(&event));
//!         }
//!         Answer::Unproven(unproven) => match unproven.halves() {
//!             Some(halves) => slices.extend(halves),
//!             None => println!("{unproven}"),
//!         },
//!     }
//! }
//! # Ok(()) }
//! ```

mod answer;
mod ask;
mod builder;
mod client;
mod config;
mod counts;
mod dataprime;
mod endpoint;
mod event_id;
mod filter;
mod lines;
mod pace;
mod rows;
mod service;
mod settings;
mod slice;
mod status;
mod tier;

pub use answer::{Answer, Doubt, Unproven, Warning};
pub use builder::QueryClientBuilder;
pub use client::{Lookup, QueryClient, QueryMetrics};
pub use config::{
    DEFAULT_QUERIES_PER_MINUTE, DEFAULT_QUERY_TIMEOUT, DEFAULT_RESPONSE_BYTES, QueryConfig,
};
pub use counts::UuidCounts;
pub use dataprime::{ParseUuidPathError, UuidPath};
#[cfg(feature = "simulator")]
pub(crate) use endpoint::QUERY as QUERY_PATH;
pub use endpoint::QueryEndpoint;
pub use event_id::EventId;
pub use filter::EventFilter;
pub use slice::TimeSlice;
pub use tier::Tier;
