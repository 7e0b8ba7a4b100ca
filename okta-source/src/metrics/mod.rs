//! Metrics and events for operators: figures, backlog, silence.
//!
//! [`monitor::Monitor`] observes requests and pages. Uses `api` and the pages of `poll`; nothing depends on it but the source.

pub(crate) mod backlog;
pub(crate) mod monitor;
pub(crate) mod overlap_window;
pub(crate) mod snapshot;

pub use snapshot::{MetricsSnapshot, SourceMetrics};
