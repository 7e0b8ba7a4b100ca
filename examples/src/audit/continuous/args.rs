//! The flags of the audit that goes on beside the delivery.

use std::time::Duration;

use coralogix_sink::query::Tier;

use crate::program::settings::{About, Group, Setting, parse};

/// From round to round.
pub(super) static EVERY: Setting<Option<Duration>> = Setting {
    about: About {
        flag: "--audit-every",
        key: "audit_every",
        value: "DURATION|off",
        default: "off",
        example: "1h",
        help: "Audit the org again and again beside the delivery, this long after the round before: docs/audit.md, \"Continuous\". It needs \
               CORALOGIX_QUERY_KEY, and beside EventBridge the settings of Okta; off: never",
        reason: "it needs a key that can query",
        ..About::NONE
    },
    parse: parse::duration_or_off,
};

/// How long ago the audited time ends.
pub(super) static DELAY: Setting<Duration> = Setting {
    about: About {
        flag: "--audit-delay",
        key: "audit_delay",
        value: "DURATION",
        default: "2h",
        help: "With --audit-every: audit what was published, and with pull also delivered, at least this long ago",
        reason: "an event that Okta stores late is read an hour later at most (--reread-every), and a log may take half an hour until a query finds it",
        ..About::NONE
    },
    parse: parse::duration,
};

/// The storage that is audited.
pub(super) static TIER: Setting<Tier> = Setting {
    about: About {
        flag: "--audit-tier",
        key: "audit_tier",
        value: "archive|frequent-search",
        default: "archive",
        builder: "QueryClientBuilder::tier",
        help: "With --audit-every: which storage of Coralogix is asked: archive, or frequent-search, which lacks logs of medium and low priority",
        reason: "the archive has the logs of all priorities",
        ..About::NONE
    },
    parse: |_, value| super::super::args::tier(value),
};

/// Whether missing events are sent.
pub(super) static REFILL: Setting<bool> = Setting {
    about: About {
        flag: "--audit-refill",
        key: "audit_refill",
        default: "off",
        example: "true",
        help: "With --audit-every: send what a round and a second look hours later find missing, each event once by the ledger, once it is measured \
               that logs are found within half of --audit-delay",
        reason: "an audit changes nothing",
        ..About::NONE
    },
    parse: parse::switch,
};

/// The flags of the audit that goes on.
#[derive(Debug)]
pub struct ContinuousGroup;

impl Group for ContinuousGroup {
    const SETTINGS: &'static [&'static About] =
        &[&EVERY.about, &DELAY.about, &TIER.about, &REFILL.about];
}
