//! DPoP proofs, verified (RFC 9449 §4.3).

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use http::header::HeaderMap;

use super::jws::{Jws, hash, thumbprint};

/// How old a proof may be, and how far in the future, in seconds. Okta does not document its bounds.
const MAX_AGE_SECONDS: i64 = 300;
const MAX_LEAD_SECONDS: i64 = 60;

/// The claims that a proof must have.
#[derive(Debug)]
pub(super) struct Expected<'a> {
    pub(super) method: &'a str,
    /// Without query and fragment.
    pub(super) url: &'a str,
    pub(super) now: DateTime<Utc>,
    /// The access token that comes with it.
    pub(super) token: Option<&'a str>,
    /// The nonce that it must carry, if any must.
    pub(super) nonce: Option<&'a str>,
}

/// Why a proof is refused.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoProof {
    /// None came.
    Absent,
    /// The nonce is missing, or not the one.
    Nonce,
    Bad(&'static str),
}

/// The thumbprint of the key that made the proof.
pub(super) fn verify(
    headers: &HeaderMap,
    expected: &Expected<'_>,
    used: &mut HashSet<String>,
) -> Result<String, NoProof> {
    let mut lines = headers.get_all("dpop").iter();
    let proof = lines.next().ok_or(NoProof::Absent)?;
    if lines.next().is_some() {
        return Err(NoProof::Bad("there is more than one proof"));
    }
    let proof = proof.to_str().ok().and_then(Jws::read);
    let proof = proof.ok_or(NoProof::Bad("the proof is no JWT"))?;
    if proof.header["typ"] != "dpop+jwt" {
        return Err(NoProof::Bad("typ is not dpop+jwt"));
    }
    let jwk = &proof.header["jwk"];
    if ["d", "p", "q", "k"]
        .iter()
        .any(|name| !jwk[*name].is_null())
    {
        return Err(NoProof::Bad("jwk holds a private key"));
    }
    let key = thumbprint(jwk).ok_or(NoProof::Bad("jwk is no public key"))?;
    if !proof.is_signed_by(jwk) {
        return Err(NoProof::Bad("the signature is not that of jwk"));
    }
    let age = proof.claims["iat"]
        .as_i64()
        .map(|iat| expected.now.timestamp() - iat);
    let is_fresh = age.is_some_and(|age| (-MAX_LEAD_SECONDS..=MAX_AGE_SECONDS).contains(&age));
    let ath = expected.token.map(hash);
    for (is_right, why) in [
        (
            proof.claim("htm") == Some(expected.method),
            "htm is not the method",
        ),
        (
            proof.claim("htu") == Some(expected.url),
            "htu is not the URL",
        ),
        (is_fresh, "iat is too old or in the future"),
        (
            proof.claim("ath") == ath.as_deref(),
            "ath is not the hash of the token",
        ),
    ] {
        if !is_right {
            return Err(NoProof::Bad(why));
        }
    }
    if expected
        .nonce
        .is_some_and(|nonce| proof.claim("nonce") != Some(nonce))
    {
        return Err(NoProof::Nonce);
    }
    let jti = proof.claim("jti").filter(|jti| !jti.is_empty());
    let jti = jti.ok_or(NoProof::Bad("there is no jti"))?;
    if !used.insert(jti.to_owned()) {
        return Err(NoProof::Bad("jti has been used before"));
    }
    Ok(key)
}
