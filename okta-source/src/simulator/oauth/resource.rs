//! Checks the access token of a request for the System Log.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::header::{AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{Response, StatusCode};

use super::AuthorizationServer;
use super::endpoint::put_nonce;
use super::proof::{self, Expected, NoProof};
use crate::simulator::answer::{base, error, text};

/// The scope that reads the log.
const SCOPE: &str = "okta.logs.read";

/// The answer to a refused request.
type Refusal = Box<Response<Bytes>>;

const ALGORITHMS: &str = "RS256 RS384 RS512 ES256 ES384 ES512";

impl AuthorizationServer {
    /// Looks at `Authorization: Bearer …` and `Authorization: DPoP …`. `None`: there is neither.
    pub(in crate::simulator) fn admit(
        &mut self,
        request: &Parts,
        now: DateTime<Utc>,
    ) -> Option<Result<(), Refusal>> {
        let (scheme, token) = text(&request.headers, &AUTHORIZATION)?.split_once(' ')?;
        match scheme {
            "Bearer" | "DPoP" => Some(self.opens(request, scheme, token, now)),
            _ => None,
        }
    }

    fn opens(
        &mut self,
        request: &Parts,
        scheme: &str,
        token: &str,
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        let nonce = self.nonce("resource");
        let Some(issued) = self.tokens.get(token).filter(|issued| now < issued.expires) else {
            return Err(refused(scheme, "invalid_token", "The token is not active."));
        };
        let invalid = |why| Err(refused("DPoP", "invalid_token", why));
        match (&issued.key, scheme) {
            (None, "Bearer") => {}
            (None, _) => return invalid("The token is bound to no key."),
            (Some(_), "Bearer") => {
                return invalid("The token is bound to a key and came without a proof.");
            }
            (Some(key), _) => {
                let url = format!("{}{}", base(request), request.uri.path());
                let expected = Expected {
                    method: request.method.as_str(),
                    url: &url,
                    now,
                    token: Some(token),
                    nonce: self.settings.nonce_for_resources.then_some(nonce.as_str()),
                };
                let bad = |why| Err(refused("DPoP", "invalid_dpop_proof", why));
                match proof::verify(&request.headers, &expected, &mut self.proofs) {
                    Ok(shown) if shown == *key => {}
                    Ok(_) => return invalid("The proof is of another key."),
                    Err(NoProof::Absent) => return bad("There is no proof."),
                    Err(NoProof::Bad(why)) => return bad(why),
                    Err(NoProof::Nonce) => {
                        let why = "Resource server requires nonce in DPoP proof.";
                        let mut response = refused("DPoP", "use_dpop_nonce", why);
                        put_nonce(&mut response, &nonce);
                        return Err(response);
                    }
                }
            }
        }
        if !issued.app.has_role {
            let summary = "You do not have permission to perform the requested action";
            return Err(Box::new(error(StatusCode::FORBIDDEN, "E0000006", summary)));
        }
        if !issued.app.scopes.iter().any(|scope| scope == SCOPE) {
            let why = "The access token provided does not contain the required scopes.";
            let mut response = refused(scheme, "insufficient_scope", why);
            *response.status_mut() = StatusCode::FORBIDDEN;
            return Err(response);
        }
        Ok(())
    }

    /// Adds the next nonce to the answer of a request that has a proof.
    pub(in crate::simulator) fn announce(&self, request: &Parts, response: &mut Response<Bytes>) {
        if self.settings.nonce_for_resources && request.headers.contains_key("dpop") {
            put_nonce(response, &self.nonce("resource"));
        }
    }
}

/// 401, with the reason in `WWW-Authenticate`.
fn refused(scheme: &str, code: &str, why: &str) -> Refusal {
    let mut response = error(
        StatusCode::UNAUTHORIZED,
        "E0000011",
        "Invalid token provided",
    );
    let algorithms = match scheme {
        "DPoP" => format!(" algs=\"{ALGORITHMS}\","),
        _ => String::new(),
    };
    let challenge = format!("{scheme}{algorithms} error=\"{code}\", error_description=\"{why}\"");
    if let Ok(value) = HeaderValue::from_str(&challenge) {
        response.headers_mut().insert(WWW_AUTHENTICATE, value);
    }
    Box::new(response)
}
