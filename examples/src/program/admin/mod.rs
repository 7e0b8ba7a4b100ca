//! The listener of `--admin-listen`: metrics, health and status of the program's pipelines.
//!
//! It has a thread of its own, so that it also answers while a pipeline hangs, and keeps none from its work.
//!
//! | path | answer |
//! |---|---|
//! | `/metrics` | text for Prometheus |
//! | `/livez` | 200 if the loop of every run turns; it does not depend on Okta or Coralogix |
//! | `/readyz` | 200 if every pipeline was opened, or is on standby, and none is stopping |
//! | `/status` | JSON, for people |

mod address;
mod dead_letter_files;
mod health;
mod routes;
mod server;
mod status;

pub use address::{ADMIN_LISTEN, AdminArgs, AdminGroup};
pub(super) use dead_letter_files::DeadLetterFiles;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use okta_coralogix_core::checkpoint::shared::Replica;
use okta_coralogix_core::{Error, ErrorKind, Result, SystemClock};

use self::routes::Routes;
use self::server::Server;
use super::listen::ListenAddress;
use super::metrics::{Monitor, Registry, SourceKind};

/// How long the loop of a run may take to turn until the program counts as hanging.
const TURN_LIMIT: Duration = Duration::from_secs(5);

/// Watches the pipelines of a program and shows them, if it was asked for.
#[derive(Debug, Default)]
pub struct Admin(Option<Listening>);

#[derive(Debug)]
struct Listening {
    registry: Registry,
    /// None if only the registry's owner reads it.
    server: Option<Server>,
}

impl Admin {
    /// Listens on `address`, if it is set. `dead_letters`: the file of the program's dead letters.
    ///
    /// # Errors
    /// `Config` if it cannot listen there.
    pub fn start(address: Option<ListenAddress>, dead_letters: Option<PathBuf>) -> Result<Self> {
        match address {
            Some(address) => Self::listen(&address, dead_letters, TURN_LIMIT),
            None => Ok(Self::default()),
        }
    }

    /// As [`start`](Self::start); a loop hangs if it does not turn within `turn`.
    ///
    /// # Errors
    /// `Config` if it cannot listen there, `Storage` if the operating system gives no thread.
    pub fn listen(
        address: &ListenAddress,
        dead_letters: Option<PathBuf>,
        turn: Duration,
    ) -> Result<Self> {
        let listener = address.bind()?;
        let registry = Registry::new(Arc::new(SystemClock), dead_letters);
        let routes = Routes::new(registry.clone(), turn);
        let server = Server::start(listener, routes).map_err(|error| {
            let detail = format!("the listener of --admin-listen cannot start: {error}");
            Error::new(ErrorKind::Storage, detail).with_source(error)
        })?;
        tracing::info!(
            "metrics, health and status are on http://{}",
            server.address()
        );
        Ok(Self(Some(Listening {
            registry,
            server: Some(server),
        })))
    }

    /// Watches pipelines for a registry, and listens nowhere.
    #[must_use]
    pub fn watching(registry: Registry) -> Self {
        Self(Some(Listening {
            registry,
            server: None,
        }))
    }

    /// Watches the pipeline of this name, if anyone is shown it.
    #[must_use]
    pub fn monitor(&self, name: &str, source: SourceKind) -> Monitor {
        let listening = self.0.as_ref();
        listening.map_or_else(Monitor::default, |listening| {
            listening.registry.monitor(name, source)
        })
    }

    /// Watches the pipeline that heals for the receiver of this name, if there is one.
    #[must_use]
    pub fn healing_monitor(&self, name: &str, heals: bool) -> Monitor {
        match heals {
            true => self.monitor(name, SourceKind::Healing),
            false => Monitor::default(),
        }
    }

    /// Shows which logs this replica holds, of those that replicas share.
    pub fn replica(&self, replica: Replica) {
        if let Some(listening) = &self.0 {
            listening.registry.replica(replica);
        }
    }

    /// The pipeline of this name is not shown any more.
    pub fn forget(&self, name: &str) {
        if let Some(listening) = &self.0 {
            listening.registry.forget(name);
        }
    }

    /// Where it listens, such as `127.0.0.1:9090`.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        let server = self.0.as_ref()?.server.as_ref()?;
        Some(server.address())
    }
}
