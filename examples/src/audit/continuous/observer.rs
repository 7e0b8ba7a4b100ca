//! What an audit sees of the pipeline beside it.

use okta_coralogix_core::observe::{Observer, PipelineContext, PipelineEvent};

use super::{DeliveredLog, Sampler};

/// What an audit sees of the pipeline beside it. Clones share it; the default sees nothing.
#[derive(Debug, Clone, Default)]
pub(crate) struct AuditObserver {
    /// `None`: its events come by a way whose delay is not known.
    pub(super) delivered: Option<DeliveredLog>,
    /// Set: missing events are sent.
    pub(super) sampler: Option<Sampler>,
}

impl Observer for AuditObserver {
    fn observe(&self, context: &PipelineContext<'_>, event: &PipelineEvent<'_>) {
        self.delivered.observe(context, event);
        self.sampler.observe(context, event);
    }
}
