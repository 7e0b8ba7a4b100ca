//! The settings that all programs of this route have.

use coralogix_sink::CoralogixSink;
use eventbridge_source::BodyParser;
use okta_coralogix_core::{CoralogixMapping, Result, Secret, SharedClockOffset};

use super::healing::{HealGroup, HealSettings};
use crate::audit::ContinuousGroup;
use crate::program::admin::AdminArgs;
use crate::program::check::{CHECK, CheckArgs};
use crate::program::coralogix;
use crate::program::entry_settings::{EntryArgs, EntrySettings};
use crate::program::listen::ListenAddress;
use crate::program::log::LogArgs;
use crate::program::network::NetworkArgs;
use crate::program::pipeline_settings::{FilterArgs, PipelineArgs, PipelineSettings};
use crate::program::settings::{About, Flags, Group, Setting, parse};
use crate::program::{Environment, Network, secrets};

/// The flags of every program of this route.
#[derive(Debug, clap::Args)]
pub(super) struct RouteArgs {
    #[command(flatten)]
    pipeline: PipelineArgs,
    #[command(flatten)]
    filter: FilterArgs,
    #[command(flatten)]
    entry: EntryArgs,
    #[command(flatten)]
    network: NetworkArgs,
    #[command(flatten)]
    pub(super) log: LogArgs,
    #[command(flatten)]
    envelope: Flags<EnvelopeGroup>,
    #[command(flatten)]
    check: CheckArgs,
}

/// Whether the envelope is left out.
pub static BARE_EVENT: Setting<bool> = Setting {
    about: About {
        flag: "--bare-event",
        default: "off",
        builder: "CoralogixMappingBuilder::bare_event",
        help: "Send the bare event instead of the whole envelope",
        reason: "the envelope has what AWS adds: account, region and time",
        ..About::NONE
    },
    parse: parse::switch,
};

/// Whether events of other sources are taken.
pub(super) static ANY_SOURCE: Setting<bool> = Setting {
    about: About {
        flag: "--any-source",
        default: "off",
        builder: "BodyParser::any_source",
        help: "Take events of every source, not only Okta's: for tests",
        reason: "what is not Okta's has another form",
        ..About::NONE
    },
    parse: parse::switch,
};

/// The flags of the envelope.
#[derive(Debug)]
pub struct EnvelopeGroup;

impl Group for EnvelopeGroup {
    const SETTINGS: &'static [&'static About] = &[&BARE_EVENT.about, &ANY_SOURCE.about];
}

/// What a pipeline is called.
pub(super) static NAME: Setting<String> = Setting {
    about: About {
        flag: "--name",
        value: "NAME",
        default: "eventbridge",
        elsewhere: &[("eventbridge_sqs", "sqs")],
        builder: "PipelineBuilder::name",
        help: "The name of the org in the log, dead letters, metrics and status",
        reason: "a program has one org, and cannot know its name before the first event",
        ..About::NONE
    },
    parse: |_, value| match value.trim() {
        "" => Err("is empty; write the name of the org, or leave it out".into()),
        name => Ok(name.to_owned()),
    },
};

/// The flag of the programs of this route that go on running.
#[derive(Debug)]
pub struct NameGroup;

impl Group for NameGroup {
    const SETTINGS: &'static [&'static About] = &[&NAME.about];
}

/// The flags of the programs of this route that go on running.
#[derive(Debug, clap::Args)]
pub(super) struct WatchArgs {
    #[command(flatten)]
    name: Flags<NameGroup>,
    #[command(flatten)]
    admin: AdminArgs,
    #[command(flatten)]
    pub(super) audit: Flags<ContinuousGroup>,
    #[command(flatten)]
    pub(super) heal: Flags<HealGroup>,
}

/// How a program is watched.
#[derive(Debug)]
pub(super) struct WatchSettings {
    /// What the pipeline is called.
    pub(super) name: String,
    pub(super) admin: Option<ListenAddress>,
    /// Set: what is not pushed is read from the System Log.
    pub(super) heal: Option<HealSettings>,
}

impl WatchSettings {
    /// The pipeline is called as is usual for `program` unless it was said otherwise.
    ///
    /// # Errors
    /// `Config`, which names the setting that is wrong and says what to write.
    pub(super) fn read(
        args: &WatchArgs,
        environment: &Environment,
        route: &RouteSettings,
        program: &str,
    ) -> Result<Self> {
        let name = NAME.given(&args.name.values(environment))?;
        Ok(Self {
            name: name.unwrap_or_else(|| NAME.default_in(program)),
            admin: args.admin.address(environment)?,
            heal: HealSettings::read(
                &args.heal,
                environment,
                &route.network,
                &route.pipeline,
                program,
                route.is_bare,
            )?,
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
    /// The way to Coralogix, to the queue, and to Okta.
    pub(super) network: Network,
    /// Entries have the bare event.
    pub(super) is_bare: bool,
    /// Check instead of run.
    pub(super) check: bool,
}

impl RouteArgs {
    /// True if the program only checks.
    ///
    /// # Errors
    /// `Config` if the value is wrong.
    pub(super) fn checks(&self, environment: &Environment) -> Result<bool> {
        CHECK.get(&self.check.values(environment))
    }

    /// The way to every remote.
    ///
    /// # Errors
    /// `Config` if a value is wrong.
    pub(super) fn network(&self, environment: &Environment) -> Result<Network> {
        Network::read(&self.network, environment)
    }
}

impl RouteSettings {
    /// # Errors
    /// `Config`, which names the setting that is missing or wrong and says what to write.
    pub(super) fn read(args: &RouteArgs, environment: &Environment) -> Result<Self> {
        let pipeline = args.pipeline.values(environment);
        let pipeline = PipelineSettings::read(&pipeline.flags(args.filter.given()))?;
        let entry = EntrySettings::read(&args.entry.values(environment))?;
        let network = Network::read(&args.network, environment)?;
        let envelope = args.envelope.values(environment);
        let bare = BARE_EVENT.get(&envelope)?;
        let any_source = ANY_SOURCE.get(&envelope)?;
        let clock_offset = SharedClockOffset::unknown();
        let sink = coralogix::sink(environment, &network, &entry, &clock_offset)?;
        let mapping = coralogix::mapping(environment, &entry, None)?.bare_event(bare);
        let sink = sink.build()?;
        let proxy = network.proxy_of(sink.endpoint().singles());
        Ok(Self {
            proxy: proxy.map(Into::into),
            network,
            sink,
            clock_offset,
            mapping: mapping.build()?,
            body_parser: BodyParser::default().any_source(any_source),
            pipeline,
            is_bare: bare,
            check: args.checks(environment)?,
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
