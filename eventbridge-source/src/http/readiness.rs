//! Whether the sink can be reached, asked rarely.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use okta_coralogix_core::{Error, ErrorKind, Result};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

/// How long an answer holds, so that nobody can make the sink be asked at will.
const HOLDS: Duration = Duration::from_secs(10);

/// How long an answer may take. A check should have a bound of its own; one that has none must not hang for ever.
const PATIENCE: Duration = Duration::from_secs(60);

type Check = dyn Fn() -> BoxFuture<'static, Result<()>> + Send + Sync;

/// What the sink said.
pub(super) type Answer = Result<(), Arc<Error>>;

/// Asks the sink, and remembers what it said.
#[derive(Default)]
pub(super) struct Readiness {
    check: Option<Box<Check>>,
    /// Held while the sink is being asked, so that it is asked once.
    last: Mutex<Option<(Instant, Answer)>>,
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

    /// Whether the sink can be reached; it is taken to be where it cannot be asked.
    pub(super) async fn ask(&self) -> Answer {
        let Some(check) = &self.check else {
            return Ok(());
        };
        let mut last = self.last.lock().await;
        if let Some((asked, answer)) = &*last
            && asked.elapsed() < HOLDS
        {
            return answer.clone();
        }
        let answer = timeout(PATIENCE, check()).await;
        let answer = answer
            .unwrap_or_else(|_| {
                Err(Error::temporary(
                    ErrorKind::Network,
                    "the sink does not answer",
                ))
            })
            .inspect_err(warn)
            .map_err(Arc::new);
        *last = Some((Instant::now(), answer.clone()));
        answer
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
