//! An Okta org for tests: the System Log API with a memory, over a loopback socket or without any network.
//!
//! Any collector can be pointed at it. Events are given as raw JSON text, so that broken ones can be given too; they are
//! kept in the order in which they were appended, which is the order of polling, whatever their `published` says. Faults
//! are scripted for the next requests; each request is recorded. Service apps ([`OAuthApp`]) get access tokens at
//! `/oauth2/v1/token`, bound by DPoP or not, and every assertion and proof is verified.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
//! use okta_source::simulator::{Fault, OktaSimulator};
//!
//! let org = OktaSimulator::builder().token("00test").build();
//! org.append(r#"{"uuid":"1","published":"2026-11-22T10:00:00.000Z"}"#);
//! org.script(Fault::Unavailable);
//! let served = org.serve().await?;
//! println!("poll {} with the token 00test", served.base_url());
//! # Ok(()) }
//! ```
//!
//! What it does not model: `sortOrder=DESCENDING`, and the parts of SCIM that few filters use (a path with a value
//! filter is refused, as Okta does).

mod answer;
mod body;
mod builder;
mod fault;
mod filter;
mod log;
mod memory;
mod oauth;
mod org;
mod query;
mod rate_limit;
mod request_log;
mod script;
mod server;

pub use builder::OktaSimulatorBuilder;
pub use fault::Fault;
pub use oauth::OAuthApp;
pub use org::OktaSimulator;
pub use request_log::RecordedRequest;
pub use server::OktaServer;
