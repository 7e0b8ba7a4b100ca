//! `POST /oauth2/v1/token`.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::request::Parts;
use http::{Method, Response, StatusCode};
use serde_json::json;

use super::app::{OAuthApp, Shows};
use super::assertion;
use super::authorization_server::{AuthorizationServer, Issued};
use super::jws::Jws;
use super::proof::{self, Expected, NoProof};
use crate::simulator::answer::{base, json_answer, text};
use crate::simulator::rate_limit::Rate;

pub(in crate::simulator) const TOKEN_PATH: &str = "/oauth2/v1/token";

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A status, an OAuth error code and its description.
type Refused = (StatusCode, &'static str, &'static str);

impl AuthorizationServer {
    /// Counts a token request against the limit of token requests.
    pub(in crate::simulator) fn take(&mut self, now: DateTime<Utc>) -> (bool, Rate) {
        self.rate_limit.take(now, 0)
    }

    /// The answer to a token request that is within the limit.
    pub(in crate::simulator) fn token(
        &mut self,
        request: &Parts,
        body: &[u8],
        now: DateTime<Utc>,
    ) -> Response<Bytes> {
        let mut response = match self.grant(request, body, now) {
            Ok(token) => json_answer(StatusCode::OK, &token),
            Err((status, error, description)) => json_answer(
                status,
                &json!({ "error": error, "error_description": description }),
            ),
        };
        if request.headers.contains_key("dpop") && self.settings.nonce_for_tokens {
            put_nonce(&mut response, &self.nonce("token"));
        }
        response
    }

    fn grant(
        &mut self,
        request: &Parts,
        body: &[u8],
        now: DateTime<Utc>,
    ) -> Result<serde_json::Value, Refused> {
        if request.method != Method::POST {
            return Err((
                StatusCode::METHOD_NOT_ALLOWED,
                "invalid_request",
                "only POST is taken",
            ));
        }
        let form = text(&request.headers, &CONTENT_TYPE)
            .is_some_and(|sent| sent.starts_with("application/x-www-form-urlencoded"));
        if !form {
            return Err((
                StatusCode::BAD_REQUEST,
                "invalid_request",
                "no form was sent",
            ));
        }
        let form: HashMap<_, _> = url::form_urlencoded::parse(body).into_owned().collect();
        let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
        if field("grant_type") != "client_credentials" {
            let why = "the simulator gives tokens for client_credentials only";
            return Err((StatusCode::BAD_REQUEST, "unsupported_grant_type", why));
        }
        let url = format!("{}{TOKEN_PATH}", base(request));
        let app = self.who(request, &form, &url, now)?;
        let nonce = self.settings.nonce_for_tokens.then(|| self.nonce("token"));
        let expected = Expected {
            method: "POST",
            url: &url,
            now,
            token: None,
            nonce: nonce.as_deref(),
        };
        let key = match proof::verify(&request.headers, &expected, &mut self.proofs) {
            Ok(key) => Some(key),
            Err(NoProof::Absent) if !app.demands_dpop => None,
            Err(NoProof::Absent) => {
                let why = "The DPoP proof JWT header is missing.";
                return Err((StatusCode::BAD_REQUEST, "invalid_dpop_proof", why));
            }
            Err(NoProof::Nonce) => {
                let why = "Authorization server requires nonce in DPoP proof.";
                return Err((StatusCode::BAD_REQUEST, "use_dpop_nonce", why));
            }
            Err(NoProof::Bad(why)) => {
                return Err((StatusCode::BAD_REQUEST, "invalid_dpop_proof", why));
            }
        };
        // An app that demands no DPoP gets a plain token, whatever it sends.
        let key = key.filter(|_| app.demands_dpop);
        let scopes: Vec<_> = field("scope")
            .split(' ')
            .filter(|scope| !scope.is_empty())
            .collect();
        let granted = |scope: &&str| app.scopes.iter().any(|granted| granted == scope);
        if scopes.is_empty() || !scopes.iter().all(granted) {
            let why = "One or more scopes are not granted to the app.";
            return Err((StatusCode::BAD_REQUEST, "invalid_scope", why));
        }
        let life = self.settings.token_life;
        let token = format!(
            "eyJsimulated.{}.{}",
            self.tokens.len() + 1,
            super::jws::hash(&url)
        );
        let token_type = if key.is_some() { "DPoP" } else { "Bearer" };
        let answer = json!({
            "token_type": token_type,
            "expires_in": life.as_secs(),
            "access_token": token,
            "scope": scopes.join(" "),
        });
        let mut app = app;
        app.scopes = scopes.into_iter().map(str::to_owned).collect();
        let expires = now + TimeDelta::from_std(life).unwrap_or(TimeDelta::MAX);
        self.tokens.insert(token, Issued { app, key, expires });
        Ok(answer)
    }

    /// The app of the request, if it authenticates.
    fn who(
        &mut self,
        request: &Parts,
        form: &HashMap<String, String>,
        url: &str,
        now: DateTime<Utc>,
    ) -> Result<OAuthApp, Refused> {
        let refused = |why| (StatusCode::UNAUTHORIZED, "invalid_client", why);
        let find = |id: &str| self.settings.apps.iter().find(|app| app.client_id == id);
        if let Some(sent) = form.get("client_assertion") {
            if form.get("client_assertion_type").map(String::as_str) != Some(ASSERTION_TYPE) {
                return Err(refused("The client_assertion_type is invalid."));
            }
            let sent = Jws::read(sent)
                .ok_or_else(|| refused("The parsing of the client_assertion failed."))?;
            let app = assertion::claimed(&sent).and_then(find).cloned();
            let unknown = || refused("Invalid value for 'client_id' parameter.");
            let app = app.ok_or_else(unknown)?;
            let Shows::Keys(keys) = &app.shows else {
                return Err(refused("The client does not authenticate with a key."));
            };
            assertion::verify(&sent, keys, url, now, &mut self.assertions).map_err(refused)?;
            return Ok(app);
        }
        let wrong = || refused("The client secret supplied for a confidential client is invalid.");
        let sent = text(&request.headers, &AUTHORIZATION)
            .and_then(|value| value.strip_prefix("Basic "))
            .and_then(|value| STANDARD.decode(value).ok())
            .and_then(|both| String::from_utf8(both).ok());
        let (id, sent) = sent
            .as_deref()
            .and_then(|both| both.split_once(':'))
            .ok_or_else(wrong)?;
        let app = find(id).ok_or_else(wrong)?;
        match &app.shows {
            Shows::Secret(secret) if secret.expose() == sent => Ok(app.clone()),
            _ => Err(wrong()),
        }
    }
}

pub(super) fn put_nonce(response: &mut Response<Bytes>, nonce: &str) {
    // Our own nonces always fit.
    if let Ok(nonce) = HeaderValue::from_str(nonce) {
        response.headers_mut().insert("dpop-nonce", nonce);
    }
}
