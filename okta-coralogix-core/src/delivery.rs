//! Deliveries of a source: their items, and the acknowledgement of each.

use std::fmt;
use std::time::Instant;

use async_trait::async_trait;

use crate::event::{MalformedEvent, RawEvent};
use crate::{ClockOffset, Result};

/// The outcome of one item of a [`Delivery`], which the pipeline passes to its [`Acker`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Delivered, dropped by a rule, or in the dead letters: the source need not give it again.
    Settled,
    /// Not settled: the source gives it again.
    HandedBack,
}

impl Outcome {
    /// Its name, for metric labels and logs: it stays as it is.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Settled => "settled",
            Self::HandedBack => "handed_back",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How an item of a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Disposition {
    /// The sink accepted it.
    Delivered,
    /// Dropped by the age filter.
    TooOld,
    /// A copy of an event that is settled.
    Duplicate,
    /// Dropped by another filter.
    Filtered,
    /// In the dead letters.
    DeadLettered,
    /// Not settled: its source gives it again.
    HandedBack,
}

impl fmt::Display for Disposition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Disposition {
    /// Its name, for metric labels and logs, which is the key of its count in a [`Summary`](crate::Summary): it stays as it is.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::TooOld => "too_old",
            Self::Duplicate => "duplicate",
            Self::Filtered => "filtered",
            Self::DeadLettered => "dead_lettered",
            Self::HandedBack => "handed_back",
        }
    }

    /// `HandedBack` if the source must give the item again, else `Settled`.
    #[must_use]
    pub fn outcome(self) -> Outcome {
        match self {
            Self::HandedBack => Outcome::HandedBack,
            _ => Outcome::Settled,
        }
    }
}

/// Some events of a source, and the acker that takes the outcome of each.
///
/// Dropping a delivery hands all its items back.
#[non_exhaustive]
#[must_use = "dropping a delivery hands all of it back"]
pub struct Delivery {
    /// Events, and what could not be read as one, in the source's order. May be empty where only a cursor moves.
    pub items: Vec<Result<RawEvent, MalformedEvent>>,
    /// Takes one outcome per item.
    pub acker: Box<dyn Acker>,
    /// When the source needs the outcomes. Items that are not on the wire by then are handed back. Where the time of tokio is paused, in a
    /// test, take `tokio::time::Instant::now().into_std()`.
    pub deadline: Option<Instant>,
    /// The offset of the remote's clock from the host's, where the source knows.
    pub clock_offset: ClockOffset,
    /// The source had passed these items, and found them by reading again. Counted as [`Summary::late`](crate::Summary::late).
    pub late: bool,
    /// Another route brings these items too, and should have before ([`HealingSource`](crate::HealingSource)). Those of them that are
    /// delivered count as [`Summary::healed`](crate::Summary::healed).
    pub heals: bool,
}

impl Delivery {
    /// A delivery without a deadline.
    pub fn new(items: Vec<Result<RawEvent, MalformedEvent>>, acker: Box<dyn Acker>) -> Self {
        Self {
            items,
            acker,
            deadline: None,
            clock_offset: ClockOffset::default(),
            late: false,
            heals: false,
        }
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("items", &self.items.len())
            .field("acker", &self.acker)
            .field("deadline", &self.deadline)
            .field("clock_offset", &self.clock_offset)
            .field("late", &self.late)
            .field("heals", &self.heals)
            .finish()
    }
}

/// Settles one delivery of a source. Implemented by sources, called by the pipeline.
///
/// # Implementing
/// 1. **A cumulative source passes a delivery only if all of it is settled.** Otherwise it gives the whole delivery, and what it
///    gave after it, again.
/// 2. **An individual source gives again what was handed back, and only that.**
/// 3. **A dropped acker hands all back.** Without [`settle`](Self::settle), or while that runs.
/// 4. **What `settle` records is durable when it returns.** A save that failed is its error, never `Ok`.
/// 5. **A delivery that could not be settled is given again.** One attempt is enough. After a temporary error the pipeline waits
///    before it asks the source for more, and the delivery is settled anew. (It cannot call twice: `settle` consumes the acker.)
///    Where the save has been stored after all, the source may go on behind the delivery.
/// 6. **An acker that a hand-back has overtaken has no effect.** In a cumulative source, once a delivery is handed back, the ackers
///    of those that were given after it are void: to settle one of them must not move the cursor past what was handed back.
///
/// [`Committer::acker`](crate::checkpoint::Committer::acker) makes such ackers. The suite `conformance::source` in `testing` checks
/// these.
#[async_trait]
pub trait Acker: Send + 'static {
    /// Takes one outcome per item, in the delivery's order.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the delivery settled or handed back, never half.
    ///
    /// # Errors
    /// A temporary error means that the source will give the delivery again; a permanent one ends the pipeline.
    async fn settle(self: Box<Self>, outcomes: &[Outcome]) -> Result<()>;

    /// Takes the item at an index out of a delivery of an individual source, so that the others are settled without it: one event may be
    /// tried for half an hour. With it go the items that the source can only settle together with it (of the same message, or behind it
    /// in its group). [`settle`](Self::settle) then takes the outcomes of the items that are left. An index always means the place in the
    /// delivery as it was given.
    ///
    /// Default: `None`, the source settles a delivery as a whole.
    fn detach(&mut self, _item: usize) -> Option<Detached> {
        None
    }
}

debug_by_name!(Acker);

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<A: Acker + ?Sized> Acker for Box<A> {
    async fn settle(self: Box<Self>, outcomes: &[Outcome]) -> Result<()> {
        (*self).settle(outcomes).await
    }

    fn detach(&mut self, item: usize) -> Option<Detached> {
        (**self).detach(item)
    }
}

/// Items that were taken out of a delivery, to be settled on their own.
#[derive(Debug)]
#[non_exhaustive]
pub struct Detached {
    /// The indices of the items in their delivery, in rising order.
    pub items: Vec<usize>,
    /// Takes one outcome for each of them.
    pub acker: Box<dyn Acker>,
}

impl Detached {
    /// These items, and what settles them.
    #[must_use]
    pub fn new(items: Vec<usize>, acker: Box<dyn Acker>) -> Self {
        Self { items, acker }
    }
}

/// The order in which a source takes outcomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AckOrder {
    /// One position moves over all deliveries: they are settled one at a time, in the order they were given (a cursor). The
    /// position is stored together with the window.
    Cumulative,
    /// Each delivery is settled on its own, as soon as it can be (a queue, requests).
    Individual,
}
