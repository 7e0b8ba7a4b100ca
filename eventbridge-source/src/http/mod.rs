//! An endpoint for API destinations: the push route over HTTP.
//!
//! An API destination sends one event per request, each on a connection of its own, and waits 5 seconds. A request is
//! answered 200 once its event is settled: accepted by Coralogix, dropped by a rule, or dead-lettered. An event that cannot be settled in
//! time is answered 503, and EventBridge sends it again for up to 24 hours. The pipeline batches the events of many requests into few
//! requests to Coralogix.
//!
//! | status | when |
//! |---|---|
//! | 200 | every event of the body is settled; malformed ones are dead-lettered |
//! | 400 | no event was found in the body, so that it can never succeed; its bytes are dead-lettered |
//! | 401 | the credential is missing or wrong; the body was not parsed. EventBridge sends the event again, so that a slip in a rotation loses nothing |
//! | 413 | the body is too large, as it arrives or decoded; its first 64 KiB and its length are dead-lettered |
//! | 415 | the body has a `Content-Encoding` other than gzip, or is broken gzip; its bytes are dead-lettered |
//! | 503 | the events cannot be settled in time, too many requests wait, or the pipeline has ended, as when Coralogix refuses *our* key; with `Retry-After` |
//!
//! The text of a response says why. A request of Firehose (`X-Amz-Firehose-Request-Id`) is answered in the JSON that Firehose takes, and may have
//! the API key in `X-Amz-Firehose-Access-Key`.
//!
//! `Range`, which every API destination sends, is ignored, and there are no redirects.
//!
//! ```no_run
//! # async fn example(sink: impl okta_coralogix_core::LogSink) -> Result<(), Box<dyn std::error::Error>> {
//! use eventbridge_source::http::HttpSource;
//! use tokio::net::TcpListener;
//! # async fn ctrl_c() {}
//!
//! let source = HttpSource::builder().api_key("the key of the connection").build()?;
//! let listener = TcpListener::bind("127.0.0.1:8080").await?;
//! let server = source.serve(listener, ctrl_c());
//! let pipeline = source.pipeline(sink).build()?;
//! let (_, summary) = tokio::join!(server, pipeline.run(ctrl_c()));
//! # summary?; Ok(()) }
//! ```
//!
//! [`HttpSource::serve`] bounds its connections below the process's limit of open files, and keeps them idle for longer than a load balancer does
//! once a credential was accepted on them.
//!
//! API destinations require HTTPS with a publicly trusted certificate: terminate TLS in front of it, at a load balancer for instance.

mod authenticator;
mod builder;
mod connection;
mod encoding;
mod firehose;
mod handle;
mod handler;
mod listener;
mod log_limit;
mod open_files;
mod request_body;
mod router;
mod server;
mod service;
mod sink_probe;
mod source;
#[cfg(test)]
mod tests;

pub use builder::HttpSourceBuilder;
pub use handle::{EndpointHandle, EndpointStatus};
pub use source::HttpSource;
