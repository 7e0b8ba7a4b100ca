//! The access token, kept as long as it is good, and renewed by one request at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use okta_coralogix_core::{Error, Result, RetryHint, Secret};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

/// A token is renewed when less than this is left of it, or a tenth of its life if that is less. Okta's live for an hour.
const MARGIN: Duration = Duration::from_secs(300);

/// After a failed renewal, how long a token that is still valid is used until the next attempt.
const RETRY_WAIT: Duration = Duration::from_secs(30);

/// An access token.
#[derive(Debug)]
pub(crate) struct AccessToken {
    pub(crate) secret: Secret,
    /// Bound to the key of the proofs.
    pub(crate) bound: bool,
    pub(crate) renew_at: Instant,
    pub(crate) expires: Instant,
}

impl AccessToken {
    /// `asked`: when its request went out.
    pub(crate) fn new(secret: Secret, bound: bool, life: Duration, asked: Instant) -> Self {
        Self {
            secret,
            bound,
            renew_at: asked + life.saturating_sub(MARGIN.min(life / 10)),
            expires: asked + life,
        }
    }
}

/// The current token. States:
/// * empty: the next caller asks for a token, the others wait for the same request;
/// * fresh: every caller gets the token;
/// * due for renewal (the last five minutes, or the last tenth of a short life): the next caller asks for a new one. If that fails
///   temporarily, the old token serves on, and renewing waits 30 s or as long as Okta says;
/// * expired, or refused by Okta ([`forget`](Self::forget)): as empty.
///
/// Never are two requests for a token under way, and never is an expired token given out.
#[derive(Debug, Default)]
pub(crate) struct TokenCache {
    kept: Mutex<CachedToken>,
    /// Attempts that have ended: a caller that waited for one can tell that it was made.
    attempts: AtomicU64,
}

#[derive(Debug, Default)]
struct CachedToken {
    token: Option<Arc<AccessToken>>,
    failure: Option<Error>,
    /// No request for a token before this.
    not_before: Option<Instant>,
}

impl TokenCache {
    /// The token, or a new one by `renew`. A caller waits for a request that is under way, and gets its result.
    /// Dropped, the next one makes a request of its own.
    pub(crate) async fn get(
        &self,
        renew: impl AsyncFnOnce() -> Result<AccessToken>,
    ) -> Result<Arc<AccessToken>> {
        let before = self.attempts.load(Ordering::Acquire);
        let kept = &mut *self.kept.lock().await;
        let now = Instant::now();
        let usable = kept.token.clone().filter(|token| now < token.expires);
        if let Some(token) = &usable
            && (now < token.renew_at || kept.not_before.is_some_and(|at| now < at))
        {
            return Ok(Arc::clone(token));
        }
        let waited = self.attempts.load(Ordering::Acquire) != before;
        if let Some(failure) = kept.failure.as_ref().filter(|_| waited) {
            return Err(failure.clone());
        }
        if let Some(at) = kept.not_before {
            sleep_until(at).await;
        }
        let renewed = renew().await;
        self.attempts.fetch_add(1, Ordering::Release);
        match renewed {
            Ok(token) => {
                let token = Arc::new(token);
                *kept = CachedToken {
                    token: Some(Arc::clone(&token)),
                    ..CachedToken::default()
                };
                Ok(token)
            }
            Err(error) => kept.failed(error, usable),
        }
    }

    /// The org refuses this token.
    pub(crate) async fn forget(&self, token: &Arc<AccessToken>) {
        let kept = &mut *self.kept.lock().await;
        if kept
            .token
            .as_ref()
            .is_some_and(|kept| Arc::ptr_eq(kept, token))
        {
            kept.token = None;
        }
    }
}

impl CachedToken {
    fn failed(
        &mut self,
        error: Error,
        usable: Option<Arc<AccessToken>>,
    ) -> Result<Arc<AccessToken>> {
        let now = Instant::now();
        self.not_before = match error.retry() {
            RetryHint::After(wait) => Some(now + wait),
            _ => None,
        };
        let usable = usable.filter(|token| error.is_temporary() && now < token.expires);
        if let Some(token) = usable {
            tracing::warn!(%error, "the access token cannot be renewed yet; the old one is used as long as it is good");
            self.not_before = self.not_before.max(Some(now + RETRY_WAIT));
            return Ok(token);
        }
        self.failure = Some(error.clone());
        Err(error)
    }
}

#[cfg(test)]
mod tests {
    use okta_coralogix_core::ErrorKind;
    use tokio::time::{advance, sleep};

    use super::*;

    const LIFE: Duration = Duration::from_secs(60);

    fn unavailable() -> Result<AccessToken> {
        Err(Error::temporary(ErrorKind::Unavailable, "HTTP 503"))
    }

    /// A cache whose token has `left` of its life.
    async fn cache(left: Duration) -> TokenCache {
        let cache = TokenCache::default();
        let token = AccessToken::new("token".into(), false, LIFE, Instant::now());
        cache.get(async || Ok(token)).await.unwrap();
        advance(LIFE - left).await;
        cache
    }

    #[tokio::test(start_paused = true)]
    async fn token_that_expires_during_a_failed_renewal_is_not_given_out() {
        let cache = cache(Duration::from_secs(5)).await;
        let slow = cache.get(async || {
            sleep(Duration::from_secs(5)).await;
            unavailable()
        });
        assert_eq!(slow.await.unwrap_err().kind(), ErrorKind::Unavailable);
    }

    #[tokio::test(start_paused = true)]
    async fn token_is_given_out_to_the_end_of_its_life() {
        let cache = cache(Duration::from_secs(5)).await;
        cache.get(async || unavailable()).await.unwrap();
        advance(Duration::from_millis(4_999)).await;
        cache.get(async || unavailable()).await.unwrap();
        advance(Duration::from_millis(1)).await;
        cache.get(async || unavailable()).await.unwrap_err();
    }
}
