//! How long the pipelines of all programs wait for faults.

use std::time::Duration;

use okta_coralogix_core::EventSource;
use okta_coralogix_core::pipeline::PipelineBuilder;

/// How long faults are waited for that may pass by themselves.
#[derive(Debug, Clone, Copy)]
pub struct FaultTimeouts {
    pub(super) interception: Duration,
    pub(super) outage_patience: Duration,
}

impl Default for FaultTimeouts {
    fn default() -> Self {
        Self {
            interception: Duration::from_secs(300),
            outage_patience: Duration::from_secs(1800),
        }
    }
}

impl FaultTimeouts {
    /// A pipeline with these.
    pub fn apply<S: EventSource>(self, builder: PipelineBuilder<S>) -> PipelineBuilder<S> {
        builder
            .interception_timeout(self.interception)
            .outage_patience(self.outage_patience)
    }
}
