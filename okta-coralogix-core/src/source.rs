//! The trait of event sources.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;

use crate::filter::DedupWindow;
use crate::observe::Reporter;
use crate::{AckOrder, Delivery, Result};

/// A source of deliveries. Implemented by adapters, called by the [`Pipeline`](crate::Pipeline).
///
/// The source is the durable buffer: it can give unsettled events again.
///
/// # Implementing
/// 1. Every event is given at least once, until it is settled.
/// 2. [`next`](Self::next) makes one attempt and returns a temporary error when that fails; the pipeline waits (the hint of the error,
///    capped, or its backoff) and calls again.
/// 3. After `Ok(None)` it is not called again.
///
/// The conformance suite in `testing` checks these.
#[async_trait]
pub trait EventSource: Debug + Send + 'static {
    /// Its name in logs and metrics, such as the org. Default: `source`.
    fn name(&self) -> &str {
        "source"
    }

    /// Its pipeline has been built: from now on the source reports what it does there. Default: it reports nothing.
    fn attach(&mut self, _reporter: &Reporter) {}

    /// How its deliveries are settled.
    fn ack_order(&self) -> AckOrder;

    /// The window in which its events are de-duplicated: a handle to the one that it persists, or a new one.
    fn dedup_window(&self) -> DedupWindow;

    /// Counts the answers with which the source could go on, those without events included: they prove that its address and its
    /// credential are right, which a pipeline cannot see of a source that is quiet. Default: only deliveries prove it.
    fn answers(&self) -> AnswerCounter {
        AnswerCounter::default()
    }

    /// The next delivery; `None`: no more, ever.
    ///
    /// # Cancel safety
    /// Dropping the future loses no event.
    ///
    /// # Errors
    /// A temporary error is retried, a permanent one ends the pipeline.
    async fn next(&mut self) -> Result<Option<Delivery>>;

    /// Saves what it remembers of events beyond its position, so that the next run repeats none of them. Called at the end of each
    /// run, however that ends, once no delivery is left; not if the run is dropped. One attempt. Default: there is nothing to save.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the old or the new state.
    ///
    /// # Errors
    /// A temporary error is retried for a few seconds.
    async fn close(&mut self) -> Result<()> {
        Ok(())
    }
}

/// A shared count of a remote's answers.
#[derive(Debug, Clone, Default)]
pub struct AnswerCounter(Arc<AtomicU64>);

impl AnswerCounter {
    /// Counts one more answer.
    pub fn increment(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// The answers so far.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl<S: EventSource + ?Sized> EventSource for Box<S> {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn attach(&mut self, reporter: &Reporter) {
        (**self).attach(reporter);
    }

    fn ack_order(&self) -> AckOrder {
        (**self).ack_order()
    }

    fn dedup_window(&self) -> DedupWindow {
        (**self).dedup_window()
    }

    fn answers(&self) -> AnswerCounter {
        (**self).answers()
    }

    async fn next(&mut self) -> Result<Option<Delivery>> {
        (**self).next().await
    }

    async fn close(&mut self) -> Result<()> {
        (**self).close().await
    }
}
