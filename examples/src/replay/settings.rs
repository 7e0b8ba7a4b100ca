//! The settings of `replay`, from args and environment.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use coralogix_sink::CoralogixSink;
use okta_coralogix_core::dead_letter::FileDeadLetters;
use okta_coralogix_core::filter::AgePolicy;
use okta_coralogix_core::{CoralogixMapping, Error, Result};

use super::ReplayArgs;
use crate::program::admin::AdminAddress;
use crate::program::coralogix::{self, APPLICATION, SUBSYSTEM};
use crate::program::missing::Missing;
use crate::program::pipeline::PipelineSettings;
use crate::program::{Environment, Network, is_log};
use crate::pull::config::{self, Integration};

/// The settings of a run.
#[derive(Debug)]
pub struct Settings {
    pub(super) places: Places,
    /// Only the letters of this integration.
    pub(super) integration: Option<String>,
    pub(super) pipeline: PipelineSettings,
    pub(super) give_up_after: Duration,
    pub(super) admin: Option<AdminAddress>,
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
}

impl Settings {
    pub(super) fn read(args: ReplayArgs, environment: &Environment) -> Result<Self> {
        let pipeline = args.pipeline.settings(environment)?;
        if is_log(&pipeline.dead_letters) {
            let detail = "is -, the log, which cannot be read: save its lines of dead letters in a file, and name that";
            return Err(Error::config("--dead-letters", detail));
        }
        if !is_there(&pipeline.dead_letters) {
            let detail = format!(
                "{} does not exist: name the file that the program writes its dead letters to",
                pipeline.dead_letters.display()
            );
            return Err(Error::config("--dead-letters", detail));
        }
        let network = Network::read(args.network, environment)?;
        let bare = environment.switch("--bare-event", args.bare_event)?;
        let places = match environment.flag("--config", args.config)? {
            Some(_) if bare => {
                let detail =
                    "cannot be combined with --config, whose integrations send bare events";
                return Err(Error::config("--bare-event", detail));
            }
            Some((_, file)) => {
                Places::Integrations(config::read(Path::new(&file), environment, network)?)
            }
            None => {
                let mut missing = Missing::default();
                coralogix::require(&mut missing, environment);
                missing.check()?;
                let mapping = coralogix::mapping(environment, None)?.bare_event(bare);
                let sink = coralogix::sink(environment, &network)?.build()?;
                let proxy = network.proxy_of(sink.endpoint().singles());
                Places::One(OnePlace {
                    proxy: proxy.map(Into::into),
                    sink: Arc::new(sink),
                    mapping: Arc::new(mapping.build()?),
                    names_application: environment.has(APPLICATION),
                    names_subsystem: environment.has(SUBSYSTEM),
                })
            }
        };
        let integration = environment.flag("--integration", args.integration)?;
        Ok(Self {
            places,
            integration: integration.map(|(_, name)| name),
            pipeline,
            give_up_after: environment.duration("--give-up-after", args.give_up_after, "10m")?,
            admin: args.admin.address(environment)?,
        })
    }

    /// Events that have become too old stay in the file unless it was said otherwise.
    pub(super) fn too_old(&self) -> AgePolicy {
        self.pipeline.too_old.unwrap_or(AgePolicy::DeadLetter)
    }
}

/// True if the file exists, or one that was rotated away from it: a replay that was stopped leaves only those.
fn is_there(path: &Path) -> bool {
    if path.exists() {
        return true;
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let rotated = |entry: std::fs::DirEntry| {
        let name = entry.file_name();
        FileDeadLetters::is_rotation(path, &name.to_string_lossy())
    };
    std::fs::read_dir(folder).is_ok_and(|entries| entries.flatten().any(rotated))
}
