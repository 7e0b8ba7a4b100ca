//! Where the parts of a pipeline report to.

use std::fmt;
use std::sync::Arc;

use super::faults::{Fault, Faults};
use super::{Observer, PipelineContext, PipelineEvent, Stage, TracingObserver};
use crate::text::seconds;

/// The way to the observer of a pipeline, for its parts. Clones share it.
#[derive(Clone)]
pub struct Reporter(Arc<Inner>);

struct Inner {
    pipeline: String,
    source: String,
    observer: Arc<dyn Observer>,
    faults: Faults,
}

impl Reporter {
    /// Reports to `observer` what happens in this pipeline.
    pub fn new(
        pipeline: impl Into<String>,
        source: impl Into<String>,
        observer: impl Observer,
    ) -> Self {
        Self(Arc::new(Inner {
            pipeline: pipeline.into(),
            source: source.into(),
            observer: Arc::new(observer),
            faults: Faults::default(),
        }))
    }

    /// The reporter of a source that is in no pipeline: it logs.
    pub fn unattached(source: impl Into<String>) -> Self {
        Self::new(String::new(), source, TracingObserver::new())
    }

    /// Reports an event, and if it ends a failure, that as well.
    pub fn report(&self, event: &PipelineEvent<'_>) {
        let context = self.context();
        let recovered = self.0.faults.note(event);
        self.0.observer.observe(&context, event);
        if let Some((stage, after)) = recovered {
            let event = PipelineEvent::Recovered { stage, after };
            self.0.observer.observe(&context, &event);
        }
    }

    /// Which pipeline, and which source.
    #[must_use]
    pub fn context(&self) -> PipelineContext<'_> {
        PipelineContext {
            pipeline: &self.0.pipeline,
            source: &self.0.source,
        }
    }

    /// The stage is idle: nothing can tell any more whether it works.
    pub(crate) fn forget_fault(&self, stage: Stage) {
        if let Some(fault) = self.0.faults.forget(stage) {
            tracing::info!(
                %stage,
                after = %seconds(fault.since.elapsed()),
                "what had failed is idle: whether it works again shows with its next use"
            );
        }
    }

    /// What fails at present.
    pub(crate) fn faults(&self) -> Vec<(Stage, Fault)> {
        self.0.faults.present()
    }
}

impl fmt::Debug for Reporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reporter")
            .field("context", &self.context())
            .field("observer", &self.0.observer)
            .finish_non_exhaustive()
    }
}
