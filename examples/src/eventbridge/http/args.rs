//! The args of `eventbridge_http`.

use clap::Parser;

use crate::eventbridge::settings::{RouteArgs, WatchArgs};
use crate::program::settings::{About, Flags, Group, Setting, parse};

/// Receives the System Log of an Okta org from an EventBridge API destination and sends it to Coralogix.
///
/// Reads LISTEN (127.0.0.1:8080), EVENTBRIDGE_API_KEY, EVENTBRIDGE_API_KEY_PREVIOUS, EVENTBRIDGE_BASIC, EVENTBRIDGE_BEARER_TOKEN,
/// CORALOGIX_DOMAIN (or CORALOGIX_ENDPOINT), CORALOGIX_API_KEY, CORALOGIX_APPLICATION and CORALOGIX_SUBSYSTEM from the
/// environment, and with --heal-after OKTA_ORG_URL and a credential of Okta. Every flag can be given as a variable too:
/// `OKTA_CORALOGIX_<FLAG>`. Without any of them it runs a demonstration against simulators.
#[derive(Debug, Parser)]
#[command(name = "eventbridge_http", version)]
pub struct HttpArgs {
    #[command(flatten)]
    pub(super) route: RouteArgs,
    #[command(flatten)]
    pub(super) watch: WatchArgs,
    #[command(flatten)]
    pub(super) endpoint: Flags<EndpointGroup>,
}

/// The path of the endpoint.
pub(super) static PATH: Setting<String> = Setting {
    about: About {
        flag: "--path",
        value: "PATH",
        default: "/aws/event-bridge",
        builder: "HttpSourceBuilder::path",
        help: "The path that EventBridge posts events to",
        reason: "that of Coralogix's own integrations",
        ..About::NONE
    },
    parse: parse::text,
};

/// The header of the API key.
pub(super) static API_KEY_HEADER: Setting<String> = Setting {
    about: About {
        flag: "--api-key-header",
        value: "NAME",
        default: "x-amz-event-bridge-access-key",
        builder: "HttpSourceBuilder::api_key_header",
        help: "The header of the API key",
        reason: "that of Coralogix's own integrations",
        ..About::NONE
    },
    parse: parse::text,
};

/// Whether requests may name application and subsystem.
pub(super) static NAMES_FROM_HEADERS: Setting<bool> = Setting {
    about: About {
        flag: "--names-from-headers",
        default: "off",
        builder: "HttpSourceBuilder::names_from_headers",
        help: "Let requests name application and subsystem by the headers cx-application-name and cx-subsystem-name",
        reason: "anyone with the key could write to other names",
        ..About::NONE
    },
    parse: parse::switch,
};

/// The longest request.
pub(super) static MAX_BODY_BYTES: Setting<usize> = Setting {
    about: About {
        flag: "--max-body-bytes",
        value: "BYTES",
        default: "2MiB",
        builder: "HttpSourceBuilder::max_body_bytes",
        help: "The longest request that is read; a longer one is answered 413",
        reason: "twice what EventBridge sends at most, with room for its retries in memory",
        ..About::NONE
    },
    parse: |about, value| parse::bytes_within(about, value, 256 << 10..=64 << 20),
};

/// The flags of the endpoint.
#[derive(Debug)]
pub struct EndpointGroup;

impl Group for EndpointGroup {
    const SETTINGS: &'static [&'static About] = &[
        &PATH.about,
        &API_KEY_HEADER.about,
        &NAMES_FROM_HEADERS.about,
        &MAX_BODY_BYTES.about,
    ];
}
