//! A cumulative source over pages in memory that keeps its contract by hand, and the ways in which it can break it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use okta_coralogix_core::checkpoint::{Checkpoint, CheckpointStore, Version};
use okta_coralogix_core::filter::DedupWindow;
use okta_coralogix_core::internal::Claim;
use okta_coralogix_core::{
    AckOrder, Acker, Delivery, Error, ErrorKind, EventSource, MalformedEvent, Origin, Outcome,
    RawEvent, Result,
};
use tokio::sync::Notify;
use tokio::task::yield_now;

const IDENTITY: &str = "pages of acme";

/// What is wrong with the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flaw {
    /// `settle` does not look whether the source went back since the page was given.
    GenerationUnchecked,
    WindowNotStored,
    /// `Ok(None)` while a page is in flight.
    EndsInFlight,
    /// `next` moves before it waits.
    NextNotCancelSafe,
    /// One settled item settles the page.
    AnySettledCountsAsAll,
    MalformedDropped,
    IdentityUnchecked,
    SaveErrorSwallowed,
    /// Dropping an acker does nothing.
    DropIgnored,
    /// The record is not read when it is opened.
    RecordIgnored,
    /// `settle` returns before the record is saved.
    SavedInTheBackground,
    CloseSavesNothing,
    /// `close` saves where it has read to, not what is settled.
    CloseSavesTheReadPosition,
    /// Its window has what it gives before that is settled.
    RemembersWhatItGives,
    /// A save expects what is stored, also by another process.
    Overwrites,
    /// After a save that failed the source goes on.
    FailedSaveForgotten,
    /// After a save that failed the store is not read again.
    FailedSaveUnresolved,
}

/// A remote with pages of events, and what the source is to do wrong there.
#[derive(Debug, Clone)]
pub(super) struct Pages {
    pub(super) pages: Arc<Vec<Vec<Bytes>>>,
    pub(super) flaw: Option<Flaw>,
}

#[derive(Debug)]
pub(super) struct PageSource {
    remote: Pages,
    shared: Arc<Shared>,
    /// The page that is given next.
    position: usize,
    /// The rewinds that `position` knows of.
    rewinds: u64,
}

#[derive(Debug)]
struct Shared {
    store: Arc<dyn CheckpointStore>,
    window: DedupWindow,
    flaw: Option<Flaw>,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default, Clone)]
struct State {
    rewinds: u64,
    /// How many pages are settled.
    committed: usize,
    version: Option<Version>,
    /// What is being saved, with a result that is not known yet.
    pending: Option<usize>,
    in_flight: BTreeSet<usize>,
}

impl Pages {
    pub(super) async fn open(self, store: Arc<dyn CheckpointStore>) -> Result<PageSource> {
        let mut state = State::default();
        let mut window = DedupWindow::default();
        if let Some(found) = store.load().await? {
            if found.value.identity != IDENTITY && self.flaw != Some(Flaw::IdentityUnchecked) {
                return Err(Error::new(ErrorKind::Corrupt, "it belongs to another"));
            }
            if self.flaw != Some(Flaw::RecordIgnored) {
                state.committed = found.value.cursor.parse().unwrap();
            }
            window = DedupWindow::restore(&found.value.dedup, window.capacity());
            state.version = Some(found.version);
        }
        Ok(PageSource {
            position: state.committed,
            rewinds: 0,
            shared: Arc::new(Shared {
                store,
                window,
                flaw: self.flaw,
                state: Mutex::new(state),
                changed: Notify::new(),
            }),
            remote: self,
        })
    }
}

impl Shared {
    fn is(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    async fn save(&self, pages: usize) -> Result<()> {
        let mut expected = self.state().version.clone();
        if self.is(Flaw::Overwrites) {
            expected = self.store.load().await?.map(|found| found.version);
        }
        let window = match self.is(Flaw::WindowNotStored) {
            true => Default::default(),
            false => self.window.snapshot(),
        };
        let record = Checkpoint::new(IDENTITY, pages.to_string(), window);
        self.state().pending = Some(pages);
        let saved = match &expected {
            Some(expected) => self.store.replace(&record, expected).await,
            None => self.store.create(&record).await,
        };
        let version = saved.saved()?;
        let mut state = self.state();
        state.version = Some(version);
        state.committed = pages;
        state.pending = None;
        Ok(())
    }

    /// Finds out what a save has left that failed or was dropped.
    async fn resolve(&self) -> Result<()> {
        let State {
            pending, version, ..
        } = self.state().clone();
        let Some(pending) = pending.filter(|_| !self.is(Flaw::FailedSaveUnresolved)) else {
            return Ok(());
        };
        let found = self.store.load().await?;
        let mut state = self.state();
        if let Some(found) = found.filter(|found| Some(&found.version) != version.as_ref()) {
            if found.value.cursor != pending.to_string() {
                return Err(Error::new(
                    ErrorKind::Conflict,
                    "another process has written",
                ));
            }
            state.committed = pending;
            state.version = Some(found.version);
        }
        state.pending = None;
        Ok(())
    }

    fn rewind(&self) {
        let mut state = self.state();
        state.rewinds += 1;
        state.in_flight.clear();
        self.changed.notify_one();
    }
}

#[async_trait]
impl EventSource for PageSource {
    fn ack_order(&self) -> AckOrder {
        AckOrder::Cumulative
    }

    fn dedup_window(&self) -> DedupWindow {
        self.shared.window.clone()
    }

    async fn next(&mut self) -> Result<Option<Delivery>> {
        let shared = Arc::clone(&self.shared);
        loop {
            let rewinds = shared.state().rewinds;
            if rewinds != self.rewinds {
                shared.resolve().await?;
                self.position = shared.state().committed;
                self.rewinds = rewinds;
            }
            let page = self.position;
            let Some(events) = self.remote.pages.get(page).cloned() else {
                if shared.state().in_flight.is_empty() || shared.is(Flaw::EndsInFlight) {
                    return Ok(None);
                }
                shared.changed.notified().await;
                continue;
            };
            if shared.is(Flaw::NextNotCancelSafe) {
                self.position += 1;
            }
            // The remote answers.
            yield_now().await;
            self.position = page + 1;
            if rewinds == shared.state().rewinds {
                shared.state().in_flight.insert(page);
            }
            let origin = Arc::new(Origin::org("acme"));
            let items = events.into_iter();
            let mut items: Vec<_> = items
                .map(|json| RawEvent::parse(json, Arc::clone(&origin)))
                .collect();
            if shared.is(Flaw::MalformedDropped) {
                items.retain(Result::is_ok);
            }
            if shared.is(Flaw::RemembersWhatItGives) {
                remember(&shared.window, &items);
            }
            let acker = PageAcker {
                shared,
                page,
                rewinds,
                is_done: false,
            };
            return Ok(Some(Delivery::new(items, Box::new(acker))));
        }
    }

    async fn close(&mut self) -> Result<()> {
        self.shared.resolve().await?;
        match self.shared.is(Flaw::CloseSavesNothing) {
            true => Ok(()),
            false => {
                let read = self.position;
                let saved = match self.shared.is(Flaw::CloseSavesTheReadPosition) {
                    true => read,
                    false => self.shared.state().committed,
                };
                self.shared.save(saved).await
            }
        }
    }
}

fn remember(window: &DedupWindow, items: &[Result<RawEvent, MalformedEvent>]) {
    for uuid in items.iter().flatten().filter_map(RawEvent::uuid) {
        if let Claim::New(held) = window.claim(&uuid) {
            held.remember();
        }
    }
}

#[derive(Debug)]
struct PageAcker {
    shared: Arc<Shared>,
    page: usize,
    rewinds: u64,
    is_done: bool,
}

impl PageAcker {
    fn done(&mut self) {
        self.is_done = true;
        self.shared.state().in_flight.remove(&self.page);
        self.shared.changed.notify_one();
    }
}

#[async_trait]
impl Acker for PageAcker {
    async fn settle(mut self: Box<Self>, outcomes: &[Outcome]) -> Result<()> {
        let is_settled = match self.shared.is(Flaw::AnySettledCountsAsAll) {
            true => outcomes.is_empty() || outcomes.contains(&Outcome::Settled),
            false => !outcomes.contains(&Outcome::HandedBack),
        };
        if !is_settled {
            return Ok(());
        }
        let is_overtaken = self.rewinds != self.shared.state().rewinds;
        if is_overtaken && !self.shared.is(Flaw::GenerationUnchecked) {
            return Ok(());
        }
        if self.shared.is(Flaw::SavedInTheBackground) {
            let (shared, page) = (Arc::clone(&self.shared), self.page);
            tokio::spawn(async move { shared.save(page + 1).await });
            self.done();
            return Ok(());
        }
        let saved = self.shared.save(self.page + 1).await;
        if saved.is_err() && self.shared.is(Flaw::SaveErrorSwallowed) {
            self.done();
            return Ok(());
        }
        if saved.is_ok() || self.shared.is(Flaw::FailedSaveForgotten) {
            self.done();
        }
        saved
    }
}

impl Drop for PageAcker {
    fn drop(&mut self) {
        if self.is_done {
            return;
        }
        if self.shared.is(Flaw::DropIgnored) {
            return self.done();
        }
        if self.rewinds == self.shared.state().rewinds {
            self.shared.rewind();
        }
    }
}
