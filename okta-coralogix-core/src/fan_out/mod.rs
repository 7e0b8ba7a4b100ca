//! One source for several pipelines.

mod joint;

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::{Notify, futures::Notified};

use crate::filter::DedupWindow;
use crate::observe::Reporter;
use crate::source::AnswerCounter;
use crate::{AckOrder, Delivery, Error, ErrorKind, EventSource, Result};

use joint::Joint;

/// Gives all that `source` gives to each of `branches` sources, for a pipeline each: with its own mapping, filters, sink and dead
/// letters. A delivery is settled in `source` once every pipeline has settled it, so that none gets ahead of the slowest by more than
/// what it may have [in flight](crate::pipeline::PipelineBuilder::max_in_flight_deliveries).
///
/// ```
/// # use okta_coralogix_core::testing::{MemorySink, MemorySource};
/// # use okta_coralogix_core::{AckOrder, CoralogixMapping, Pipeline, fan_out};
/// # fn mapping() -> CoralogixMapping { CoralogixMapping::builder().application("okta").subsystem("acme").build().unwrap() }
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// # let (siem, archive) = (MemorySink::new(), MemorySink::new());
/// # let source = MemorySource::new(AckOrder::Cumulative, Vec::new());
/// let mut branches = fan_out(source, 2).into_iter();
/// let mut pipeline = |sink| Pipeline::builder(branches.next().unwrap(), sink).mapping(mapping()).build();
/// let (siem, archive) = (pipeline(siem)?, pipeline(archive)?);
/// let stop = std::future::pending;
/// let ended = tokio::join!(siem.run(stop()), archive.run(stop()));
/// # let (Ok(_), Ok(_)) = ended else { panic!() };
/// # Ok::<(), okta_coralogix_core::Error>(())
/// # }).unwrap();
/// ```
///
/// # Why no sink sends to two
/// A sink has one answer for a batch. Where one of two remotes has accepted it and the other has not, every answer is wrong: with `Ok`
/// the other loses the batch, and with an error the pipeline sends it again, in parts, to both; one entry that the second remote
/// never accepts then comes a thousand times to the first.
///
/// # What repeats
/// What one pipeline hands back, `source` gives to all of them again, and each other one drops what it has delivered as a duplicate,
/// by a window of its own. The window of `source` has an event only once all of them have settled it, and each branch begins with what is
/// in it: after a restart a pipeline may deliver once more what another one had not settled. What has no uuid is not recognised:
/// malformed items then are dead letters twice.
///
/// # When a pipeline ends
/// The deliveries that its branch has are handed back. Unless it has ended with the end of `source`, the other branches then fail with
/// a permanent error: they could settle nothing more.
///
/// # Panics
/// If `branches` is 0.
pub fn fan_out(source: impl EventSource, branches: usize) -> Vec<Branch> {
    assert!(branches > 0, "there must be a branch to give events to");
    let window = source.dedup_window();
    let known = window.snapshot();
    let windows = (0..branches).map(|_| DedupWindow::restore(&known, window.capacity()));
    let windows: Vec<_> = windows.collect();
    let hub = Arc::new(Hub {
        name: source.name().to_owned(),
        ack_order: source.ack_order(),
        answers: source.answers(),
        window,
        windows: windows.clone(),
        source: tokio::sync::Mutex::new(Box::new(source)),
        shared: Mutex::new(Shared {
            queues: (0..branches).map(|_| VecDeque::new()).collect(),
            open: branches,
            ..Shared::default()
        }),
        changed: Notify::new(),
    });
    let branch = |(index, window)| Branch {
        hub: Arc::clone(&hub),
        index,
        window,
        is_closed: false,
    };
    windows.into_iter().enumerate().map(branch).collect()
}

/// One of the sources that [`fan_out`] makes of one.
#[must_use = "dropping a branch ends the others"]
pub struct Branch {
    hub: Arc<Hub>,
    index: usize,
    window: DedupWindow,
    is_closed: bool,
}

struct Hub {
    name: String,
    ack_order: AckOrder,
    answers: AnswerCounter,
    /// That of the source: of what all branches have settled.
    window: DedupWindow,
    windows: Vec<DedupWindow>,
    /// Held by the branch that asks for the next delivery, on behalf of all.
    source: tokio::sync::Mutex<Box<dyn EventSource>>,
    shared: Mutex<Shared>,
    /// Something was put into the queues, or a branch is gone.
    changed: Notify,
}

#[derive(Default)]
struct Shared {
    /// For each branch what the source gave and the branch has not passed on yet.
    queues: Vec<VecDeque<Result<Delivery>>>,
    /// The source has ended.
    is_ended: bool,
    /// A branch was dropped before.
    is_broken: bool,
    is_attached: bool,
    /// Branches that were not closed.
    open: usize,
    /// How often a cumulative source went back: what it gave before, and is in a queue still, comes again.
    rewinds: u64,
}

impl Hub {
    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes for one branch what is there; `None`: the source has to be asked.
    fn take(&self, branch: usize) -> Option<Result<Option<Delivery>>> {
        let mut shared = self.shared();
        if shared.is_broken {
            let detail = "the pipeline of another branch of this source has ended: without it no event can be settled";
            return Some(Err(Error::new(ErrorKind::Unavailable, detail)));
        }
        match shared.queues[branch].pop_front() {
            Some(given) => Some(given.map(Some)),
            None => shared.is_ended.then_some(Ok(None)),
        }
    }

    /// Puts what the source gave into each queue.
    fn share(self: &Arc<Self>, given: Result<Option<Delivery>>) {
        let mut shared = self.shared();
        match given {
            Ok(None) => shared.is_ended = true,
            Ok(Some(delivery)) => {
                // It may have grown since.
                let capacity = self.window.capacity();
                let rewinds = shared.rewinds;
                let copies = Joint::split(delivery, shared.queues.len(), self, rewinds);
                for ((queue, window), copy) in
                    shared.queues.iter_mut().zip(&self.windows).zip(copies)
                {
                    window.grow(capacity);
                    // The fault has passed.
                    queue.retain(|given| !matches!(given, Err(error) if error.is_temporary()));
                    queue.push_back(Ok(copy));
                }
            }
            Err(error) => {
                for queue in &mut shared.queues {
                    // A branch that rests longer than others is told of the last one.
                    queue.retain(Result::is_ok);
                    queue.push_back(Err(error.clone()));
                }
            }
        }
        drop(shared);
        self.changed.notify_waiters();
    }

    /// A delivery that the source gave after so many rewinds was handed back. A cumulative source then gives again what came after it
    /// too, and no branch may get that before it.
    fn handed_back(&self, rewinds: u64) {
        let mut shared = self.shared();
        if self.ack_order == AckOrder::Individual || shared.rewinds != rewinds {
            return;
        }
        shared.rewinds += 1;
        let mut void = Vec::new();
        for queue in &mut shared.queues {
            let (deliveries, errors): (Vec<_>, Vec<_>) = queue.drain(..).partition(Result::is_ok);
            void.extend(deliveries);
            queue.extend(errors);
        }
        drop(shared);
        // Outside the lock: each tells this of its end.
        drop(void);
    }

    /// Asks the source, unless another branch does and has an answer first.
    async fn ask(self: &Arc<Self>, changed: Notified<'_>) {
        let ask = async {
            let mut source = self.source.lock().await;
            let given = source.next().await;
            self.share(given);
        };
        tokio::select! {
            biased;
            () = changed => {}
            () = ask => {}
        }
    }
}

#[async_trait]
impl EventSource for Branch {
    fn name(&self) -> &str {
        &self.hub.name
    }

    fn attach(&mut self, reporter: &Reporter) {
        let mut shared = self.hub.shared();
        if shared.is_attached {
            return;
        }
        if let Ok(mut source) = self.hub.source.try_lock() {
            source.attach(reporter);
            shared.is_attached = true;
        }
    }

    fn ack_order(&self) -> AckOrder {
        self.hub.ack_order
    }

    fn dedup_window(&self) -> DedupWindow {
        self.window.clone()
    }

    fn answers(&self) -> AnswerCounter {
        self.hub.answers.clone()
    }

    async fn next(&mut self) -> Result<Option<Delivery>> {
        loop {
            let changed = self.hub.changed.notified();
            if let Some(given) = self.hub.take(self.index) {
                return given;
            }
            self.hub.ask(changed).await;
        }
    }

    /// The last branch closes the source.
    async fn close(&mut self) -> Result<()> {
        if !self.is_closed {
            self.is_closed = true;
            self.hub.shared().open -= 1;
        }
        if self.hub.shared().open > 0 {
            return Ok(());
        }
        self.hub.source.lock().await.close().await
    }
}

impl Drop for Branch {
    fn drop(&mut self) {
        let mut shared = self.hub.shared();
        shared.is_broken |= !shared.is_ended;
        let left = std::mem::take(&mut shared.queues[self.index]);
        drop(shared);
        // Outside the lock: a delivery that is dropped tells the source.
        drop(left);
        self.hub.changed.notify_waiters();
    }
}

impl fmt::Debug for Branch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Branch")
            .field("source", &self.hub.name)
            .field("index", &self.index)
            .finish_non_exhaustive()
    }
}
