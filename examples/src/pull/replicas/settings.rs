//! The settings of replicas.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use okta_coralogix_core::checkpoint::shared::SharedStore;
use okta_coralogix_core::{Error, Result};

use super::objects::Place;
use crate::program::pipeline_settings::DEAD_LETTERS;
use crate::program::settings::{About, Group, Setting, Values, Written, parse};
use crate::program::{Environment, Network, is_state};
use crate::pull::config::{CHECKPOINT, SharedLogs, StoreTest};

/// Where the positions are.
pub(in super::super) static STATE: Setting<String> = Setting {
    about: About {
        flag: "--state",
        value: "ADDRESS",
        default: "none",
        example: "s3://bucket/folder",
        is_global: true,
        builder: "SharedStore::new",
        help: "Run as one of several replicas: they share the positions at s3://bucket/folder, gs://bucket/folder, az://container/folder, or in \
               a folder that all of them reach, and one of them at a time reads an org",
        reason: "one process keeps its position in a file",
        ..About::NONE
    },
    parse: parse::text,
};

/// How long a silent replica is waited for.
static LEASE_TTL: Setting<Duration> = Setting {
    about: About {
        flag: "--lease-ttl",
        value: "DURATION",
        default: "30s",
        is_global: true,
        builder: "SharedStore::ttl",
        help: "With --state: how long a replica that is silent is waited for, before another one reads its orgs, but for an org without events: 2m, or this \
               if it is longer; at least 10s",
        reason: "three renewals, so that a store which is slow for a moment costs no org",
        ..About::NONE
    },
    parse: lease,
};

/// How often a replica looks.
static LEASE_POLL: Setting<Duration> = Setting {
    about: About {
        flag: "--lease-poll",
        value: "DURATION",
        default: "5s",
        is_global: true,
        builder: "SharedStore::poll",
        help: "With --state: how often a replica looks at an org that another one reads; at most half of --lease-ttl",
        reason: "each look is a request to the store, and an org that was released waits for one",
        ..About::NONE
    },
    parse: parse::duration,
};

/// As the library bounds it.
fn lease(about: &About, value: &str) -> Result<Duration, String> {
    let lease = parse::duration(about, value)?;
    match (Duration::from_secs(10)..=Duration::from_secs(3600)).contains(&lease) {
        true => Ok(lease),
        false => Err(format!(
            "is {value}, and a lease is 10s to 1h: a store that is slow for a moment must not lose it, and a dead replica is waited for as long; \
             write one such as {}",
            about.example()
        )),
    }
}

/// The flags of replicas.
#[derive(Debug)]
pub struct ReplicaGroup;

impl Group for ReplicaGroup {
    const SETTINGS: &'static [&'static About] =
        &[&STATE.about, &LEASE_TTL.about, &LEASE_POLL.about];
}

/// Where replicas share positions, not opened yet.
#[derive(Debug, Clone)]
pub(crate) struct SharedState {
    /// As the user wrote them.
    names: Names,
    address: String,
    place: Place,
    ttl: Duration,
    poll: Duration,
}

/// The names of the settings as the user wrote them.
#[derive(Debug, Clone)]
struct Names {
    state: String,
    ttl: String,
    poll: String,
}

impl SharedState {
    /// What is written; `None` without `--state`.
    ///
    /// # Errors
    /// `Config` for a wrong value, for a lease without `--state`, and for a file of the position beside it.
    pub(crate) fn read(values: &Values<'_>, network: &Network) -> Result<Option<Self>> {
        let environment = values.environment();
        let Some(Written { setting, .. }) = values.find(&STATE.about)? else {
            return Self::is_without_lease(values, environment).map(|()| None);
        };
        if let Some(file) = values.find(&CHECKPOINT.about)? {
            return Err(beside_a_file(&file.setting, &setting));
        }
        let address = STATE.get(values)?;
        let name = |about: &About| -> Result<String> {
            let written = values.find(about)?;
            Ok(written.map_or_else(|| about.flag.to_owned(), |written| written.setting))
        };
        let names = Names {
            ttl: name(&LEASE_TTL.about)?,
            poll: name(&LEASE_POLL.about)?,
            state: setting,
        };
        let place = Place::read(&address, environment, network);
        let state = Self {
            ttl: LEASE_TTL.get(values)?,
            poll: LEASE_POLL.get(values)?,
            place: place.map_err(|error| names.named(error))?,
            address,
            names,
        };
        if state.poll * 2 > state.ttl {
            let detail = format!(
                "is {} s, more than half of the lease, which is {} s: a holder that died would be found late; write less, or a longer {}",
                state.poll.as_secs_f64(),
                state.ttl.as_secs_f64(),
                LEASE_TTL.about.flag
            );
            return Err(Error::config(&state.names.poll, detail));
        }
        Ok(Some(state))
    }

    /// A lease without replicas: a flag is meant for this run, a variable may be there for another.
    fn is_without_lease(values: &Values<'_>, environment: &Environment) -> Result<()> {
        for about in [&LEASE_TTL.about, &LEASE_POLL.about] {
            let Some(Written { setting, .. }) = values.find(about)? else {
                continue;
            };
            let detail = "has no effect without --state: one process holds no lease";
            if setting == about.flag {
                let detail = format!("{detail}; add --state, or leave it out");
                return Err(Error::config(&setting, detail));
            }
            environment.warnings().add(format!("{setting}: {detail}"));
        }
        Ok(())
    }

    /// `--state`, as the user wrote it: the flag, or the variable.
    pub(crate) fn setting(&self) -> &str {
        &self.names.state
    }

    /// The address as it was written, for messages.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// How often a replica looks.
    pub(in super::super) fn poll(&self) -> Duration {
        self.poll
    }

    /// Opens the store, without a request.
    ///
    /// # Errors
    /// `Config` if a setting of the store is missing or wrong, named as the user wrote it.
    pub(crate) async fn open(&self) -> Result<SharedStore> {
        let opened = async {
            let store = self.place.open().await?;
            let hint = rustix::system::uname();
            let hint = hint.nodename().to_string_lossy();
            Ok(store.named(&plain(&hint)).ttl(self.ttl)?.poll(self.poll))
        };
        opened.await.map_err(|error| self.names.named(error))
    }

    /// Joins the other replicas with these logs.
    pub(crate) fn join(
        &self,
        store: SharedStore,
        test: StoreTest,
        logs: impl IntoIterator<Item = String>,
    ) -> SharedLogs {
        SharedLogs {
            replica: store.join(logs),
            test: Arc::new(test),
            poll: self.poll,
            store,
        }
    }

    /// Tests the store; one that is away is tested later.
    ///
    /// # Errors
    /// Those of [`SharedStore::check`], with the name that the user wrote.
    pub(crate) async fn check(&self, store: &SharedStore, test: &StoreTest) -> Result<()> {
        let checked = test.check(store).await;
        checked.map_err(|error| self.named(error))
    }

    /// An error of the library, with the name that the user wrote.
    pub(crate) fn named(&self, error: Error) -> Error {
        self.names.named(error)
    }
}

impl Names {
    /// An error of the library, with the name that the user wrote.
    fn named(&self, error: Error) -> Error {
        let Self { state, ttl, poll } = self;
        let detail = error.detail();
        let known = [("state: ", state), ("ttl: ", ttl), ("poll: ", poll)];
        let found = known
            .iter()
            .find_map(|(name, written)| Some((detail.strip_prefix(name)?, written)));
        match found {
            Some((detail, written)) => Error::config(written, detail.to_owned()),
            None => error,
        }
    }
}

/// The name of a log is an object's name, and the beginning of those of others.
pub(in super::super) fn check_log_name(name: &str, state: &str) -> Result<()> {
    if !name.ends_with(".tmp") && !name.contains(".window-") {
        return Ok(());
    }
    let detail = format!(
        "ends with .tmp, or has .window- in it, which are names of other objects beside the positions of {state}; take another name, \
         such as acme"
    );
    Err(Error::config("name", detail))
}

/// Dead letters in the state need one.
pub(in super::super) fn check_letters(dead_letters: &Path, is_shared: bool) -> Result<()> {
    if !is_state(dead_letters) || is_shared {
        return Ok(());
    }
    let detail = "is state, the place that replicas share, and --state does not say where that is: give it, or write ./state for a file of this \
                  name";
    Err(Error::config(DEAD_LETTERS.about.flag, detail))
}

/// A file of the position cannot be shared.
pub(in super::super) fn beside_a_file(setting: &str, state: &str) -> Error {
    let detail = format!(
        "names a file of the position, and {state} keeps the positions where all replicas reach them; leave out one of the two"
    );
    Error::config(setting, detail)
}

/// An audit beside the delivery knows what one process has delivered.
pub(in super::super) fn audit_by_replicas() -> Error {
    let detail = "goes on beside one process, and knows only what that has delivered; leave it out with --state, and run audit --from --to";
    Error::config("--audit-every", detail)
}

/// A name of a machine as a part of another name.
fn plain(name: &str) -> String {
    let is_plain = |char: &char| char.is_ascii_alphanumeric() || "-_.".contains(*char);
    name.chars().filter(is_plain).take(100).collect()
}
