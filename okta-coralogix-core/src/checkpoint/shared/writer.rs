//! The writes of the one that holds a log. One at a time.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use super::change::Change;
use super::objects::PutIf;
use super::place::Place;
use super::record::{Position, Record};
use super::state::State;
use super::window;
use crate::checkpoint::{Checkpoint, Version};
use crate::{Clock, Error, ErrorKind, Result, SystemClock};

/// How often the window is written, at most.
const WINDOW_EVERY: Duration = Duration::from_secs(60);

/// How often a write is tried again whose end was found out to be that nothing was stored.
const ATTEMPTS: usize = 3;

/// And how long is waited before, at least.
const PAUSE: Duration = Duration::from_millis(500);

/// A log that has saved nothing for so long is idle.
const IDLE_AFTER: Duration = Duration::from_secs(300);

/// The most old windows that one save removes.
const REMOVED_AT_ONCE: usize = 4;

/// How a write has ended.
#[derive(Debug)]
pub(super) enum Written {
    Stored,
    /// Another one has written.
    Lost,
    /// It may be stored, by now or later.
    Unknown(Error),
}

#[derive(Debug)]
pub(super) struct Writer {
    place: Arc<Place>,
    pub(super) state: watch::Sender<State>,
    /// As it is stored, as far as is known.
    pub(super) record: Record,
    version: Version,
    /// There is nothing to be released.
    pub(super) is_over: bool,
    /// When the lease is to be renewed.
    pub(super) renewal: Instant,
    /// When a checkpoint was to be saved last.
    saved: Instant,
    /// When the last put has ended.
    put: Instant,
    /// The version that the caller was told last. Another one in this term is a save of its own that came late.
    pub(super) acknowledged: Option<Version>,
    /// The checkpoints that were saved last and that are to be saved, each with its token: the record has no window.
    checkpoints: Vec<(String, Checkpoint)>,
    /// The token of the checkpoint whose window was written last and is named by a record, and when that was.
    window: Option<(String, Instant)>,
    /// A window that was written for a record that is not stored yet: its object, the token, and when.
    written: Option<(String, String, Instant)>,
    /// How many windows this term has written.
    windows: u64,
    /// Objects with windows of earlier records, the oldest first.
    old_windows: VecDeque<String>,
}

impl Writer {
    /// Behind the first record of a term, which was sent at `sent`.
    pub(super) fn new(
        place: Arc<Place>,
        record: Record,
        version: Version,
        sent: Instant,
        old_windows: VecDeque<String>,
    ) -> Self {
        let until = State::Until(place.deadline(sent, record.ttl()));
        let renewal = place.renewal(sent, record.ttl());
        let position = record.position.as_ref();
        let acknowledged = position.map(|position| Version::new(&position.token));
        Self {
            place,
            state: watch::Sender::new(until),
            record,
            version,
            is_over: false,
            renewal,
            saved: sent,
            put: Instant::now(),
            acknowledged,
            checkpoints: Vec::new(),
            window: None,
            written: None,
            windows: 0,
            old_windows,
        }
    }

    pub(super) fn has_ended(&self) -> bool {
        *self.state.borrow() == State::Ended
    }

    /// True if it had not.
    fn end(&self) -> bool {
        let ended = self.state.send_replace(State::Ended);
        ended != State::Ended
    }

    /// Another record is there.
    fn lose(&self) {
        if self.end()
            && let Some(group) = &self.place.group
        {
            group.lost(&self.place.name, self.record.term);
        }
    }

    /// The version of the checkpoint that is stored.
    pub(super) fn checkpoint_version(&self) -> Option<Version> {
        let position = self.record.position.as_ref()?;
        Some(Version::new(&position.token))
    }

    /// Stores the record after the stored one, with this change.
    ///
    /// No answer but success is evidence: an error may follow a write that was stored, and one that failed may be stored later. What is
    /// there is read back; the change is then made to that, if it is an earlier write of this term.
    pub(super) async fn put(&mut self, change: &Change) -> Written {
        let mut failed = None;
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                sleep(PAUSE).await;
            }
            // Some stores take one write of an object in a second: one that came sooner would fail, and be tried again.
            let interval = self.place.objects.put_interval();
            sleep_until(self.put + self.place.by_own_clock(interval)).await;
            let mut record = self.record.next(self.place.nonce());
            change.make(&mut record);
            record.set_ttl(self.ttl(change));
            let sent = Instant::now();
            let bytes = match record.write(SystemClock.now()) {
                Ok(bytes) => Bytes::from(bytes),
                Err(error) => return Written::Unknown(self.place.failed("write", &error)),
            };
            let condition = PutIf::Unchanged(self.version.clone());
            self.expect(sent, record.ttl());
            let put = self.place.objects.put(&self.place.name, bytes, condition);
            let put = self.place.within(put).await;
            self.put = Instant::now();
            let error = match put {
                Ok(version) => {
                    self.stored(record, version, Some(sent));
                    return Written::Stored;
                }
                Err(error) => error,
            };
            match self.place.look().await {
                Ok(Some((found, version))) if found.nonce == record.nonce => {
                    self.stored(found, version, Some(sent));
                    return Written::Stored;
                }
                // Only this one writes in its term: nothing has changed, or an earlier write has come late.
                Ok(Some((found, version))) if self.may_follow(&found, change) => {
                    self.stored(found, version, None);
                    if change.is_made(&self.record) {
                        return Written::Stored;
                    }
                }
                Ok(_) => {
                    self.lose();
                    return Written::Lost;
                }
                // Of a later version, or of a person: it is not this one's any more.
                Err(foreign) if foreign.kind() == ErrorKind::Corrupt => {
                    tracing::error!(error = %foreign, "the record of the log was replaced");
                    self.lose();
                    return Written::Lost;
                }
                // The first error tells more.
                Err(_) => return Written::Unknown(error),
            }
            failed = Some(error);
        }
        let error = failed.unwrap_or_else(|| self.place.failed("write", &"it was not tried"));
        Written::Unknown(error)
    }

    /// How long the others are to wait for the write after this one.
    fn ttl(&self, change: &Change) -> Duration {
        let is_idle = self.saved.elapsed() >= self.place.by_own_clock(IDLE_AFTER);
        match change {
            Change::Renew if is_idle => self.place.idle_ttl,
            Change::Renew | Change::Save(_) => self.place.ttl,
            // It tells how often the others look.
            Change::Release { .. } => self.record.ttl(),
        }
    }

    /// Before a write is sent: from then on it may be stored, whatever becomes of its answer, and the others go by its TTL.
    fn expect(&mut self, sent: Instant, ttl: Duration) {
        let deadline = self.place.deadline(sent, ttl);
        self.renewal = self.renewal.min(self.place.renewal(sent, ttl));
        self.state.send_if_modified(|state| match state {
            State::Until(until) if *until > deadline => {
                *until = deadline;
                true
            }
            State::Until(_) | State::Ended => false,
        });
    }

    /// True for a record of this holder and term, also for the one that releases it.
    fn is_own(&self, found: &Record) -> bool {
        found.term == self.record.term && found.writer() == self.record.writer()
    }

    /// True if the change can be made to this record: it is of this term, and was not released.
    fn may_follow(&self, found: &Record, change: &Change) -> bool {
        let releases = matches!(change, Change::Release { .. });
        self.is_own(found) && (found.holder.is_some() || releases)
    }

    /// Notes what is stored. `sent`: when the write of it was sent, if that is known.
    fn stored(&mut self, record: Record, version: Version, sent: Option<Instant>) {
        self.version = version;
        self.record = record;
        if let Some(group) = &self.place.group {
            group.wrote(&self.place.name, self.record.term);
        }
        if let Some(sent) = sent {
            let ttl = self.record.ttl();
            let deadline = self.place.deadline(sent, ttl);
            self.renewal = self.place.renewal(sent, ttl);
            // What has ended stays so.
            self.state.send_if_modified(|state| {
                let holds = *state != State::Ended;
                if holds {
                    *state = State::Until(deadline);
                }
                holds
            });
        }
    }

    /// Reads what is stored; ended if it is of another one. `None`: the object is gone.
    pub(super) async fn read(&mut self) -> Result<Option<Record>> {
        let found = self.place.look().await;
        let found = found.inspect_err(|error| {
            if error.kind() == ErrorKind::Corrupt {
                self.lose();
            }
        });
        let Some((found, version)) = found? else {
            self.lose();
            return Ok(None);
        };
        if self.is_own(&found) {
            self.stored(found.clone(), version, None);
        } else {
            self.lose();
        }
        Ok(Some(found))
    }

    /// The checkpoint of a position: the one that was saved here, or that of the window that is stored.
    pub(super) async fn checkpoint(&self, position: &Position) -> Result<Checkpoint> {
        match self.saved_here(&position.token) {
            Some(checkpoint) => Ok(checkpoint.clone()),
            None => window::read(&self.place, position).await,
        }
    }

    fn saved_here(&self, token: &str) -> Option<&Checkpoint> {
        let mut checkpoints = self.checkpoints.iter();
        let found = checkpoints.find(|(known, _)| known == token);
        found.map(|(_, checkpoint)| checkpoint)
    }

    fn stored_token(&self) -> Option<&str> {
        let position = self.record.position.as_ref();
        position.map(|position| &*position.token)
    }

    /// Saves a checkpoint, and its window if it is time.
    pub(super) async fn save(&mut self, checkpoint: &Checkpoint) -> Written {
        self.saved = Instant::now();
        let token = self.place.nonce();
        let is_recent = self
            .window
            .as_ref()
            .is_some_and(|(_, at)| at.elapsed() < WINDOW_EVERY);
        let current = self
            .record
            .position
            .as_ref()
            .map(|position| position.window.clone());
        let window = match current.filter(|_| is_recent) {
            Some(window) => window,
            None => match self.write_window(&token, checkpoint).await {
                Ok(window) => window,
                Err(error) => return Written::Unknown(error),
            },
        };
        let stored = self.stored_token().map(str::to_owned);
        self.checkpoints
            .retain(|(known, _)| Some(known) == stored.as_ref());
        self.checkpoints.push((token.clone(), checkpoint.clone()));
        let position = Position::new(checkpoint, token, window);
        self.put_position(&Change::Save(position)).await
    }

    /// Ends the lease: with the window as it is now, and without a holder, so that another one takes the log at once.
    pub(super) async fn release(&mut self) -> Written {
        // Whether that is stored or not, nothing is sent and renewed any more.
        self.end();
        let is_stored = |(token, _): &(String, Checkpoint)| Some(&**token) == self.stored_token();
        if !self.checkpoints.iter().all(is_stored) {
            // The end of the last save is not known. If it is stored, it is its window that the next holder needs.
            self.read().await.ok();
        }
        let mut window = None;
        let written = self.window.as_ref().map(|(token, _)| &**token);
        if let Some(token) = self.stored_token().filter(|token| Some(*token) != written)
            && let Some(checkpoint) = self.saved_here(token).cloned()
        {
            let token = token.to_owned();
            match self.write_window(&token, &checkpoint).await {
                Ok(name) => window = Some((token, name)),
                Err(error) => return Written::Unknown(error),
            }
        }
        let group = self.place.group.as_ref();
        let to = group.and_then(|group| group.target(&self.place.name));
        self.put_position(&Change::Release { window, to }).await
    }

    /// Writes the object with a window, before the record that names it.
    async fn write_window(&mut self, token: &str, checkpoint: &Checkpoint) -> Result<String> {
        self.windows += 1;
        let name = self.place.window_name(self.record.term, self.windows);
        window::write(&self.place, &name, checkpoint).await?;
        self.written = Some((name.clone(), token.to_owned(), Instant::now()));
        Ok(name)
    }

    /// Makes a change, and removes windows that only records before the last two have named.
    async fn put_position(&mut self, change: &Change) -> Written {
        let window = |record: &Record| {
            record
                .position
                .as_ref()
                .map(|position| position.window.clone())
        };
        let before = window(&self.record);
        let written = self.put(change).await;
        let after = window(&self.record);
        // One that no record names is as old as those before.
        if let Some((name, token, at)) = self.written.take() {
            match after.as_ref() == Some(&name) {
                true => self.window = Some((token, at)),
                false if matches!(written, Written::Stored) => self.old_windows.push_back(name),
                // The record that names it may come late.
                false => {}
            }
        }
        if !matches!(written, Written::Stored) {
            return written;
        }
        if before != after {
            self.old_windows.extend(before);
        }
        let surplus = self
            .old_windows
            .len()
            .saturating_sub(1)
            .min(REMOVED_AT_ONCE);
        let removed: Vec<_> = self.old_windows.drain(..surplus).collect();
        if !removed.is_empty() {
            // Not here: a store that is slow to remove must not keep the lease from being renewed. What stays is found by the next holder.
            tokio::spawn(remove(Arc::clone(&self.place), removed));
        }
        written
    }
}

async fn remove(place: Arc<Place>, names: Vec<String>) {
    for name in names {
        if let Err(error) = place.within(place.objects.delete(&name)).await {
            tracing::debug!(%error, "an old window of uuids stays for now");
        }
    }
}
