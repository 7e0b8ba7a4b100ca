//! The builder of a simulator.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use okta_coralogix_core::{Clock, Secret, SystemClock};

use super::identity::okta_uuid;
use super::ingress::CoralogixSimulator;

type Identity = dyn Fn(&str) -> Option<String> + Send + Sync;

/// The settings of a simulator.
pub(super) struct Settings {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) identity: Box<Identity>,
    pub(super) max_age: Option<TimeDelta>,
    pub(super) max_entry_bytes: Option<usize>,
    pub(super) wrong_key_status: u16,
}

/// Builds a [`CoralogixSimulator`].
#[must_use]
pub struct CoralogixSimulatorBuilder {
    key: Secret,
    settings: Settings,
}

impl CoralogixSimulatorBuilder {
    pub(super) fn new() -> Self {
        Self {
            key: Secret::from("simulated-send-your-data-key"),
            settings: Settings {
                clock: Arc::new(SystemClock),
                identity: Box::new(okta_uuid),
                max_age: None,
                max_entry_bytes: None,
                wrong_key_status: 401,
            },
        }
    }

    /// The key that is accepted.
    pub fn key(mut self, key: impl Into<Secret>) -> Self {
        self.key = key.into();
        self
    }

    /// The clock of the `Date` header, and of ages. Default: the system's.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.settings.clock = Arc::new(clock);
        self
    }

    /// Finds the id of an entry in its text. Default: [`okta_uuid`].
    pub fn identity(
        mut self,
        identity: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.settings.identity = Box::new(identity);
        self
    }

    /// Remarks entries that are older than this. Default: none.
    pub fn max_age(mut self, age: Duration) -> Self {
        self.settings.max_age = Some(TimeDelta::from_std(age).unwrap_or(TimeDelta::MAX));
        self
    }

    /// Accepts entries that are larger than this with a [`Warning`](super::Warning). Default: no limit.
    pub fn max_entry_bytes(mut self, bytes: usize) -> Self {
        self.settings.max_entry_bytes = Some(bytes);
        self
    }

    /// The status for a wrong key. Default: 401.
    pub fn wrong_key_status(mut self, status: u16) -> Self {
        self.settings.wrong_key_status = status;
        self
    }

    /// The simulator.
    #[must_use]
    pub fn build(self) -> CoralogixSimulator {
        CoralogixSimulator::assemble(self.key, self.settings)
    }
}

impl fmt::Debug for CoralogixSimulatorBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CoralogixSimulatorBuilder")
            .field("clock", &self.settings.clock)
            .field("max_age", &self.settings.max_age)
            .field("max_entry_bytes", &self.settings.max_entry_bytes)
            .finish_non_exhaustive()
    }
}
