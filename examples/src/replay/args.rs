//! The args of `replay`.

use std::path::PathBuf;

use clap::Parser;

use crate::eventbridge::BARE_EVENT;
use crate::program::admin::AdminArgs;
use crate::program::check::CheckArgs;
use crate::program::entry_settings::EntryArgs;
use crate::program::log::LogArgs;
use crate::program::network::NetworkArgs;
use crate::program::pipeline::GIVE_UP_AFTER;
use crate::program::pipeline_settings::PipelineArgs;
use crate::program::settings::{About, Flags, Group, Setting, parse};
use crate::pull::{ONE_ORG, ORGS_FILE};

/// Sends dead letters once more, of a file or of the place that replicas share.
///
/// Dead letters that still cannot be sent are kept again, with the new reason. The program can be stopped at
/// any time and goes on from there when it is started again. Reads CORALOGIX_DOMAIN (or CORALOGIX_ENDPOINT), CORALOGIX_API_KEY, CORALOGIX_APPLICATION and
/// CORALOGIX_SUBSYSTEM from the environment. Every flag can be given as a variable too: `OKTA_CORALOGIX_<FLAG>`. Without any of
/// them it runs a demonstration against a simulator.
#[derive(Debug, Parser)]
#[command(name = "replay", version)]
pub struct ReplayArgs {
    #[command(flatten)]
    pub(super) pipeline: PipelineArgs,
    #[command(flatten)]
    pub(super) network: NetworkArgs,
    #[command(flatten)]
    pub(super) entry: EntryArgs,
    #[command(flatten)]
    pub(super) replay: Flags<ReplayGroup>,
    #[command(flatten)]
    pub(super) log: LogArgs,
    #[command(flatten)]
    pub(super) admin: AdminArgs,
    #[command(flatten)]
    pub(super) check: CheckArgs,
}

/// The file of the places.
pub(super) static CONFIG: Setting<PathBuf> = Setting {
    about: About {
        help: "Send each letter to the place of its integration in this TOML file, that of pull --config",
        reason: "without it all letters go to one place",
        ..ORGS_FILE
    },
    parse: parse::file,
};

/// Where replicas keep dead letters.
pub(super) static STATE: Setting<String> = Setting {
    about: About {
        flag: "--state",
        value: "ADDRESS",
        default: "none",
        example: "s3://bucket/folder",
        builder: "StoredLetterSource::open",
        help: "With --dead-letters state: the place that the replicas share, as they were given it; one replay at a time sends its letters",
        reason: "without it the letters are in a file",
        ..About::NONE
    },
    parse: parse::text,
};

/// How long a silent replay is waited for.
pub(super) static LEASE_TTL: About = About {
    flag: "--lease-ttl",
    value: "DURATION",
    default: "30s",
    builder: "SharedStore::ttl",
    help: "With --state: how long a replay that is silent is waited for, before another one begins; at least 10s. A request to the store may take \
           a sixth of it",
    reason: "three renewals, so that a store which is slow for a moment ends no replay",
    ..About::NONE
};

/// How often another replay is looked for.
pub(super) static LEASE_POLL: About = About {
    flag: "--lease-poll",
    value: "DURATION",
    default: "5s",
    builder: "SharedStore::poll",
    help: "With --state: how often a replay looks whether another one is running; at most half of --lease-ttl",
    reason: "each look is a request to the store",
    ..About::NONE
};

/// Whose letters are sent.
pub(super) static INTEGRATION: Setting<String> = Setting {
    about: About {
        builder: "DeadLetterSource::only",
        help: "Send only the letters of this integration; with --config also those that name none",
        reason: "all letters are to be sent",
        ..ONE_ORG
    },
    parse: parse::any,
};

/// The flags of `replay` alone.
#[derive(Debug)]
pub struct ReplayGroup;

impl Group for ReplayGroup {
    const SETTINGS: &'static [&'static About] = &[
        &CONFIG.about,
        &STATE.about,
        &LEASE_TTL,
        &LEASE_POLL,
        &INTEGRATION.about,
        &BARE_EVENT.about,
        &GIVE_UP_AFTER.about,
    ];
}
