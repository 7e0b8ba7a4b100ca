//! Client assertions (`private_key_jwt`), verified as strictly as an org may.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::jws::Jws;

/// The longest life of an assertion, in seconds.
const MAX_LIFE_SECONDS: i64 = 3600;

/// The client id that the assertion claims, not verified yet.
pub(super) fn claimed(assertion: &Jws) -> Option<&str> {
    assertion.claim("iss")
}

/// Verifies an assertion of the app with these keys. The words of the refusals about kid, signature and audience are Okta's own, as
/// public reports quote them; the other ones are not known.
pub(super) fn verify(
    assertion: &Jws,
    keys: &[Value],
    url: &str,
    now: DateTime<Utc>,
    used: &mut HashSet<String>,
) -> Result<(), &'static str> {
    let key = match assertion.header.get("kid") {
        Some(kid) => keys.iter().find(|key| key["kid"] == *kid),
        None => keys.first().filter(|_| keys.len() == 1),
    };
    let key = key.ok_or("The client_assertion JWT kid is invalid.")?;
    let now = now.timestamp();
    // Integers: a quoted number is refused.
    let exp = assertion.claims["exp"].as_i64();
    let iat = assertion.claims["iat"].as_i64();
    for (is_wrong, why) in [
        (
            !assertion.is_signed_by(key),
            "The client_assertion signature is invalid.",
        ),
        (
            assertion.claim("sub") != assertion.claim("iss"),
            "The client_assertion's subject is not its issuer.",
        ),
        (
            assertion.claim("aud") != Some(url),
            "The audience claim for client_assertion must be the endpoint invoked for the request.",
        ),
        (exp.is_none(), "The client_assertion has no expiration."),
        (exp <= Some(now), "The client_assertion is expired."),
        (
            exp > Some(now + MAX_LIFE_SECONDS),
            "The client_assertion's expiration is too far in the future.",
        ),
        (
            iat > Some(now),
            "The client_assertion was issued in the future.",
        ),
    ] {
        if is_wrong {
            return Err(why);
        }
    }
    match assertion.claim("jti") {
        Some(jti) if !used.insert(jti.to_owned()) => {
            Err("The client_assertion has been used before.")
        }
        _ => Ok(()),
    }
}
