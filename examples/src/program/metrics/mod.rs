//! What the pipelines of a process have done, as Prometheus reads it.
//!
//! A [`Registry`] has a [`Monitor`] for each pipeline: an observer, which counts, and the way to the pipeline's handle. The counts of
//! events are not counted again: they are those of the handles, so that within one scrape `received` is the sum of the outcomes and of what
//! is pending, also while an org is opened anew. `families` has the names, which are part of the interface.

mod audit;
mod audit_families;
mod exposition;
mod families;
mod histogram;
mod monitor;
mod outcome;
mod registry;
mod replicas;
mod runs;
mod series;
mod source_kind;

pub use audit::AuditFigures;
pub(super) use exposition::CONTENT_TYPE;
pub use monitor::Monitor;
pub(super) use monitor::Watched;
pub use registry::{Registry, VersionInfo};
pub(super) use runs::RunState;
pub use source_kind::SourceKind;
