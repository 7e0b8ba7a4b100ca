//! What `eventbridge_http` is asked to do, from flags and variables.

use eventbridge_source::http::{HttpSource, HttpSourceBuilder};
use okta_coralogix_core::{Error, Result, Secret};

use super::Flags;
use crate::coralogix;
use crate::eventbridge::Shared;
use crate::program::Environment;
use crate::program::args::Args;

const LISTEN: &str = "LISTEN";
const DEFAULT_LISTEN: &str = "127.0.0.1:8080";
const API_KEY: &str = "EVENTBRIDGE_API_KEY";
const PREVIOUS_API_KEY: &str = "EVENTBRIDGE_API_KEY_PREVIOUS";
const BASIC: &str = "EVENTBRIDGE_BASIC";
const BEARER_TOKEN: &str = "EVENTBRIDGE_BEARER_TOKEN";

/// What the user wants.
#[derive(Debug)]
pub enum Wanted {
    /// Nothing was set.
    Demonstration,
    /// Something was set.
    Real(Box<Settings>),
}

/// The settings of a real run.
#[derive(Debug)]
pub struct Settings {
    /// Where to listen: an address and a port.
    pub listen: String,
    /// The endpoint.
    pub source: HttpSourceBuilder,
    /// What all programs of the route have.
    pub shared: Shared,
}

impl Wanted {
    /// Reads what was set. Any variable or argument at all means a real run.
    ///
    /// # Errors
    /// `Config`, which names what is missing or wrong and says what to write.
    pub fn read(flags: Flags, any_argument: bool, environment: &Environment) -> Result<Self> {
        let mut variables = [LISTEN, API_KEY, PREVIOUS_API_KEY, BASIC, BEARER_TOKEN]
            .into_iter()
            .chain(coralogix::VARIABLES)
            .chain(Shared::VARIABLES)
            .chain(Flags::VARIABLES);
        if !any_argument && !variables.any(|name| environment.has(name)) {
            return Ok(Self::Demonstration);
        }
        Settings::read(flags, environment).map(|settings| Self::Real(Box::new(settings)))
    }
}

impl Settings {
    fn read(flags: Flags, environment: &Environment) -> Result<Self> {
        let given = Args { environment };
        let mut source = credentials(HttpSource::builder(), environment)?;
        let shared = Shared::read(flags.shared, environment)?;
        if let Some((_, path)) = given.value("PATH", "--path", flags.path)? {
            source = source.path(path);
        }
        let header = given.value("API_KEY_HEADER", "--api-key-header", flags.api_key_header)?;
        if let Some((_, header)) = header {
            source = source.api_key_header(header);
        }
        let names = given.switch("NAMES_FROM_HEADERS", flags.names_from_headers)?;
        Ok(Self {
            listen: environment
                .get(LISTEN)?
                .unwrap_or_else(|| DEFAULT_LISTEN.into()),
            source: source
                .names_from_headers(names)
                .intake(shared.intake.clone())
                .clock_offset(shared.clock_offset.clone()),
            shared,
        })
    }
}

/// One of them at least is required.
fn credentials(
    mut source: HttpSourceBuilder,
    environment: &Environment,
) -> Result<HttpSourceBuilder> {
    let secret = |name: &str| -> Result<Option<Secret>> {
        match environment.get(name)? {
            Some(value) if value.trim().is_empty() => {
                Err(Error::config(name, "is empty; set it, or unset it"))
            }
            value => Ok(value.map(|value| value.trim().into())),
        }
    };
    let keys = [secret(API_KEY)?, secret(PREVIOUS_API_KEY)?];
    let (basic, token) = (secret(BASIC)?, secret(BEARER_TOKEN)?);
    if keys[0].is_none() && basic.is_none() && token.is_none() {
        let detail = "is not set; set it to the API key of the connection in EventBridge";
        return Err(Error::config(API_KEY, detail));
    }
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
