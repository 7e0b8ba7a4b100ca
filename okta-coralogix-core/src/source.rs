//! The trait of event sources.

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
/// 1. **Every event is given until it is settled.** What is handed back, or dropped, comes again from [`next`](Self::next), without
///    a restart. Where the remote itself repeats what is not settled, to whom it likes (a request that is answered 503, an
///    invocation that fails), it is the remote that gives it again.
/// 2. **What is no event is given too.** As a [`MalformedEvent`](crate::MalformedEvent) with its bytes, in its place among the
///    events: the pipeline puts it into the dead letters. A source that leaves it out loses it.
/// 3. **`next` makes one attempt.** It returns a temporary error when that fails; the pipeline waits (the hint of the error,
///    capped, or its backoff) and calls again.
/// 4. **`next` may be dropped.** At any `await` in it, without losing an event: take nothing out of a queue or off a cursor before
///    the last `await`. A remote that handed something to the call that was dropped may give it again only later, to a restart at
///    the latest.
/// 5. **`None` comes last.** Only once all that was given is settled: while a delivery is in flight, `next` waits, since it may be
///    handed back. After `None` it is not called again. Only a source whose remote itself repeats what is not settled
///    may end before.
/// 6. **A restart goes on behind what is settled.** What is settled is not given again, everything else is. A source whose remote
///    or queue does not outlive it cannot keep this rule, nor those that follow; its documentation says so.
/// 7. **The window is stored with the position.** By a [cumulative](AckOrder::Cumulative) source, in one record, with
///    [`DedupWindow::snapshot`] and [`DedupWindow::restore`]. The pipeline remembers the uuid of an event before it settles its
///    delivery, and so the record that [`settle`](crate::Acker::settle) saves has the uuids of that delivery. The window also has
///    those of settled events whose delivery has to come again since another one was handed back; [`close`](Self::close) saves
///    them.
/// 8. **A position belongs to one remote and query.** The record of another is refused with a permanent error (`Corrupt`), and is
///    neither used nor overwritten.
/// 9. **A position of another process is not overwritten.** A save expects the version that was loaded or saved last; `Conflict` is
///    an error of `settle`.
///
/// [`PagedSource`](crate::checkpoint::PagedSource) keeps all of them for a remote with pages behind a cursor, and
/// [`Committer`](crate::checkpoint::Committer) those of positions. The suite
/// `conformance::source` in `testing` checks all of these but the third, and `conformance::source_without_restart` those up to the
/// fifth.
#[async_trait]
pub trait EventSource: Send + 'static {
    /// Its name in logs and metrics, such as the org. Default: `source`.
    fn name(&self) -> &str {
        "source"
    }

    /// Its pipeline has been built: from now on the source reports what it does there. Default: it reports nothing.
    fn attach(&mut self, _reporter: &Reporter) {}

    /// How its deliveries are settled.
    fn ack_order(&self) -> AckOrder;

    /// The window in which its events are de-duplicated: a handle to the one that it persists, or a new one.
    ///
    /// The uuid of an event is in the window from its admission on: claimed while it is in flight, remembered once it is delivered,
    /// dead-lettered or a duplicate, which is before its delivery is settled. One that is handed back, too old or filtered is not
    /// in it.
    fn dedup_window(&self) -> DedupWindow;

    /// Counts the answers with which the source could go on, those without events included: they prove that its address and its
    /// credential are right, which a pipeline cannot see of a source that is quiet. Default: only deliveries prove it.
    fn answers(&self) -> AnswerCounter {
        AnswerCounter::default()
    }

    /// The next delivery; `None`: no more, ever, and nothing is in flight.
    ///
    /// # Cancel safety
    /// Dropping the future loses no event.
    ///
    /// # Errors
    /// A temporary error is retried, a permanent one ends the pipeline.
    async fn next(&mut self) -> Result<Option<Delivery>>;

    /// Saves what it remembers of events beyond its position, so that the next run repeats none of them, and hands back what it has
    /// taken from its remote and not given. Called at the end of each run, however that ends, once no delivery is left; not if the
    /// run is dropped. One attempt. Default: there is nothing to save.
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

debug_by_name!(EventSource);

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
