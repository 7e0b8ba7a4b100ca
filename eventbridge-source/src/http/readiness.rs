//! Whether the sink can be reached, asked rarely.

use std::fmt;
use std::time::Duration;

use futures::future::BoxFuture;
use okta_coralogix_core::{Error, Result};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

/// How long an answer holds, so that nobody can make the sink be asked at will.
const HOLDS: Duration = Duration::from_secs(10);

/// How long an answer may take. A check should have a bound of its own; one that has none must not hang for ever.
const PATIENCE: Duration = Duration::from_secs(60);

type Check = dyn Fn() -> BoxFuture<'static, Result<()>> + Send + Sync;

/// Asks the sink, and remembers what it said.
#[derive(Default)]
pub(super) struct Readiness {
    check: Option<Box<Check>>,
    /// Held while the sink is being asked, so that it is asked once.
    last: Mutex<Option<(Instant, bool)>>,
}

impl Readiness {
    pub(super) fn by(
        check: impl Fn() -> BoxFuture<'static, Result<()>> + Send + Sync + 'static,
    ) -> Self {
        Self {
            check: Some(Box::new(check)),
            last: Mutex::default(),
        }
    }

    pub(super) fn can_ask(&self) -> bool {
        self.check.is_some()
    }

    /// True while the sink is being asked.
    pub(super) fn is_asking(&self) -> bool {
        self.last.try_lock().is_err()
    }

    pub(super) async fn sink_is_reachable(&self) -> bool {
        let Some(check) = &self.check else {
            return true;
        };
        let mut last = self.last.lock().await;
        if let Some((asked, reachable)) = *last
            && asked.elapsed() < HOLDS
        {
            return reachable;
        }
        let reachable = match timeout(PATIENCE, check()).await {
            Ok(answer) => answer.inspect_err(warn).is_ok(),
            Err(_) => false,
        };
        *last = Some((Instant::now(), reachable));
        reachable
    }
}

fn warn(error: &Error) {
    tracing::warn!(%error, "not ready: the sink cannot be reached");
}

impl fmt::Debug for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Readiness")
            .field(&self.check.is_some())
            .finish()
    }
}
