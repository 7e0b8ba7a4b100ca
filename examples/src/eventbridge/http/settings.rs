//! The settings of `eventbridge_http`, from args and environment.

use eventbridge_source::http::{HttpSource, HttpSourceBuilder};
use okta_coralogix_core::{Error, Result};

use super::HttpArgs;
use super::args::{API_KEY_HEADER, MAX_BODY_BYTES, NAMES_FROM_HEADERS, PATH};
use crate::eventbridge::audit::ReceiverAudit;
use crate::eventbridge::healing::{HealSettings, check_beside_audit};
use crate::eventbridge::settings::{API_KEYS, RouteSettings, WatchSettings, api_keys, secret};
use crate::program::listen::ListenAddress;
use crate::program::missing::Missing;
use crate::program::settings::WrittenNames;
use crate::program::{Environment, coralogix};

const LISTEN: &str = "LISTEN";
const DEFAULT_LISTEN: &str = "127.0.0.1:8080";
const DEFAULT_PORT: u16 = 8080;
const BASIC: &str = "EVENTBRIDGE_BASIC";
const BEARER_TOKEN: &str = "EVENTBRIDGE_BEARER_TOKEN";

/// The variables beside those of the API keys.
pub(super) const VARIABLES: [&str; 5] = [
    LISTEN,
    BASIC,
    "EVENTBRIDGE_BASIC_FILE",
    BEARER_TOKEN,
    "EVENTBRIDGE_BEARER_TOKEN_FILE",
];

/// The settings of a run.
#[derive(Debug)]
pub struct Settings {
    /// An address and a port.
    pub(super) listen: ListenAddress,
    pub(super) source: HttpSourceBuilder,
    /// What the user wrote, for errors of the builder.
    pub(super) names: WrittenNames,
    pub(super) route: RouteSettings,
    pub(super) watch: WatchSettings,
    /// Set: the org is audited beside the delivery.
    pub(super) audit: Option<ReceiverAudit>,
}

impl Settings {
    pub(super) fn read(args: &HttpArgs, environment: &Environment) -> Result<Self> {
        let mut missing = Missing::default();
        let [key, key_file, ..] = API_KEYS;
        let [_, basic, basic_file, token, token_file] = VARIABLES;
        let any = [key, key_file, basic, basic_file, token, token_file];
        missing.require(
            environment,
            &any,
            "the API key of the connection in EventBridge",
        );
        coralogix::require(&mut missing, environment);
        ReceiverAudit::require(&args.watch.audit, &mut missing, environment, false)?;
        HealSettings::require(&args.watch.heal, &mut missing, environment)?;
        missing.check()?;
        let mut source = credentials(HttpSource::builder(), environment)?;
        let route = RouteSettings::read(&args.route, environment)?;
        let endpoint = args.endpoint.values(environment);
        if let Some(path) = PATH.given(&endpoint)? {
            source = source.path(path);
        }
        if let Some(header) = API_KEY_HEADER.given(&endpoint)? {
            source = source.api_key_header(header);
        }
        if let Some(bytes) = MAX_BODY_BYTES.given(&endpoint)? {
            source = source.max_body_bytes(bytes);
        }
        let names = NAMES_FROM_HEADERS.get(&endpoint)?;
        let listen = environment.get(LISTEN)?;
        let listen = listen.as_deref().map_or(DEFAULT_LISTEN, str::trim);
        let listen = ListenAddress::parse(LISTEN, listen, DEFAULT_PORT)?;
        let watch = WatchSettings::read(&args.watch, environment, &route, "eventbridge_http")?;
        if let Some(admin) = &watch.admin {
            admin.check_apart(&listen)?;
        }
        let audit =
            ReceiverAudit::read((&args.watch.audit, &args.route), environment, &route, false)?;
        check_beside_audit(watch.heal.as_ref(), audit.is_some())?;
        Ok(Self {
            audit,
            listen,
            names: WrittenNames::of(&endpoint, &[&PATH.about, &API_KEY_HEADER.about])?,
            source: source
                .names_from_headers(names)
                .body_parser(route.body_parser.clone())
                .clock_offset(route.clock_offset.clone()),
            watch,
            route,
        })
    }
}

/// At least one is set.
fn credentials(
    mut source: HttpSourceBuilder,
    environment: &Environment,
) -> Result<HttpSourceBuilder> {
    let keys = api_keys(environment)?;
    let (basic, token) = (
        secret(environment, BASIC)?,
        secret(environment, BEARER_TOKEN)?,
    );
    for key in keys.into_iter().flatten() {
        source = source.api_key(key);
    }
    if let Some(pair) = basic {
        let (user, password) = pair
            .expose()
            .split_once(':')
            .ok_or_else(|| Error::config(BASIC, "has no colon; write user:password"))?;
        source = source.basic(user, password);
    }
    if let Some(token) = token {
        source = source.bearer_token(token);
    }
    Ok(source)
}
