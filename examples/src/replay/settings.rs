//! The settings of `replay`, from args and environment.

use std::sync::Arc;
use std::time::Duration;

use coralogix_sink::CoralogixSink;
use okta_coralogix_core::filter::AgePolicy;
use okta_coralogix_core::{CoralogixMapping, Error, Result, SharedClockOffset};

use super::ReplayArgs;
use super::args::{CONFIG, INTEGRATION, LEASE_POLL, LEASE_TTL, STATE};
use crate::eventbridge::BARE_EVENT;
use crate::program::check::CHECK;
use crate::program::coralogix::{self, APPLICATION, SUBSYSTEM};
use crate::program::entry_settings::EntrySettings;
use crate::program::listen::ListenAddress;
use crate::program::missing::Missing;
use crate::program::pipeline::GIVE_UP_AFTER;
use crate::program::pipeline_settings::{DEAD_LETTERS, PipelineSettings, TOO_OLD};
use crate::program::{Environment, Network, have_letters_file, is_log, is_state};
use crate::pull::SharedState;
use crate::pull::config::{self, Integration};

/// The settings of a run.
#[derive(Debug)]
pub struct Settings {
    pub(super) places: Places,
    /// Only the letters of this integration.
    pub(super) integration: Option<String>,
    pub(super) pipeline: PipelineSettings,
    /// Where replicas keep the letters; `None`: they are in a file.
    pub(super) state: Option<SharedState>,
    pub(super) give_up_after: Duration,
    pub(super) admin: Option<ListenAddress>,
    /// Check instead of run.
    pub(super) check: bool,
}

/// Where letters go.
#[derive(Debug)]
pub(super) enum Places {
    /// All to one.
    One(OnePlace),
    /// Each to that of its integration, of the file of `--config`.
    Integrations(Vec<Integration>),
}

/// One place for all letters.
#[derive(Debug, Clone)]
pub(super) struct OnePlace {
    pub(super) sink: Arc<CoralogixSink>,
    pub(super) mapping: Arc<CoralogixMapping>,
    /// The settings name them; else each letter keeps its own.
    pub(super) names_application: bool,
    pub(super) names_subsystem: bool,
    /// The proxy on the way there.
    pub(super) proxy: Option<String>,
    /// The offset of Coralogix's clock, which the sink stores.
    pub(super) clock: SharedClockOffset,
}

/// The place of `--state`, if the letters are there.
fn letters_state(
    args: &ReplayArgs,
    pipeline: &PipelineSettings,
    environment: &Environment,
    network: &Network,
) -> Result<Option<SharedState>> {
    let values = args.replay.values(environment);
    if !is_state(&pipeline.dead_letters) {
        // Their variables may be there for the replicas.
        let mut flags = [&STATE.about, &LEASE_TTL, &LEASE_POLL].into_iter();
        let given = flags.find(|about| args.replay.given().get(about).is_some());
        let detail = "has no effect without --dead-letters state, which reads the letters that are kept there; give both, or leave it out";
        return given.map_or(Ok(None), |about| Err(Error::config(about.flag, detail)));
    }
    let state = SharedState::read(&values, network)?;
    state.map(Some).ok_or_else(|| {
        let detail = "is state, and --state does not say where that is: give it as the replicas were given it, or write ./state for a file of \
                      this name";
        Error::config(DEAD_LETTERS.about.flag, detail)
    })
}

impl Settings {
    pub(super) fn read(args: &ReplayArgs, environment: &Environment) -> Result<Self> {
        let values = args.pipeline.values(environment).flags(args.entry.given());
        let pipeline = PipelineSettings::read(&values)?;
        let entry = EntrySettings::read(&values)?;
        if is_log(&pipeline.dead_letters) {
            let detail = "is -, the log, which cannot be read: save its lines of dead letters in a file, and name that";
            return Err(Error::config("--dead-letters", detail));
        }
        let network = Network::read(&args.network, environment)?;
        let state = letters_state(args, &pipeline, environment, &network)?;
        if state.is_none() && !have_letters_file(&pipeline.dead_letters) {
            let detail = format!(
                "{} does not exist: name the file that the program writes its dead letters to",
                pipeline.dead_letters.display()
            );
            return Err(Error::config("--dead-letters", detail));
        }
        let own = args.replay.values(environment);
        let bare = BARE_EVENT.get(&own)?;
        let places = match CONFIG.given(&own)? {
            Some(_) if bare => {
                let detail =
                    "cannot be combined with --config, whose integrations send bare events";
                return Err(Error::config("--bare-event", detail));
            }
            Some(file) => Places::Integrations(config::read(&file, &values, network)?),
            None => {
                let mut missing = Missing::default();
                coralogix::require(&mut missing, environment);
                missing.check()?;
                let mapping = coralogix::mapping(environment, &entry, None)?.bare_event(bare);
                let clock = SharedClockOffset::unknown();
                let sink = coralogix::sink(environment, &network, &entry, &clock)?.build()?;
                let proxy = network.proxy_of(sink.endpoint().singles());
                Places::One(OnePlace {
                    proxy: proxy.map(Into::into),
                    clock,
                    sink: Arc::new(sink),
                    mapping: Arc::new(mapping.build()?),
                    names_application: environment.has(APPLICATION),
                    names_subsystem: environment.has(SUBSYSTEM),
                })
            }
        };
        Ok(Self {
            places,
            integration: INTEGRATION.given(&own)?,
            pipeline,
            state,
            give_up_after: GIVE_UP_AFTER.get(&own)?,
            admin: args.admin.address(environment)?,
            check: CHECK.get(&args.check.values(environment))?,
        })
    }

    /// Where the letters are, in words.
    pub(super) fn kept_in(&self) -> &'static str {
        match self.state {
            Some(_) => "the store of --state",
            None => "the file",
        }
    }

    /// Events that have become too old stay where they are unless it was said otherwise.
    pub(super) fn too_old(&self) -> AgePolicy {
        let given = self.pipeline.options.too_old;
        given.unwrap_or_else(|| TOO_OLD.default_in("replay"))
    }
}
