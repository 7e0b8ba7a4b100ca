//! The three authorization types of a connection.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue};

type Token = dyn Fn() -> String + Send + Sync;

/// The credential that a connection adds to each request.
#[derive(Clone)]
pub struct Authorization(Kind);

#[derive(Clone)]
enum Kind {
    Fixed(HeaderName, HeaderValue),
    Bearer(Arc<Token>),
}

impl Authorization {
    /// `API_KEY`: a header of any name.
    ///
    /// # Panics
    /// If the name or value is not valid in a header.
    #[must_use]
    pub fn api_key(header: &str, value: &str) -> Self {
        let header = header.parse().expect("the name of a header");
        let value = value.parse().expect("the value of a header");
        Self(Kind::Fixed(header, value))
    }

    /// `BASIC`.
    #[must_use]
    pub fn basic(user: &str, password: &str) -> Self {
        let pair = STANDARD.encode(format!("{user}:{password}"));
        let value = HeaderValue::try_from(format!("Basic {pair}"));
        Self(Kind::Fixed(
            AUTHORIZATION,
            value.expect("base64 is valid in a header"),
        ))
    }

    /// `OAUTH_CLIENT_CREDENTIALS`: a token, asked for again at each attempt, as it is refreshed when it is refused.
    #[must_use]
    pub fn bearer(token: impl Fn() -> String + Send + Sync + 'static) -> Self {
        Self(Kind::Bearer(Arc::new(token)))
    }

    pub(super) fn header(&self) -> (HeaderName, HeaderValue) {
        match &self.0 {
            Kind::Fixed(name, value) => (name.clone(), value.clone()),
            Kind::Bearer(token) => {
                let value = HeaderValue::try_from(format!("Bearer {}", token()));
                (
                    AUTHORIZATION,
                    value.unwrap_or_else(|_| HeaderValue::from_static("Bearer")),
                )
            }
        }
    }
}

impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authorization(***)")
    }
}
