//! Compares what a log has with what is stored in Coralogix, event by event: what is missing, stored twice, or not of that log.
//!
//! The log is a stream of [`AuditEvent`]s in the order of their time, whatever it is read from; the other side is a
//! [`QueryClient`](crate::query::QueryClient), of which only answers that are proof count. An event is called missing only if its slice of
//! time was proven to lack it, and then a lookup of it by itself, in which an event that is stored for sure was found. What cannot be
//! proven is neither missing nor there: it is *unverifiable*, with the reason. `docs/audit.md` has the rules.
//!
//! ```no_run
//! use coralogix_sink::audit::{Audit, AuditEvent, AuditVerdict};
//! use coralogix_sink::query::{EventFilter, EventId, QueryClient, TimeSlice};
//! use futures::stream;
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let client = QueryClient::builder().domain("EU2").query_key(std::env::var("CORALOGIX_QUERY_KEY")?).build()?;
//! let filter = EventFilter::all().application("okta")?.subsystem("acme")?;
//! let day = TimeSlice::new("2026-11-28T00:00:00Z".parse()?, "2026-11-29T00:00:00Z".parse()?)?;
//!
//! // Of a database, a file, an API.
//! let published = "2026-11-28T07:30:00Z".parse()?;
//! let log = stream::iter([Ok(AuditEvent::new(EventId::new("u-1"), "user.session.start", published))]);
//! let report = Audit::new(&client, filter, day).run(log).await?;
//! match report.verdict() {
//!     AuditVerdict::Complete => println!("all {} events are stored once", report.totals().in_log),
//!     verdict => println!("{verdict}: {} are missing", report.missing().len()),
//! }
//! # Ok(()) }
//! ```

mod cause;
mod compare;
mod confirm;
mod event;
mod patterns;
mod progress;
mod report;
mod run;
mod settings;
mod slices;

pub use cause::Cause;
pub use event::AuditEvent;
pub use progress::{AuditPhase, AuditProgress};
pub use report::{
    AuditReport, AuditTotals, AuditVerdict, DoubledEvent, ForeignLog, HourReport, MissingEvent,
    UnverifiedSlice,
};
pub use settings::{Audit, DEFAULT_MAX_LOOKUPS, DEFAULT_VISIBILITY_DELAY};
