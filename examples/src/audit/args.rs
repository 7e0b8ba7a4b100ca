//! The args of `audit`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use coralogix_sink::query::Tier;

use super::refill::RefillGroup;
use crate::program::check::CheckArgs;
use crate::program::entry_settings::EntryArgs;
use crate::program::log::LogArgs;
use crate::program::network::NetworkArgs;
use crate::program::pipeline_settings::{FilterArgs, PipelineArgs};
use crate::program::settings::{About, Flags, Group, Setting, parse};
use crate::pull::config::{FILTER, Q, RATE_SHARE};
use crate::pull::{ONE_ORG, ORGS_FILE};

/// Compares the System Log of an Okta org with what Coralogix stores, event by event, and names what is missing.
///
/// Ends with 0 if every event is stored once, with 3 if there are differences, and with 5 if that could not be verified. Reads OKTA_ORG_URL,
/// OKTA_API_TOKEN (or OKTA_API_CLIENT_ID with OKTA_API_PRIVATE_KEY), CORALOGIX_DOMAIN (or CORALOGIX_QUERY_ENDPOINT),
/// CORALOGIX_QUERY_KEY, CORALOGIX_APPLICATION and CORALOGIX_SUBSYSTEM from the environment. Every flag can be given as a variable too:
/// `OKTA_CORALOGIX_<FLAG>`. With --config it reads them from the file. Without any of them it runs a demonstration against simulators.
#[derive(Debug, Parser)]
#[command(name = "audit", version)]
pub struct AuditArgs {
    #[command(flatten)]
    pub(super) audit: Flags<AuditGroup>,
    #[command(flatten)]
    pub(super) okta: Flags<OktaGroup>,
    #[command(flatten)]
    pub(super) filter: FilterArgs,
    #[command(flatten)]
    pub(super) refill: Flags<RefillGroup>,
    #[command(flatten)]
    pub(super) pipeline: PipelineArgs,
    #[command(flatten)]
    pub(super) entry: EntryArgs,
    #[command(flatten)]
    pub(super) network: NetworkArgs,
    #[command(flatten)]
    pub(super) log: LogArgs,
    #[command(flatten)]
    pub(super) check: CheckArgs,
}

/// Where the audit begins.
pub(super) static FROM: Setting<String> = Setting {
    about: About {
        flag: "--from",
        value: "TIME|DURATION",
        default: "required",
        example: "2026-11-22T00:00:00Z",
        builder: "Audit::new",
        help: "Audit what was published from this time on: an RFC 3339 time, or how long ago",
        reason: "an audit is about a time in question",
        ..About::NONE
    },
    parse: parse::any,
};

/// Where the audit ends.
pub(super) static TO: Setting<String> = Setting {
    about: About {
        flag: "--to",
        value: "TIME|DURATION",
        default: "required",
        example: "2026-11-29T00:00:00Z",
        builder: "Audit::new",
        help: "Audit what was published before this time, which is at least --visibility-delay ago",
        reason: "as above",
        ..About::NONE
    },
    parse: parse::any,
};

/// How the report is written.
pub(super) static JSON: Setting<bool> = Setting {
    about: About {
        flag: "--json",
        default: "off",
        example: "true",
        help: "Write the report to stdout as one JSON object, with every event, in place of a table",
        reason: "people read it first",
        ..About::NONE
    },
    parse: parse::switch,
};

/// The storage that is audited.
pub(super) static TIER: Setting<Tier> = Setting {
    about: About {
        flag: "--tier",
        value: "archive|frequent-search",
        default: "archive",
        builder: "QueryClientBuilder::tier",
        help: "Which storage of Coralogix is asked: archive, or frequent-search, which lacks logs of medium and low priority",
        reason: "the archive has the logs of all priorities",
        ..About::NONE
    },
    parse: |_, value| tier(value),
};

pub(super) fn tier(value: &str) -> Result<Tier, String> {
    match value {
        "archive" => Ok(Tier::Archive),
        "frequent-search" => Ok(Tier::FrequentSearch),
        _ => Err(format!("is {value:?}; write archive or frequent-search")),
    }
}

/// Where the uuid is in a stored log.
pub(super) static UUID_PATH: Setting<String> = Setting {
    about: About {
        flag: "--uuid-path",
        value: "PATH",
        default: "$d.uuid",
        builder: "QueryClientBuilder::uuid_path",
        help: "Where the uuid is in a stored log; $d.detail.uuid for EventBridge envelopes that are stored as they came",
        reason: "an event is stored as Okta has it",
        ..About::NONE
    },
    parse: parse::text,
};

/// How long a log may take until it is found.
pub(super) static VISIBILITY_DELAY: Setting<Duration> = Setting {
    about: About {
        flag: "--visibility-delay",
        value: "DURATION",
        default: "30m",
        builder: "Audit::visibility_delay",
        help: "How long a log may take until a query finds it; --to is at least so long ago",
        reason: "Coralogix documents no time",
        ..About::NONE
    },
    parse: parse::duration,
};

/// Queries a minute.
pub(super) static QUERIES_PER_MINUTE: Setting<u32> = Setting {
    about: About {
        flag: "--queries-per-minute",
        value: "NUMBER",
        default: "20",
        builder: "QueryClientBuilder::queries_per_minute",
        help: "Queries of Coralogix a minute, at most",
        reason: "Coralogix documents 30 for a team, of which 10 are left to people",
        ..About::NONE
    },
    parse: parse::number,
};

/// Events that are looked up.
pub(super) static MAX_LOOKUPS: Setting<usize> = Setting {
    about: About {
        flag: "--max-lookups",
        value: "EVENTS",
        default: "100000",
        builder: "Audit::max_lookups",
        help: "Events that were not found and are looked up by themselves, at most; what is beyond is unverifiable",
        reason: "2 queries for 199 events: 50 minutes at 20 queries a minute",
        ..About::NONE
    },
    parse: parse::number,
};

/// The file of many orgs.
pub(super) static CONFIG: Setting<PathBuf> = Setting {
    about: About {
        help: "Audit the integrations of this TOML file, that of pull --config, one after the other",
        ..ORGS_FILE
    },
    parse: parse::file,
};

/// The one of its orgs that is audited.
pub(super) static INTEGRATION: Setting<String> = Setting {
    about: About {
        help: "With --config: audit only this integration",
        reason: "all are to be complete",
        ..ONE_ORG
    },
    parse: parse::any,
};

/// The flags of `audit` alone.
#[derive(Debug)]
pub struct AuditGroup;

impl Group for AuditGroup {
    const SETTINGS: &'static [&'static About] = &[
        &CONFIG.about,
        &INTEGRATION.about,
        &FROM.about,
        &TO.about,
        &JSON.about,
        &TIER.about,
        &UUID_PATH.about,
        &VISIBILITY_DELAY.about,
        &QUERIES_PER_MINUTE.about,
        &MAX_LOOKUPS.about,
    ];
}

/// The flags of `pull` that say what an org gives.
#[derive(Debug)]
pub struct OktaGroup;

impl Group for OktaGroup {
    const SETTINGS: &'static [&'static About] = &[&FILTER.about, &Q.about, &RATE_SHARE.about];
}
