//! The args of `pull`.

use std::path::PathBuf;

use clap::Parser;

use super::config::SourceGroup;
use super::position::PositionCommand;
use super::replicas::ReplicaGroup;
use crate::audit::ContinuousGroup;
use crate::program::admin::AdminArgs;
use crate::program::check::CheckArgs;
use crate::program::entry_settings::EntryArgs;
use crate::program::log::LogArgs;
use crate::program::network::NetworkArgs;
use crate::program::pipeline::OnceArgs;
use crate::program::pipeline_settings::{FilterArgs, PipelineArgs};
use crate::program::settings::{About, Flags, Group, Setting, parse};

/// Pulls the System Log of an Okta org into Coralogix.
///
/// Reads OKTA_ORG_URL, OKTA_API_TOKEN (or OKTA_API_CLIENT_ID with OKTA_API_PRIVATE_KEY), CORALOGIX_DOMAIN (or
/// CORALOGIX_ENDPOINT), CORALOGIX_API_KEY, CORALOGIX_APPLICATION and CORALOGIX_SUBSYSTEM from the environment. Every flag
/// can be given as a variable too: `OKTA_CORALOGIX_<FLAG>`. --audit-every also needs CORALOGIX_QUERY_KEY. Without any of them it runs a demonstration against simulators.
#[derive(Debug, Parser)]
#[command(name = "pull", version, args_conflicts_with_subcommands = true)]
pub struct PullArgs {
    #[command(subcommand)]
    pub(super) command: Option<PullCommand>,
    #[command(flatten)]
    pub(super) mode: Flags<ModeGroup>,
    #[command(flatten)]
    pub(super) source: Flags<SourceGroup>,
    #[command(flatten)]
    pub(super) replicas: Flags<ReplicaGroup>,
    #[command(flatten)]
    pub(super) range: Flags<RangeGroup>,
    #[command(flatten)]
    pub(super) pipeline: PipelineArgs,
    #[command(flatten)]
    pub(super) filter: FilterArgs,
    #[command(flatten)]
    pub(super) entry: EntryArgs,
    #[command(flatten)]
    pub(super) audit: Flags<ContinuousGroup>,
    #[command(flatten)]
    pub(super) once: OnceArgs,
    #[command(flatten)]
    pub(super) network: NetworkArgs,
    #[command(flatten)]
    pub(super) log: LogArgs,
    #[command(flatten)]
    pub(super) admin: AdminArgs,
    #[command(flatten)]
    pub(super) check: CheckArgs,
}

/// What `pull` does beside pulling.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum PullCommand {
    /// Shows the saved position of an org, or moves it, while no program uses it
    #[command(subcommand)]
    Position(PositionCommand),
}

/// What each program says alike of the file of many orgs.
pub(crate) const ORGS_FILE: About = About {
    flag: "--config",
    value: "FILE",
    default: "off",
    example: "orgs.toml",
    reason: "one org needs no file",
    ..About::NONE
};

/// And of one of its orgs.
pub(crate) const ONE_ORG: About = About {
    flag: "--integration",
    value: "NAME",
    default: "all",
    example: "acme",
    ..About::NONE
};

/// The file of many orgs.
pub static CONFIG: Setting<PathBuf> = Setting {
    about: About {
        is_global: true,
        help: "Many orgs in one process: a TOML file of integrations",
        ..ORGS_FILE
    },
    parse: parse::file,
};

/// One of the orgs of the file.
pub(super) static INTEGRATION: Setting<String> = Setting {
    about: About {
        is_global: true,
        help: "With --config: the integration for position, and for --from and --to",
        reason: "a run has all integrations",
        ..ONE_ORG
    },
    parse: parse::any,
};

/// Where a range begins.
pub(super) static FROM: Setting<String> = Setting {
    about: About {
        flag: "--from",
        value: "TIME|DURATION",
        default: "none",
        example: "2026-11-22T10:00:00Z",
        builder: "OktaSourceBuilder::open_backfill",
        help: "Read what was published from this time, up to --to, and end: an RFC 3339 time, or how long ago. The range has a checkpoint of \
               its own",
        reason: "polling has no range",
        ..About::NONE
    },
    parse: parse::any,
};

/// Where a range ends.
pub(super) static TO: Setting<String> = Setting {
    about: About {
        flag: "--to",
        value: "TIME|DURATION",
        default: "none",
        example: "2026-11-22T11:00:00Z",
        builder: "OktaSourceBuilder::open_backfill",
        help: "Where the range of --from ends",
        reason: "polling has no range",
        ..About::NONE
    },
    parse: parse::any,
};

/// The flags of a range.
#[derive(Debug)]
pub struct RangeGroup;

impl Group for RangeGroup {
    const SETTINGS: &'static [&'static About] = &[&FROM.about, &TO.about];
}

/// Whether entries are written instead of sent.
pub static DRY_RUN: Setting<bool> = Setting {
    about: About {
        flag: "--dry-run",
        default: "off",
        builder: "NdjsonSink::stdout",
        help: "Write entries to stdout as NDJSON instead of sending them, and what they are a day, by event type, to stderr; no file is touched",
        reason: "entries are to arrive",
        ..About::NONE
    },
    parse: parse::switch,
};

/// The page of a dry run.
pub(super) static HTML: Setting<PathBuf> = Setting {
    about: About {
        flag: "--html",
        value: "FILE",
        default: "none",
        example: "okta.html",
        help: "With --dry-run: a page about what would reach Coralogix, in this file, for a browser",
        reason: "the page has personal data",
        ..About::NONE
    },
    parse: parse::file,
};

/// The flags of `pull` that say what it does.
#[derive(Debug)]
pub struct ModeGroup;

impl Group for ModeGroup {
    const SETTINGS: &'static [&'static About] = &[
        &CONFIG.about,
        &INTEGRATION.about,
        &DRY_RUN.about,
        &HTML.about,
    ];
}
