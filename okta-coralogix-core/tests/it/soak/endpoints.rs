//! A source that makes events on demand, and a sink and dead letters that count what arrives.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use chrono::{DateTime, TimeDelta, Utc};
use okta_coralogix_core::dead_letter::{DeadLetter, DeadLetters};
use okta_coralogix_core::filter::DedupWindow;
use okta_coralogix_core::sink::{Batch, BatchLimits, EncodeError};
use okta_coralogix_core::testing::EventGenerator;
use okta_coralogix_core::{
    AckOrder, Acker, Delivery, Error, ErrorKind, EventSource, LogEntry, LogSink, Origin, Outcome,
    RawEvent, Result,
};

use super::resources::Samples;

const PAGE: usize = 1000;
const BYTES: usize = 600;
const LIMITS: BatchLimits = BatchLimits::new(1000, 2_000_000);

pub(super) fn now() -> DateTime<Utc> {
    "2026-05-04T12:00:00Z".parse().expect("a time")
}

/// How many events, and a sum over their uuids: the same events in any order have the same.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counted {
    pub(super) count: u64,
    sum: u128,
}

impl Counted {
    fn add(&mut self, uuid: &str) {
        let number = u128::from_str_radix(&uuid.replace('-', ""), 16).expect("a uuid");
        self.count += 1;
        // A product with itself, so that two events cannot stand in for two others.
        self.sum = self.sum.wrapping_add(number.wrapping_mul(number | 1));
    }

    pub(super) fn without(self, other: Self) -> Self {
        Self {
            count: self.count - other.count,
            sum: self.sum.wrapping_sub(other.sum),
        }
    }
}

/// What a source gave.
#[derive(Debug, Default)]
pub(super) struct Given {
    pub(super) fresh: Counted,
    pub(super) old: u64,
    pub(super) malformed: u64,
    pub(super) settled: u64,
}

/// Gives pages of which each has old events and one that is none, until all are given.
#[derive(Debug)]
pub(super) struct PageSource {
    order: AckOrder,
    left: usize,
    generator: EventGenerator,
    dedup: DedupWindow,
    origin: Arc<Origin>,
    given: Arc<Mutex<Given>>,
    samples: Samples,
}

impl PageSource {
    pub(super) fn new(order: AckOrder, events: usize, samples: Samples) -> Self {
        Self {
            order,
            left: events,
            generator: EventGenerator::new(9).size(BYTES),
            dedup: DedupWindow::default(),
            origin: Arc::new(Origin::org("acme")),
            given: Arc::default(),
            samples,
        }
    }

    pub(super) fn given(&self) -> Arc<Mutex<Given>> {
        Arc::clone(&self.given)
    }
}

#[async_trait]
impl EventSource for PageSource {
    fn ack_order(&self) -> AckOrder {
        self.order
    }

    fn dedup_window(&self) -> DedupWindow {
        self.dedup.clone()
    }

    async fn next(&mut self) -> Result<Option<Delivery>> {
        if self.left == 0 {
            return Ok(None);
        }
        let count = self.left.min(PAGE);
        self.left -= count;
        let mut given = self.given.lock().expect("nobody panicked");
        let mut items = Vec::with_capacity(count);
        for event in self.generator.batch(count - 1, now()) {
            match now() - event.published > TimeDelta::hours(24) {
                true => given.old += 1,
                false => given.fresh.add(&event.uuid),
            }
            items.push(RawEvent::parse(event.json, Arc::clone(&self.origin)));
        }
        let nothing = Bytes::from_static(b"{\"no\":\"published\"}");
        items.push(RawEvent::parse(nothing, Arc::clone(&self.origin)));
        given.malformed += 1;
        self.samples.take();
        let acker = Settling(Arc::clone(&self.given));
        Ok(Some(Delivery::new(items, Box::new(acker))))
    }
}

#[derive(Debug)]
struct Settling(Arc<Mutex<Given>>);

#[async_trait]
impl Acker for Settling {
    async fn settle(self: Box<Self>, outcomes: &[Outcome]) -> Result<()> {
        let settled = |outcome: &&Outcome| **outcome == Outcome::Settled;
        let settled = outcomes.iter().filter(settled).count();
        self.0.lock().expect("nobody panicked").settled += settled as u64;
        Ok(())
    }
}

/// What a sink was sent.
#[derive(Debug, Default)]
pub(super) struct Arrived {
    pub(super) entries: Counted,
    /// Those of them that were taken while the answer was lost.
    pub(super) unanswered: Counted,
    pub(super) refused: u64,
}

/// Takes most requests, refuses some for a while, and loses the answers to others.
#[derive(Debug)]
pub(super) struct CountingSink {
    arrived: Arc<Mutex<Arrived>>,
    rng: Mutex<fastrand::Rng>,
}

impl Default for CountingSink {
    fn default() -> Self {
        Self {
            arrived: Arc::default(),
            rng: Mutex::new(fastrand::Rng::with_seed(9)),
        }
    }
}

impl CountingSink {
    pub(super) fn arrived(&self) -> Arc<Mutex<Arrived>> {
        Arc::clone(&self.arrived)
    }
}

#[async_trait]
impl LogSink for CountingSink {
    fn limits(&self) -> BatchLimits {
        LIMITS
    }

    fn encode(&self, entries: &[LogEntry]) -> Result<Batch, EncodeError> {
        let mut body = BytesMut::new();
        let mut taken = 0;
        for entry in entries.iter().take(LIMITS.entries) {
            let text = entry.text.document();
            if body.len() + text.len() + 4 > LIMITS.bytes {
                break;
            }
            body.put_u32(u32::try_from(text.len()).expect("a short text"));
            body.put_slice(text);
            taken += 1;
        }
        Ok(Batch::new(&entries[..taken], body.freeze()))
    }

    async fn send(&self, batch: &Batch) -> Result<()> {
        tokio::task::yield_now().await;
        let fate = self.rng.lock().expect("nobody panicked").u8(..25);
        let mut arrived = self.arrived.lock().expect("nobody panicked");
        if fate == 0 {
            arrived.refused += 1;
            return Err(Error::temporary(ErrorKind::Unavailable, "come again"));
        }
        let mut body = batch.body.clone();
        let mut counted = Counted::default();
        while body.has_remaining() {
            let length = body.get_u32() as usize;
            let event = RawEvent::parse(body.split_to(length), Arc::default()).expect("an event");
            counted.add(&event.uuid().expect("a generated event has one"));
        }
        arrived.entries.join(counted);
        if fate == 1 {
            arrived.unanswered.join(counted);
            let lost = Error::temporary(ErrorKind::Network, "the answer was lost");
            return Err(lost.with_ambiguity(true));
        }
        Ok(())
    }
}

impl Counted {
    fn join(&mut self, other: Self) {
        self.count += other.count;
        self.sum = self.sum.wrapping_add(other.sum);
    }
}

/// Counts letters. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(super) struct CountingLetters(Arc<Mutex<u64>>);

impl CountingLetters {
    pub(super) fn count(&self) -> u64 {
        *self.0.lock().expect("nobody panicked")
    }
}

#[async_trait]
impl DeadLetters for CountingLetters {
    async fn write(&self, letters: &[DeadLetter]) -> Result<()> {
        *self.0.lock().expect("nobody panicked") += letters.len() as u64;
        Ok(())
    }
}
