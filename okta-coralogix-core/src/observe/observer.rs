//! The trait of observers.

use std::sync::Arc;

use super::PipelineEvent;

/// Where an event happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PipelineContext<'a> {
    /// The name of the pipeline: [`PipelineBuilder::name`](crate::pipeline::PipelineBuilder::name), by default that of its source.
    pub pipeline: &'a str,
    /// The name of the source; empty for an [`EntrySender`](crate::sink::EntrySender), which has none.
    pub source: &'a str,
}

/// Observes a pipeline and its source: for metrics, progress, alarms. Called from the pipeline's task, so it must not block.
///
/// Several observers are one: a tuple of two, a `Vec`.
///
/// ```
/// use okta_coralogix_core::observe::{Observer, PipelineContext, PipelineEvent, TracingObserver};
///
/// #[derive(Debug)]
/// struct Alarm;
///
/// impl Observer for Alarm {
///     fn observe(&self, context: &PipelineContext<'_>, event: &PipelineEvent<'_>) {
///         if let PipelineEvent::DeadLettered { letter, .. } = event {
///             println!("{}: a dead letter: {}", context.pipeline, letter.reason);
///         }
///     }
/// }
///
/// let observer = (TracingObserver::new(), Alarm);
/// # fn takes(_: impl Observer) {}
/// # takes(observer);
/// ```
pub trait Observer: Send + Sync + 'static {
    /// Called for each event, in order.
    fn observe(&self, context: &PipelineContext<'_>, event: &PipelineEvent<'_>);
}

debug_by_name!(Observer);

impl<O: Observer + ?Sized> Observer for Arc<O> {
    fn observe(&self, context: &PipelineContext<'_>, event: &PipelineEvent<'_>) {
        (**self).observe(context, event);
    }
}

impl<O: Observer + ?Sized> Observer for Box<O> {
    fn observe(&self, context: &PipelineContext<'_>, event: &PipelineEvent<'_>) {
        (**self).observe(context, event);
    }
}

/// None or one.
impl<O: Observer> Observer for Option<O> {
    fn observe(&self, context: &PipelineContext<'_>, event: &PipelineEvent<'_>) {
        if let Some(observer) = self {
            observer.observe(context, event);
        }
    }
}

/// Each of them, in order.
impl<O: Observer> Observer for Vec<O> {
    fn observe(&self, context: &PipelineContext<'_>, event: &PipelineEvent<'_>) {
        for observer in self {
            observer.observe(context, event);
        }
    }
}

/// Both, in order.
impl<A: Observer, B: Observer> Observer for (A, B) {
    fn observe(&self, context: &PipelineContext<'_>, event: &PipelineEvent<'_>) {
        self.0.observe(context, event);
        self.1.observe(context, event);
    }
}
