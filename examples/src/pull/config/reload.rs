//! What a file that was read again changes.

use std::sync::Arc;

use okta_coralogix_core::{Error, Result};
use tokio::sync::watch;
use tokio::task::spawn_blocking;

use super::Integration;
use super::faults::interrupted;
use super::secrets::SecretValues;
use crate::program::args::in_setting;
use crate::program::start::span;

/// An integration of the file, and its secrets, or why they cannot be read.
#[derive(Debug)]
pub(in super::super) struct Planned {
    pub(super) integration: Arc<Integration>,
    pub(super) secrets: Result<SecretValues>,
}

impl Planned {
    /// Reads the secrets of all.
    pub(in super::super) async fn read_all(integrations: Vec<Integration>) -> Vec<Self> {
        let mut all = Vec::new();
        for integration in integrations {
            let integration = Arc::new(integration);
            let reader = Arc::clone(&integration);
            let secrets = spawn_blocking(move || reader.read_secrets()).await;
            all.push(Self {
                integration,
                secrets: secrets.map_err(interrupted).flatten(),
            });
        }
        all
    }

    /// True if it is what runs as `running`, begun with `secrets`. Secrets that cannot be read are no others: it goes on with those that
    /// it has.
    pub(super) fn is_same(
        &self,
        running: &Integration,
        opened_with: &watch::Receiver<Option<SecretValues>>,
    ) -> bool {
        let same_secrets = match (&self.secrets, &*opened_with.borrow()) {
            (Ok(now), Some(then)) => now.is_same(then),
            // It was not opened yet, and reads them when it is.
            (Ok(_), None) | (Err(_), _) => true,
        };
        self.integration.is_same(running) && same_secrets
    }

    /// Says why an integration goes on with the secrets that it has: it would not begin with those that are there now.
    pub(super) fn tell_unread_secrets(&self) {
        if let Err(error) = &self.secrets {
            let name = &self.integration.name;
            span(name).in_scope(|| {
                tracing::warn!(
                    "{error}: it goes on with the secrets that it has; correct this before the program is started again"
                )
            });
        }
    }

    /// # Errors
    /// `Config` for the first that cannot be opened, which at the start of a program is waited for.
    pub(super) async fn check_all(all: impl Iterator<Item = &Self>) -> Result<()> {
        for Self {
            integration,
            secrets,
        } in all
        {
            let named = in_setting(format!("integration {:?}", integration.name));
            let secrets = match secrets {
                Ok(secrets) => secrets.clone(),
                Err(error) => return Err(named(Error::new(error.kind(), error.detail()))),
            };
            let connecting = Arc::clone(integration);
            let connected = spawn_blocking(move || connecting.connect(&secrets).map(drop)).await;
            connected.map_err(interrupted).flatten().map_err(named)?;
        }
        Ok(())
    }
}

/// What was changed, by the names of the integrations.
#[derive(Debug, Default)]
pub(super) struct Change {
    /// New ones, and those that begin anew.
    pub(super) begins: Vec<String>,
    /// Those that finish what is in flight, and end or begin anew.
    pub(super) ends: Vec<String>,
    pub(super) go_on: usize,
}

impl Change {
    pub(super) fn log(&self) {
        let is_in = |names: &[String], name: &String| names.contains(name);
        let listed = |names: &[String], others: &[String], both: bool| {
            let mut chosen = names
                .iter()
                .filter(|name| is_in(others, name) == both)
                .peekable();
            let is_any = chosen.peek().is_some();
            let chosen: Vec<_> = chosen.map(String::as_str).collect();
            is_any.then(|| chosen.join(", "))
        };
        tracing::info!(
            begin = listed(&self.begins, &self.ends, false),
            begin_anew = listed(&self.begins, &self.ends, true),
            end = listed(&self.ends, &self.begins, false),
            go_on = self.go_on,
            "the configuration was read again"
        );
    }
}

/// Says why a file that was read again is not used.
pub(in super::super) fn nothing_changed(error: &Error) {
    tracing::error!(
        "the configuration was read again, and nothing was changed, since it is wrong: {error}; correct it, and send SIGHUP again"
    );
}
