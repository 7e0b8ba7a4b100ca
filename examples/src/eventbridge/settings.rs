//! The settings that all programs of this route have.

use std::path::PathBuf;
use std::sync::Arc;

use coralogix_sink::CoralogixSink;
use eventbridge_source::BodyParser;
use okta_coralogix_core::{CoralogixMapping, Error, Result, SharedClockOffset, SystemClock};

use crate::program::admin::{AdminAddress, AdminArgs};
use crate::program::coralogix;
use crate::program::network::NetworkArgs;
use crate::program::pipeline::PipelineArgs;
use crate::program::{Environment, FaultTimeouts, Network};

/// The flags of every program of this route.
#[derive(Debug, clap::Args)]
pub(super) struct RouteArgs {
    #[command(flatten)]
    pipeline: PipelineArgs,
    #[command(flatten)]
    network: NetworkArgs,
    /// Send the bare event instead of the whole envelope
    #[arg(long)]
    bare_event: bool,
    /// Take events of every source, not only Okta's: for tests
    #[arg(long)]
    any_source: bool,
}

/// The flags of the programs of this route that go on running.
#[derive(Debug, clap::Args)]
pub(super) struct WatchArgs {
    /// The name of the org in metrics and status [default: eventbridge]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    admin: AdminArgs,
}

/// How a program is watched.
#[derive(Debug)]
pub(super) struct WatchSettings {
    pub(super) name: String,
    pub(super) admin: Option<AdminAddress>,
}

impl WatchSettings {
    /// # Errors
    /// `Config`, which names the setting that is wrong and says what to write.
    pub(super) fn read(args: WatchArgs, environment: &Environment) -> Result<Self> {
        let name = match environment.flag("--name", args.name)? {
            None => "eventbridge".to_owned(),
            Some((setting, name)) if name.trim().is_empty() => {
                let detail = "is empty; write the name of the org, or leave it out";
                return Err(Error::config(&setting, detail));
            }
            Some((_, name)) => name.trim().to_owned(),
        };
        Ok(Self {
            name,
            admin: args.admin.address(environment)?,
        })
    }
}

#[derive(Debug)]
pub(super) struct RouteSettings {
    pub(super) sink: CoralogixSink,
    /// The offset of Coralogix's clock, which the sink measures.
    pub(super) clock_offset: SharedClockOffset,
    pub(super) mapping: CoralogixMapping,
    pub(super) body_parser: BodyParser,
    pub(super) dead_letters: PathBuf,
    pub(super) faults: FaultTimeouts,
}

impl RouteSettings {
    /// # Errors
    /// `Config`, which names the setting that is missing or wrong and says what to write.
    pub(super) fn read(args: RouteArgs, environment: &Environment) -> Result<Self> {
        let (dead_letters, faults) = args.pipeline.settings(environment)?;
        let network = Network::read(args.network, environment)?;
        let bare = environment.switch("--bare-event", args.bare_event)?;
        let any_source = environment.switch("--any-source", args.any_source)?;
        let clock_offset = SharedClockOffset::unknown();
        let sink = coralogix::sink(environment, &network)?
            .clock_offset(clock_offset.clone(), Arc::new(SystemClock));
        let mapping = coralogix::mapping(environment, None)?.bare_event(bare);
        Ok(Self {
            sink: sink.build()?,
            clock_offset,
            mapping: mapping.build()?,
            body_parser: BodyParser::default().any_source(any_source),
            dead_letters,
            faults,
        })
    }
}
