//! What every source must do.

mod checkpoint;
mod giving;
mod opened;
mod restart;
mod settling;

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::LocalBoxFuture;

use super::rule::Rule;
use super::scripted_checkpoint::ScriptedCheckpoint;
use crate::checkpoint::CheckpointStore;
use crate::{EventSource, Result};

use opened::Opened;

type Open =
    dyn Fn(Arc<dyn CheckpointStore>) -> LocalBoxFuture<'static, Result<Box<dyn EventSource>>>;

/// A remote with events, and how to open the source over it. Made anew for each check.
pub struct SourceUnderTest {
    open: Box<Open>,
    uuids: HashSet<String>,
    malformed: Vec<Bytes>,
    is_never_malformed: bool,
    has_checkpoint: bool,
}

impl SourceUnderTest {
    /// A source whose remote knows what is settled, or that keeps its position by itself. `uuids` are those of the events that its
    /// remote has: at least three deliveries, none twice. It ends when it is caught up.
    #[must_use]
    pub fn new<S, F>(
        uuids: impl IntoIterator<Item = impl Into<String>>,
        open: impl Fn() -> F + 'static,
    ) -> Self
    where
        S: EventSource,
        F: Future<Output = Result<S>> + 'static,
    {
        let mut test = Self::with_checkpoint(uuids, move |_| open());
        test.has_checkpoint = false;
        test
    }

    /// A source that keeps its position in the store that it is opened with. Its checks are more: saves fail, and records are
    /// foreign.
    #[must_use]
    pub fn with_checkpoint<S, F>(
        uuids: impl IntoIterator<Item = impl Into<String>>,
        open: impl Fn(Arc<dyn CheckpointStore>) -> F + 'static,
    ) -> Self
    where
        S: EventSource,
        F: Future<Output = Result<S>> + 'static,
    {
        let open = move |store| {
            let opening = open(store);
            async move { Ok(Box::new(opening.await?) as Box<dyn EventSource>) }.boxed_local()
        };
        Self {
            open: Box::new(open),
            uuids: uuids.into_iter().map(Into::into).collect(),
            malformed: Vec::new(),
            is_never_malformed: false,
            has_checkpoint: true,
        }
    }

    /// The bytes of what the remote has beside the events that is no event, each as the source must give it as a
    /// [`MalformedEvent`](crate::MalformedEvent).
    #[must_use]
    pub fn malformed(mut self, items: impl IntoIterator<Item = impl Into<Bytes>>) -> Self {
        self.malformed = items.into_iter().map(Into::into).collect();
        self
    }

    /// The remote cannot have anything that is no event: it has them as [`RawEvent`](crate::RawEvent)s.
    #[must_use]
    pub fn never_malformed(mut self) -> Self {
        self.is_never_malformed = true;
        self
    }

    /// Opens the source, as after a restart.
    async fn open(&self, store: &Arc<ScriptedCheckpoint>) -> Opened {
        let store = Arc::clone(store) as Arc<dyn CheckpointStore>;
        let opened = (self.open)(store).await;
        Opened::new(Rule::RESTART.ok(opened, "the source cannot be opened"))
    }

    /// Opens it over an empty checkpoint.
    async fn open_new(&self) -> Opened {
        self.open(&Arc::default()).await
    }
}

impl fmt::Debug for SourceUnderTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourceUnderTest")
            .field("uuids", &self.uuids.len())
            .field("malformed", &self.malformed.len())
            .field("has_checkpoint", &self.has_checkpoint)
            .finish_non_exhaustive()
    }
}

/// Checks a source. `remote` makes a remote of its own, with the same content, for each check.
///
/// To the suite a restart is what is left after a crash: the source is dropped with all that it gave, without
/// [`close`](EventSource::close), and is opened again over the same remote and the same checkpoint.
///
/// # Panics
/// If a rule of [`EventSource`] or [`Acker`](crate::Acker) is violated; or if the remote has too little for the checks to show
/// anything.
pub async fn source<F>(remote: impl Fn() -> F)
where
    F: Future<Output = SourceUnderTest>,
{
    check_one_opening(&remote).await;
    restart::what_was_not_settled_is_given_after_a_restart(&remote().await).await;
    restart::what_was_settled_is_not_given_after_a_restart(&remote().await).await;
    for back in [HandedBack::First, HandedBack::Last] {
        restart::what_was_settled_in_part_is_given_after_a_restart(&remote().await, back).await;
    }
    for takes_again in [false, true] {
        let test = remote().await;
        restart::overtaken_acker_is_without_effect_after_a_restart(&test, takes_again).await;
    }
    restart::window_is_there_after_a_restart(&remote().await).await;
    restart::window_is_saved_by_close(&remote().await).await;
    restart::close_passes_nothing_that_is_not_settled(&remote().await).await;
    giving::interrupted_next_loses_nothing_for_ever(&remote().await).await;
    settling::interrupted_settlement_loses_nothing(&remote().await).await;
    if remote().await.has_checkpoint {
        checkpoint::checkpoint_is_used(&remote().await).await;
        checkpoint::failed_save_is_an_error_of_settle(&remote().await).await;
        checkpoint::failed_save_may_have_been_stored(&remote().await).await;
        checkpoint::failed_save_may_have_been_stored_unread(&remote().await).await;
        checkpoint::foreign_record_is_refused(&remote().await).await;
        checkpoint::record_of_another_process_stays(&remote().await).await;
    }
}

/// Checks a source that keeps nothing over a restart, such as a channel: what [`source`] checks within one opening. Each opening is
/// of a remote of its own, and has all that the remote has.
///
/// No suite is for a source whose remote repeats what is not settled, to whom it likes: an endpoint whose answer is about a whole
/// request, or an invocation that fails. The source itself gives nothing again there (the first rule of [`EventSource`]), and what is
/// settled of a request comes again with the rest of it (the second of [`Acker`](crate::Acker)). Such a source has tests of its own, with
/// its remote and a pipeline: that each event arrives, and that what is answered as done is settled.
///
/// # Panics
/// As [`source`] does.
pub async fn source_without_restart<F>(remote: impl Fn() -> F)
where
    F: Future<Output = SourceUnderTest>,
{
    check_one_opening(&remote).await;
    giving::interrupted_next_loses_nothing(&remote().await).await;
}

async fn check_one_opening<F>(remote: &impl Fn() -> F)
where
    F: Future<Output = SourceUnderTest>,
{
    giving::test_can_show_something(&remote().await).await;
    giving::everything_is_given(&remote().await).await;
    settling::what_is_not_settled_is_not_in_the_window(&remote().await).await;
    settling::what_is_dropped_is_given_again(&remote().await).await;
    settling::what_is_handed_back_is_given_again(&remote().await).await;
    for back in [HandedBack::First, HandedBack::Last] {
        settling::what_is_settled_in_part_is_given_again(&remote().await, back).await;
    }
    for takes_again in [false, true] {
        settling::overtaken_acker_is_without_effect(&remote().await, takes_again).await;
    }
    giving::nothing_ends_while_a_delivery_is_in_flight(&remote().await).await;
}

/// Which item of a delivery is handed back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HandedBack {
    First,
    Last,
}
