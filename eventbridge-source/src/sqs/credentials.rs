//! The credentials of the environment, in a cache that can be emptied.
//!
//! The SDK keeps credentials until they expire by their own date. SQS may refuse them before: a session was revoked, a file was
//! rotated, this machine's clock is behind. So they are kept here, and are:
//!
//! 1. *fresh*: used for every call, until [`REFRESH_BEFORE`] their expiry;
//! 2. *due*: read again by the next call. If that fails, they are used on until they have expired;
//! 3. *refused*: SQS refused a call that was signed with them. They are not used again.
//!
//! Reading them again starts from the files and variables, as at the start of the process.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use okta_coralogix_core::{Clock, Result, SystemClock};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::credentials_error::explain;
use super::environment::Environment;

/// How long before their expiry credentials are read again.
const REFRESH_BEFORE: Duration = Duration::from_secs(60);

/// Shorter than the timeout of a call, whose message would not name the credentials.
const LOAD_TIMEOUT: Duration = Duration::from_secs(8);

/// Clones share the cache.
#[derive(Debug, Clone)]
pub(super) struct EnvironmentCredentials(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    environment: Environment,
    cache: Mutex<Cache>,
}

#[derive(Debug, Default)]
struct Cache {
    credentials: Option<Credentials>,
    /// Counts the readings.
    generation: u64,
}

impl EnvironmentCredentials {
    pub(super) fn new(environment: Environment) -> Self {
        Self(Arc::new(Shared {
            environment,
            cache: Mutex::default(),
        }))
    }

    /// Reads them, if that was not done.
    ///
    /// # Errors
    /// `Unauthorized` or `Config` if there are none, or they are refused; a temporary one if their provider does not
    /// answer now.
    pub(super) async fn check(&self) -> Result<()> {
        self.load().await.map_err(|error| explain(&error))?;
        Ok(())
    }

    /// Which reading the next call uses.
    pub(super) async fn generation(&self) -> u64 {
        self.0.cache.lock().await.generation
    }

    /// SQS refused a call that used the credentials of `generation`: the next call reads them again, if that was not done since.
    pub(super) async fn refused(&self, generation: u64) {
        let mut cache = self.0.cache.lock().await;
        if cache.generation == generation {
            cache.credentials = None;
        }
    }

    async fn load(&self) -> Result<Credentials, CredentialsError> {
        let mut cache = self.0.cache.lock().await;
        let now = SystemClock.now().into();
        let left = |credentials: &Credentials| match credentials.expiry() {
            Some(expiry) => expiry.duration_since(now).unwrap_or_default(),
            None => Duration::MAX,
        };
        if let Some(fresh) = cache
            .credentials
            .as_ref()
            .filter(|c| left(c) > REFRESH_BEFORE)
        {
            return Ok(fresh.clone());
        }
        let error = match self.read().await {
            Ok(credentials) => {
                cache.generation += 1;
                cache.credentials = Some(credentials.clone());
                return Ok(credentials);
            }
            Err(error) => error,
        };
        match cache.credentials.as_ref().filter(|c| !left(c).is_zero()) {
            Some(due) => {
                let error = explain(&error);
                tracing::warn!(%error, "the AWS credentials cannot be renewed; those that have not expired are used on");
                Ok(due.clone())
            }
            // The provider gave credentials before, and will give them again.
            None if cache.generation > 0 => Err(lost(error)),
            None => Err(error),
        }
    }

    async fn read(&self) -> Result<Credentials, CredentialsError> {
        let read = async {
            let config = self.0.environment.load().await;
            match config.credentials_provider() {
                Some(provider) => provider.provide_credentials().await,
                None => Err(CredentialsError::not_loaded_no_source()),
            }
        };
        timeout(LOAD_TIMEOUT, read)
            .await
            .unwrap_or_else(|_| Err(CredentialsError::provider_timed_out(LOAD_TIMEOUT)))
    }
}

fn lost(error: CredentialsError) -> CredentialsError {
    match error {
        CredentialsError::CredentialsNotLoaded(_) => {
            let source: Box<dyn StdError + Send + Sync> = error.into();
            CredentialsError::provider_error(source)
        }
        error => error,
    }
}

impl ProvideCredentials for EnvironmentCredentials {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.load())
    }
}
