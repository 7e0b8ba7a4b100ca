//! Simulates an Okta org: the System Log API with state, on a loopback socket or in memory.
//!
//! Any collector can poll it. Events are raw JSON text, so that malformed ones are possible. Polling gives them in the order in which
//! they were appended, independent of `published`. Faults are scripted for the next requests; each request is recorded. Service apps
//! ([`OAuthApp`]) get access tokens at `/oauth2/v1/token`, bound by DPoP or not, and the simulator verifies every assertion and proof.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
//! use okta_source::simulator::{Fault, OktaSimulator};
//!
//! let org = OktaSimulator::builder().token("00test").build();
//! org.append(r#"{"uuid":"1","published":"2026-11-22T10:00:00.000Z"}"#);
//! org.script(Fault::Unavailable);
//! let server = org.serve().await?;
//! println!("poll {} with the token 00test", server.base_url());
//! # Ok(()) }
//! ```
//!
//! Not modelled: `sortOrder=DESCENDING`, and the parts of SCIM that few filters use (a path with a value
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
