//! The state of a simulated ingress.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use okta_coralogix_core::Secret;

use super::builder::{CoralogixSimulatorBuilder, Settings};
use super::fault::Fault;
use super::ledger::Ledger;
use super::server::CoralogixServer;

type Poison = dyn Fn(&str) -> bool + Send + Sync;

/// A simulated ingress. Clones are the same one.
#[derive(Clone)]
pub struct CoralogixSimulator(Arc<SimulatedIngress>);

pub(super) struct SimulatedIngress {
    pub(super) settings: Settings,
    state: Mutex<State>,
}

/// The mutable state of a simulator.
pub(super) struct State {
    pub(super) key: Secret,
    pub(super) ledger: Ledger,
    pub(super) next: VecDeque<Fault>,
    pub(super) always: Option<Fault>,
    pub(super) down: bool,
    pub(super) poison: Option<Arc<Poison>>,
    /// The entries at which requests fail, and how.
    pub(super) fails_at: Option<(Arc<Poison>, Fault)>,
    pub(super) max_bytes: Option<usize>,
    pub(super) max_entries: Option<usize>,
    pub(super) max_entry: Option<usize>,
    #[cfg(feature = "query")]
    pub(super) query: super::query::QueryState,
}

impl SimulatedIngress {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CoralogixSimulator {
    /// An ingress that accepts [`key`](Self::key) and every documented request.
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// A builder: clock, key, identity of entries, limits that give warnings.
    pub fn builder() -> CoralogixSimulatorBuilder {
        CoralogixSimulatorBuilder::new()
    }

    pub(super) fn assemble(key: Secret, settings: Settings) -> Self {
        let state = Mutex::new(State {
            key,
            ledger: Ledger::default(),
            next: VecDeque::new(),
            always: None,
            down: false,
            poison: None,
            fails_at: None,
            max_bytes: None,
            max_entries: None,
            max_entry: None,
            #[cfg(feature = "query")]
            query: super::query::QueryState::new(Secret::from("simulated-data-querying-key")),
        });
        Self(Arc::new(SimulatedIngress { settings, state }))
    }

    pub(super) fn ingress(&self) -> &SimulatedIngress {
        &self.0
    }

    /// Listens on a free port of 127.0.0.1 until the server is dropped.
    ///
    /// # Errors
    /// If no port can be had.
    pub async fn serve(&self) -> io::Result<CoralogixServer> {
        CoralogixServer::start_new(self.clone()).await
    }

    /// The key that is accepted.
    #[must_use]
    pub fn key(&self) -> Secret {
        self.0.state().key.clone()
    }

    /// Accepts another key from now on.
    pub fn set_key(&self, key: impl Into<Secret>) {
        self.0.state().key = key.into();
    }

    /// A snapshot of the ledger.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        self.0.state().ledger.clone()
    }

    /// Entries accepted so far, repeats included. Cheaper than a [`ledger`](Self::ledger).
    #[must_use]
    pub fn arrivals(&self) -> usize {
        self.0.state().ledger.entries.len()
    }

    /// Applies `fault` to each of `n` requests, after the faults that were scripted before.
    pub fn fail_next(&self, n: usize, fault: Fault) {
        let faults = std::iter::repeat_n(fault, n);
        self.0.state().next.extend(faults);
    }

    /// Applies `fault` to every request for which no [`fail_next`](Self::fail_next) is left, until it is reset with `None`.
    pub fn fail_always(&self, fault: Option<Fault>) {
        self.0.state().always = fault;
    }

    /// The ingress is down: in memory connecting fails; on the socket each connection is closed at once. (A socket that refuses
    /// connections: [`CoralogixServer::stop`].)
    pub fn set_down(&self, down: bool) {
        self.0.state().down = down;
    }

    /// Answers 400 to every request that contains an entry with such a text, and accepts none of its entries.
    pub fn poison(&self, is_poison: impl Fn(&str) -> bool + Send + Sync + 'static) {
        self.0.state().poison = Some(Arc::new(is_poison));
    }

    /// Applies `fault`, before any other, to every request that contains an entry with such a text, as a web filter does that refuses a
    /// word.
    pub fn fail_at(&self, is_poison: impl Fn(&str) -> bool + Send + Sync + 'static, fault: Fault) {
        self.0.state().fails_at = Some((Arc::new(is_poison), fault));
    }

    /// Answers 413 to requests of more bytes (before compression) or entries than these.
    pub fn limit(&self, bytes: Option<usize>, entries: Option<usize>) {
        let mut state = self.0.state();
        state.max_bytes = bytes;
        state.max_entries = entries;
    }

    /// Answers 413 to requests with an entry of more bytes than these.
    pub fn limit_entry(&self, bytes: Option<usize>) {
        self.0.state().max_entry = bytes;
    }
}

impl Default for CoralogixSimulator {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for CoralogixSimulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.0.state();
        f.debug_struct("CoralogixSimulator")
            .field("entries", &state.ledger.entries.len())
            .field("requests", &state.ledger.requests.len())
            .field("next", &state.next)
            .field("always", &state.always)
            .field("down", &state.down)
            .finish_non_exhaustive()
    }
}
