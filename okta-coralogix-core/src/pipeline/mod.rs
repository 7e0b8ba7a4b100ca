//! The pipeline: from a source through filters and mapping to a sink, acknowledged end to end.

mod admit;
mod age;
mod builder;
mod context;
mod dead_letters;
mod deliver;
mod handle;
mod item_guard;
mod ledger;
mod live;
mod parts;
mod queue;
mod run;
pub(crate) mod summary;
mod tracked_delivery;

pub use crate::backoff::BackoffPolicy;
pub use crate::delivery::Disposition;
pub use builder::PipelineBuilder;
pub use handle::{FaultStatus, PipelineHandle, PipelineState, PipelineStatus};
pub use summary::RunError;
pub(crate) use summary::Summary;

use std::sync::Arc;

use self::live::Live;
use self::parts::{Limits, Parts};
use crate::observe::Reporter;
use crate::{EventSource, LogSink};

/// Carries events from a source to a sink and settles each delivery once all of it has ended.
///
/// Items are checked in this order: malformed, too old, filtered, duplicate; the rest is mapped, gathered into requests
/// and sent, several at a time. Sends and settlements run side by side.
///
/// A temporary fault never ends a run: it is retried with capped backoff until it passes, and the source is held
/// back meanwhile. A run ends with an error only if a retry cannot help, and then hands back all unsettled
/// items. Dropping the future of [`run`](Self::run) loses nothing.
#[derive(Debug)]
pub struct Pipeline<S> {
    source: S,
    parts: Arc<Parts>,
    limits: Limits,
    reporter: Reporter,
    live: Arc<Live>,
}

impl<S: EventSource> Pipeline<S> {
    /// A builder with the defaults.
    pub fn builder(source: S, sink: impl LogSink) -> PipelineBuilder<S> {
        PipelineBuilder::new(source, Arc::new(sink))
    }

    /// Shows what the pipeline does, also while it runs.
    #[must_use]
    pub fn handle(&self) -> PipelineHandle {
        PipelineHandle::new(Arc::clone(&self.live), self.reporter.clone())
    }

    /// Runs until the source ends, `shutdown` resolves, or a permanent error occurs.
    ///
    /// After `shutdown` the pipeline receives nothing more. It finishes and settles the items in flight within the drain timeout, and
    /// hands back the rest.
    ///
    /// # Cancel safety
    /// Dropping the future hands back everything in flight.
    ///
    /// # Errors
    /// [`RunError`], with the counts up to then: a refused credential, a wrong endpoint, a failed disk, and their like.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<Summary, RunError> {
        run::Run::new(self).drive(shutdown).await
    }
}
