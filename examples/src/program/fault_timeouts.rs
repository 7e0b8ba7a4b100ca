//! How long the pipelines of all programs wait for faults.

use std::time::Duration;

use okta_coralogix_core::EventSource;
use okta_coralogix_core::pipeline::PipelineBuilder;

/// How long faults are waited for that may pass by themselves; the pipeline's own times where none is given.
#[derive(Debug, Clone, Copy, Default)]
pub struct FaultTimeouts {
    pub(super) interception: Option<Duration>,
    pub(super) refusal_wait: Option<Duration>,
    pub(super) outage_patience: Option<Duration>,
}

impl FaultTimeouts {
    /// These, without a second attempt at a refused credential.
    #[must_use]
    pub fn without_refusal_wait(self) -> Self {
        Self {
            refusal_wait: Some(Duration::ZERO),
            ..self
        }
    }

    /// These, with a second attempt at a refused credential only where its wait was set.
    #[must_use]
    pub fn with_refusal_wait_if_set(self) -> Self {
        Self {
            refusal_wait: Some(self.refusal_wait.unwrap_or_default()),
            ..self
        }
    }

    /// True once what answers in place of a remote has done so for long enough.
    #[must_use]
    pub fn believes(self, intercepted_for: Duration) -> bool {
        self.interception
            .is_some_and(|timeout| intercepted_for >= timeout)
    }

    /// A pipeline with these.
    pub fn apply<S: EventSource>(self, mut builder: PipelineBuilder<S>) -> PipelineBuilder<S> {
        if let Some(timeout) = self.interception {
            builder = builder.interception_timeout(timeout);
        }
        if let Some(wait) = self.refusal_wait {
            builder = builder.refusal_wait(wait);
        }
        match self.outage_patience {
            Some(patience) => builder.outage_patience(patience),
            None => builder,
        }
    }
}
