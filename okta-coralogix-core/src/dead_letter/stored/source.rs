//! Dead letters in an object store as a source of events.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::Notify;

use super::object::{LetterObject, Line};
use super::{LetterCounts, MOST_LETTERS, ObjectDeadLetters};
use crate::dead_letter::reading::Reading;
use crate::dead_letter::{DeadLetterRecord, DeadLetterTarget};
use crate::filter::DedupWindow;
use crate::{AckOrder, Acker, Delivery, EventSource, MalformedEvent, Outcome, RawEvent, Result};

/// Gives the events of dead letters in an object store again, the oldest first, and ends.
///
/// What is settled is taken out of its object before that is told, and an object of which all is settled is removed. So a replay that was
/// interrupted goes on where it was; after a kill, what was in flight is given again. Letters that are written meanwhile are left to the
/// next replay.
///
/// Two replays at once would both give a letter: hold the lease of [`SharedStore::acquire_replay`] while it runs, and give it to the
/// pipeline.
///
/// An event that cannot be read, or a line that is no record, is given as malformed: a pipeline puts it into the dead letters again. Give
/// that pipeline [`AgePolicy::DeadLetter`](crate::filter::AgePolicy::DeadLetter), unless what has become too old meanwhile is to be dropped.
///
/// [`SharedStore::acquire_replay`]: crate::checkpoint::shared::SharedStore::acquire_replay
pub struct StoredLetterSource {
    letters: ObjectDeadLetters,
    /// Objects that have not been read.
    waiting: VecDeque<String>,
    /// Of the object that was read last.
    parts: VecDeque<Part>,
    shared: Arc<Shared>,
    reading: Reading,
}

/// What the deliveries have told.
#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// A delivery has ended.
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    in_flight: usize,
    handed_back: VecDeque<Part>,
}

/// Lines of one object.
#[derive(Debug)]
struct Part {
    object: Arc<LetterObject>,
    lines: Vec<Line>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StoredLetterSource {
    /// All letters that have been written so far.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn open(letters: &ObjectDeadLetters) -> Result<Self> {
        Ok(Self {
            waiting: letters.names().await?.into(),
            letters: letters.clone(),
            parts: VecDeque::new(),
            shared: Arc::default(),
            reading: Reading::default(),
        })
    }

    /// How a letter becomes an event; [`RawEvent::parse`] of its bytes by default. An envelope needs another one.
    #[must_use]
    pub fn parse_with(
        mut self,
        parse: impl Fn(DeadLetterRecord) -> Result<RawEvent, MalformedEvent> + Send + Sync + 'static,
    ) -> Self {
        self.reading.parse_with(parse);
        self
    }

    /// Gives only the letters of which `select` takes the target. The others stay, for another replay.
    #[must_use]
    pub fn only(
        mut self,
        select: impl Fn(Option<&DeadLetterTarget>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.reading.only(select);
        self
    }

    /// How many letters each integration has, of those that are to be given; `None`: letters without a target.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn integrations(&self) -> Result<LetterCounts> {
        let names: Vec<_> = self.waiting.iter().cloned().collect();
        let selects = |line: &[u8]| self.reading.selects(line);
        self.letters.count_of(&names, selects).await
    }

    fn delivery(&self, part: Part) -> Delivery {
        let items = self
            .reading
            .items(part.lines.iter().map(|line| &line.bytes));
        self.shared.state().in_flight += 1;
        let acker = PartAcker {
            shared: Arc::clone(&self.shared),
            part: Some(part),
        };
        Delivery::new(items, Box::new(acker))
    }

    /// Letters of the next object that has any to be given. An object stays in the queue until it was read: a dropped call skips none.
    async fn read(&mut self) -> Result<Option<Part>> {
        if let Some(part) = self.parts.pop_front() {
            return Ok(Some(part));
        }
        while let Some(name) = self.waiting.front() {
            let object = self.letters.read(name).await?;
            self.waiting.pop_front();
            // Another replay has sent it.
            let Some(object) = object else {
                continue;
            };
            let lines = object.lines().iter();
            let lines: Vec<_> = lines
                .filter(|line| self.reading.selects(&line.bytes))
                .cloned()
                .collect();
            // An object of others may have more than those that are written here.
            let parts = lines.chunks(MOST_LETTERS).map(|lines| Part {
                object: Arc::clone(&object),
                lines: lines.to_vec(),
            });
            self.parts.extend(parts);
            if let Some(part) = self.parts.pop_front() {
                return Ok(Some(part));
            }
        }
        Ok(None)
    }
}

#[async_trait]
impl EventSource for StoredLetterSource {
    fn name(&self) -> &str {
        "dead_letters"
    }

    fn ack_order(&self) -> AckOrder {
        AckOrder::Individual
    }

    /// A letter may have been written twice.
    fn dedup_window(&self) -> DedupWindow {
        DedupWindow::default()
    }

    async fn next(&mut self) -> Result<Option<Delivery>> {
        loop {
            let handed_back = self.shared.state().handed_back.pop_front();
            if let Some(part) = handed_back {
                return Ok(Some(self.delivery(part)));
            }
            if let Some(part) = self.read().await? {
                return Ok(Some(self.delivery(part)));
            }
            let is_over = {
                let state = self.shared.state();
                state.in_flight == 0 && state.handed_back.is_empty()
            };
            if is_over {
                return Ok(None);
            }
            // `Notify` remembers a call that came since they were looked at.
            self.shared.changed.notified().await;
        }
    }
}

impl fmt::Debug for StoredLetterSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredLetterSource")
            .field("waiting", &self.waiting)
            .finish_non_exhaustive()
    }
}

/// Settles the letters of a delivery in their object.
#[derive(Debug)]
struct PartAcker {
    shared: Arc<Shared>,
    /// `None` once it has ended.
    part: Option<Part>,
}

#[async_trait]
impl Acker for PartAcker {
    async fn settle(mut self: Box<Self>, outcomes: &[Outcome]) -> Result<()> {
        let Some(part) = &self.part else {
            return Ok(());
        };
        let outcomes = |wanted: Outcome| {
            let lines = part.lines.iter().zip(outcomes);
            lines.filter(move |(_, outcome)| **outcome == wanted)
        };
        let settled: Vec<_> = outcomes(Outcome::Settled)
            .map(|(line, _)| line.number)
            .collect();
        // If this fails, all of them are given again when `self` is dropped.
        part.object.settle(&settled).await?;
        let back = outcomes(Outcome::HandedBack);
        let lines = back.map(|(line, _)| line.clone()).collect();
        let object = Arc::clone(&part.object);
        self.part = Some(Part { object, lines });
        Ok(())
    }
}

impl Drop for PartAcker {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.in_flight -= 1;
        let part = self.part.take().filter(|part| !part.lines.is_empty());
        state.handed_back.extend(part);
        drop(state);
        self.shared.changed.notify_one();
    }
}
