//! The flags of `pull`.

use clap::Parser;

/// Pulls the System Log of an Okta org into Coralogix.
///
/// Reads OKTA_ORG_URL, OKTA_API_TOKEN (or OKTA_API_CLIENT_ID with OKTA_API_PRIVATE_KEY), CORALOGIX_DOMAIN (or
/// CORALOGIX_ENDPOINT), CORALOGIX_API_KEY, CORALOGIX_APPLICATION and CORALOGIX_SUBSYSTEM from the environment. Every flag can be given as a variable too: `OKTA_CORALOGIX_<FLAG>`. Without any of
/// them it demonstrates itself on stand-ins.
#[derive(Debug, Clone, Default, Parser)]
#[command(name = "pull", version)]
pub struct Flags {
    /// Many orgs in one process: a TOML file of integrations
    #[arg(long, value_name = "FILE")]
    pub config: Option<String>,
    /// Where to begin when there is no checkpoint yet: an RFC 3339 time, or how long ago (90m, 24h) [default: 24h]
    #[arg(long, value_name = "TIME|DURATION")]
    pub since: Option<String>,
    /// How often to ask for new events [default: 30s]
    #[arg(long, value_name = "DURATION")]
    pub poll_interval: Option<String>,
    /// Where the position is kept [default: okta-coralogix.checkpoint]
    #[arg(long, value_name = "FILE")]
    pub checkpoint: Option<String>,
    /// Where events are kept that cannot be delivered [default: okta-coralogix.dead-letters.ndjson]
    #[arg(long, value_name = "FILE")]
    pub dead_letters: Option<String>,
    /// Stop when caught up
    #[arg(long)]
    pub once: bool,
    /// With --once: give up after this long without progress [default: 10m]
    #[arg(long, value_name = "DURATION")]
    pub give_up_after: Option<String>,
    /// Write entries to stdout as NDJSON instead of sending them; no file is touched
    #[arg(long)]
    pub dry_run: bool,
    /// Test both ends' credentials and reachability, and send nothing
    #[arg(long)]
    pub check: bool,
}

impl Flags {
    /// The environment twins of the flags.
    pub const VARIABLES: [&str; 9] = [
        "OKTA_CORALOGIX_CONFIG",
        "OKTA_CORALOGIX_SINCE",
        "OKTA_CORALOGIX_POLL_INTERVAL",
        "OKTA_CORALOGIX_CHECKPOINT",
        "OKTA_CORALOGIX_DEAD_LETTERS",
        "OKTA_CORALOGIX_ONCE",
        "OKTA_CORALOGIX_GIVE_UP_AFTER",
        "OKTA_CORALOGIX_DRY_RUN",
        "OKTA_CORALOGIX_CHECK",
    ];
}
