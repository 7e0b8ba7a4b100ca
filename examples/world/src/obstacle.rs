//! What fails a request to the ingress because of what is in it, or by chance: a web filter, a limit on the way, an ingress that fails at an
//! event or is slow, a flapping backend.

use std::time::Duration;

use crate::fault::NetFault;
use crate::gateway::{GatewayAnswer, GatewayBody};
use crate::plan::EventKind;

/// How long a program waits for an answer of the ingress.
const TIMEOUT: Duration = Duration::from_secs(30);

/// An obstacle on the way to the ingress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Obstacle {
    /// The requests that it fails.
    pub trigger: Trigger,
    /// How it fails them.
    pub failure: FailureMode,
}

/// The requests with entries that an obstacle fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// Those with an event that holds the forbidden word ([`EventKind::Forbidden`]).
    Word,
    /// Those of more bytes than this before compression. Each event alone has less.
    Bytes(usize),
    /// So many in a hundred, whatever they hold: a flapping backend. Checks fail as often.
    Chance(u8),
}

/// How a request fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureMode {
    /// Something answers in the place of the ingress.
    Answer(GatewayAnswer),
    /// The connection breaks before the ingress has read the request.
    Reset,
    /// The ingress stores the entries, and the connection breaks before its response.
    ResetAfter,
    /// Nothing answers.
    Silence,
    /// The ingress stores the entries, and answers later by this for each of them.
    Slow(Duration),
}

/// What an obstacle sees of a request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Content {
    pub(crate) bytes: usize,
    pub(crate) kinds: Vec<EventKind>,
}

impl FailureMode {
    /// The refusals by a web filter, and the failures of an ingress: a page, a plain 403, 406, 409, 400 with markup, 500, 502, a reset
    /// before and after the entries are stored, and silence.
    pub const ALL: [Self; 10] = [
        Self::Answer(GatewayAnswer::new(403, GatewayBody::Html)),
        Self::Answer(GatewayAnswer::new(403, GatewayBody::Empty)),
        Self::Answer(GatewayAnswer::new(406, GatewayBody::Json)),
        Self::Answer(GatewayAnswer::new(409, GatewayBody::Empty)),
        Self::Answer(GatewayAnswer::new(400, GatewayBody::Xhtml)),
        Self::Answer(GatewayAnswer::new(500, GatewayBody::Json)),
        Self::Answer(GatewayAnswer::new(502, GatewayBody::Html)),
        Self::Reset,
        Self::ResetAfter,
        Self::Silence,
    ];

    /// True if it tells the program that nothing was stored.
    pub(crate) fn is_refusal(self) -> bool {
        matches!(self, Self::Answer(answer) if answer.status < 500)
    }

    /// What happens to a request of so many entries.
    fn fault(self, entries: usize) -> NetFault {
        match self {
            Self::Answer(answer) => NetFault::Gateway(answer),
            Self::Reset => NetFault::ResetBefore,
            Self::ResetAfter => NetFault::ResetAfter,
            Self::Silence => NetFault::Silence,
            Self::Slow(time) => NetFault::Slow(time * u32::try_from(entries).unwrap_or(u32::MAX)),
        }
    }
}

impl Obstacle {
    /// What it does to a request; `dice` is drawn for this request.
    pub(crate) fn fault(self, content: &Content, dice: u8) -> Option<NetFault> {
        let is_check = content.kinds.is_empty();
        let meets = match self.trigger {
            Trigger::Word => content.kinds.contains(&EventKind::Forbidden),
            Trigger::Bytes(most) => content.bytes > most,
            Trigger::Chance(percent) => dice < percent,
        };
        let is_free = is_check && matches!(self.failure, FailureMode::Slow(_));
        (meets && !is_free).then(|| self.failure.fault(content.kinds.len()))
    }

    /// By how much later the answers come, at most: after that the program does not wait any more.
    pub(crate) fn delay(self) -> Option<Duration> {
        matches!(self.failure, FailureMode::Slow(_)).then_some(TIMEOUT)
    }

    /// The longest time that it may hold events up, if so many hold the forbidden word: each delivery with some of them waits until these
    /// are dead-lettered.
    pub(crate) fn holds_up_to(self, forbidden: usize) -> Option<Duration> {
        let each = match self.failure.is_refusal() {
            true => Duration::from_secs(900),
            false => Duration::from_secs(3_000),
        };
        let deliveries = u32::try_from(forbidden).unwrap_or(u32::MAX);
        (self.trigger == Trigger::Word).then(|| each.saturating_mul(deliveries + 1))
    }
}
