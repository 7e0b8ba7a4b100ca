//! What operators see of a source: figures, the state of a backlog, silence.
//!
//! Hears pages of `poll`; nothing depends on it but the source.

pub(crate) mod backlog;
pub(crate) mod overlap_window;
pub(crate) mod report;
pub(crate) mod snapshot;

pub use snapshot::{MetricsSnapshot, SourceMetrics};
