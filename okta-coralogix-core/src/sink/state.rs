//! What pipelines to one sink share.

use std::fmt;
use std::sync::{Arc, OnceLock};

use super::learned_limits::LearnedLimits;

/// What is learnt of a sink: whether it has accepted anything, how large requests may be, and how often which event has failed alone.
/// Clones are handles to the same.
///
/// A pipeline has one of its own unless it is given one. Pipelines that follow one another in a process, to one sink and with the same
/// settings, share one
/// ([`PipelineBuilder::sink_state`](crate::pipeline::PipelineBuilder::sink_state)), so that none begins anew: an event that blocks its
/// request is then dead-lettered although each of the pipelines is too short for that.
#[derive(Clone, Default)]
pub struct SinkState(Arc<OnceLock<Arc<LearnedLimits>>>);

impl SinkState {
    /// What is learnt; the first pipeline makes it, with its settings.
    pub(crate) fn get_or_init(&self, new: impl FnOnce() -> LearnedLimits) -> Arc<LearnedLimits> {
        Arc::clone(self.0.get_or_init(|| Arc::new(new())))
    }
}

impl fmt::Debug for SinkState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SinkState")
            .field("is_used", &self.0.get().is_some())
            .finish()
    }
}
