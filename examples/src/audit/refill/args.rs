//! The flags of a refill.

use std::path::PathBuf;

use crate::program::settings::{About, Group, Setting, parse};

/// Whether missing events are sent.
pub(in super::super) static REFILL: Setting<bool> = Setting {
    about: About {
        flag: "--refill",
        default: "off",
        example: "true",
        help: "Send what is missing, each event once by the ledger",
        reason: "an audit changes nothing",
        ..About::NONE
    },
    parse: parse::switch,
};

/// The file of what was sent.
pub(in super::super) static LEDGER: Setting<PathBuf> = Setting {
    about: About {
        flag: "--refill-ledger",
        value: "FILE",
        default: "okta-coralogix.refills.ndjson",
        help: "The file of the events that were refilled: keep it, none of them is sent again",
        reason: "no event is sent twice, also where nothing was set",
        ..About::NONE
    },
    parse: parse::file,
};

/// Whether more than the bound is sent.
pub(in super::super) static FORCE: Setting<bool> = Setting {
    about: About {
        flag: "--force",
        default: "off",
        example: "true",
        help: "With --refill: send also more than 500 events and more than a thousandth of the range",
        reason: "so much is missing seldom, and more often seems to be",
        ..About::NONE
    },
    parse: parse::switch,
};

/// The flags of a refill.
#[derive(Debug)]
pub struct RefillGroup;

impl Group for RefillGroup {
    const SETTINGS: &'static [&'static About] = &[&REFILL.about, &LEDGER.about, &FORCE.about];
}
