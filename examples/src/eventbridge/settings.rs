//! The settings that all programs of this route have.

use std::sync::Arc;

use coralogix_sink::CoralogixSink;
use eventbridge_source::BodyParser;
use okta_coralogix_core::{
    CoralogixMapping, Error, Result, Secret, SharedClockOffset, SystemClock,
};

use crate::program::admin::{AdminAddress, AdminArgs};
use crate::program::coralogix;
use crate::program::log::LogArgs;
use crate::program::network::NetworkArgs;
use crate::program::pipeline::{PipelineArgs, PipelineSettings};
use crate::program::{Environment, Network, secrets};

/// The flags of every program of this route.
#[derive(Debug, clap::Args)]
pub(super) struct RouteArgs {
    #[command(flatten)]
    pipeline: PipelineArgs,
    #[command(flatten)]
    network: NetworkArgs,
    #[command(flatten)]
    pub(super) log: LogArgs,
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
    /// The name of the org in the log, dead letters, metrics and status [default: eventbridge; eventbridge_sqs: sqs]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    admin: AdminArgs,
}

/// How a program is watched.
#[derive(Debug)]
pub(super) struct WatchSettings {
    /// What the pipeline is called.
    pub(super) name: String,
    pub(super) admin: Option<AdminAddress>,
}

impl WatchSettings {
    /// The pipeline is called `default` unless it was said otherwise.
    ///
    /// # Errors
    /// `Config`, which names the setting that is wrong and says what to write.
    pub(super) fn read(args: WatchArgs, environment: &Environment, default: &str) -> Result<Self> {
        let name = match environment.flag("--name", args.name)? {
            None => default.to_owned(),
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
    pub(super) pipeline: PipelineSettings,
    /// The proxy on the way to Coralogix.
    pub(super) proxy: Option<String>,
}

impl RouteSettings {
    /// # Errors
    /// `Config`, which names the setting that is missing or wrong and says what to write.
    pub(super) fn read(args: RouteArgs, environment: &Environment) -> Result<Self> {
        let pipeline = args.pipeline.settings(environment)?;
        let network = Network::read(args.network, environment)?;
        let bare = environment.switch("--bare-event", args.bare_event)?;
        let any_source = environment.switch("--any-source", args.any_source)?;
        let clock_offset = SharedClockOffset::unknown();
        let sink = coralogix::sink(environment, &network)?
            .clock_offset(clock_offset.clone(), Arc::new(SystemClock));
        let mapping = coralogix::mapping(environment, None)?.bare_event(bare);
        let sink = sink.build()?;
        let proxy = network.proxy_of(sink.endpoint().singles());
        Ok(Self {
            proxy: proxy.map(Into::into),
            sink,
            clock_offset,
            mapping: mapping.build()?,
            body_parser: BodyParser::default().any_source(any_source),
            pipeline,
        })
    }
}

/// The key of the connection in EventBridge, and the one before it, during a rotation.
pub(super) const API_KEY: &str = "EVENTBRIDGE_API_KEY";
pub(super) const PREVIOUS_API_KEY: &str = "EVENTBRIDGE_API_KEY_PREVIOUS";

/// The variables of the API keys.
pub(super) const API_KEYS: [&str; 4] = [
    API_KEY,
    "EVENTBRIDGE_API_KEY_FILE",
    PREVIOUS_API_KEY,
    "EVENTBRIDGE_API_KEY_PREVIOUS_FILE",
];

/// The API keys that are set, the present one first.
///
/// # Errors
/// As [`secret`].
pub(super) fn api_keys(environment: &Environment) -> Result<[Option<Secret>; 2]> {
    Ok([
        secret(environment, API_KEY)?,
        secret(environment, PREVIOUS_API_KEY)?,
    ])
}

/// A secret, if it or its file is set. The customer has chosen it, so that it is not judged.
///
/// # Errors
/// `Config` if it is empty or cannot be read, or if both are set.
pub(super) fn secret(environment: &Environment, name: &str) -> Result<Option<Secret>> {
    let found = secrets::read(environment, name)?;
    Ok(found.map(|(_, secret)| secret))
}
