//! The clocks of a world.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use okta_coralogix_core::Clock;
use okta_coralogix_core::testing::TestClock;

const START: &str = "2026-11-22T10:00:00Z";

/// The time at which every world starts.
pub(crate) fn start() -> DateTime<Utc> {
    START.parse().unwrap_or_default()
}

/// Where the programs begin to read.
pub(crate) fn since() -> DateTime<Utc> {
    start() - TimeDelta::hours(1)
}

/// The right time, and the host's clock, which an incident sets wrong.
#[derive(Debug)]
pub(crate) struct Clocks {
    /// The clock of Okta, AWS and Coralogix.
    pub(crate) remote: Arc<TestClock>,
    /// The clock of the host that the programs run on.
    pub(crate) host: Arc<TestClock>,
}

impl Clocks {
    pub(crate) fn new() -> Self {
        Self {
            remote: Arc::new(TestClock::starting_at(start())),
            host: Arc::new(TestClock::starting_at(start())),
        }
    }

    /// The right time.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.remote.now()
    }
}
