//! Keys as JWK (RFC 7517, RFC 7518 §6).

use aws_lc_rs::rsa::{KeyPairComponents, PublicKeyComponents};
use aws_lc_rs::signature::{EcdsaKeyPair, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use okta_coralogix_core::Secret;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::pem::rejected;
use super::{PrivateKey, PrivateKeyError, SigningAlgorithm};

/// The members that are read. All numbers are kept as secrets, the public ones too.
#[derive(Deserialize)]
struct Jwk {
    kty: Option<String>,
    crv: Option<String>,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    used_for: Option<String>,
    keys: Option<serde::de::IgnoredAny>,
    d: Option<Secret>,
    n: Option<Secret>,
    e: Option<Secret>,
    p: Option<Secret>,
    q: Option<Secret>,
    dp: Option<Secret>,
    dq: Option<Secret>,
    qi: Option<Secret>,
    x: Option<Secret>,
    y: Option<Secret>,
}

pub(super) fn read(text: &str) -> Result<PrivateKey, PrivateKeyError> {
    // The reason is not shown: it may repeat a part of the key.
    let jwk: Jwk = serde_json::from_str(text).map_err(|_| PrivateKeyError::Damaged)?;
    if jwk.keys.is_some() {
        return Err(PrivateKeyError::Set);
    }
    let kty = jwk.kty.as_deref().ok_or(PrivateKeyError::Damaged)?;
    if !matches!(kty, "RSA" | "EC") {
        return Err(PrivateKeyError::Unsupported);
    }
    if jwk.d.is_none() {
        return Err(PrivateKeyError::Public);
    }
    if jwk.used_for.as_deref() == Some("enc") {
        return Err(PrivateKeyError::NotForSigning);
    }
    let mut key = if kty == "RSA" { rsa(&jwk)? } else { ec(&jwk)? };
    key.id = jwk.kid.filter(|kid| !kid.is_empty());
    match jwk.alg {
        None => Ok(key),
        Some(name) => {
            let algorithm = SigningAlgorithm::named(&name).ok_or(PrivateKeyError::Algorithm)?;
            key.with_algorithm(algorithm)
        }
    }
}

fn rsa(jwk: &Jwk) -> Result<PrivateKey, PrivateKeyError> {
    let factor = |member: &Option<Secret>| match member {
        None => Err(PrivateKeyError::NoFactors),
        Some(_) => decoded(member),
    };
    let components = KeyPairComponents {
        public_key: PublicKeyComponents {
            n: decoded(&jwk.n)?,
            e: decoded(&jwk.e)?,
        },
        d: decoded(&jwk.d)?,
        p: factor(&jwk.p)?,
        q: factor(&jwk.q)?,
        dP: factor(&jwk.dp)?,
        dQ: factor(&jwk.dq)?,
        qInv: factor(&jwk.qi)?,
    };
    RsaKeyPair::from_components(&components)
        .map(PrivateKey::of_rsa)
        .map_err(rejected)
}

fn ec(jwk: &Jwk) -> Result<PrivateKey, PrivateKeyError> {
    let (algorithm, length) = match jwk.crv.as_deref() {
        Some("P-256") => (SigningAlgorithm::Es256, 32),
        Some("P-384") => (SigningAlgorithm::Es384, 48),
        Some("P-521") => (SigningAlgorithm::Es512, 66),
        Some(_) => return Err(PrivateKeyError::Unsupported),
        None => return Err(PrivateKeyError::Damaged),
    };
    let curve = algorithm.curve().ok_or(PrivateKeyError::Unsupported)?;
    let number = |member: &Option<Secret>| padded(&decoded(member)?, length);
    let mut point = vec![4];
    point.extend_from_slice(&number(&jwk.x)?);
    point.extend_from_slice(&number(&jwk.y)?);
    EcdsaKeyPair::from_private_key_and_public_key(curve, &number(&jwk.d)?, &point)
        .map(|pair| PrivateKey::of_curve(pair, algorithm))
        .map_err(|_| PrivateKeyError::Damaged)
}

type Bytes = Zeroizing<Vec<u8>>;

fn decoded(member: &Option<Secret>) -> Result<Bytes, PrivateKeyError> {
    let text = member.as_ref().ok_or(PrivateKeyError::Damaged)?.expose();
    URL_SAFE_NO_PAD
        .decode(text.trim_end_matches('='))
        .map(Zeroizing::new)
        .map_err(|_| PrivateKeyError::Damaged)
}

/// With leading zeros, which some libraries omit.
fn padded(number: &[u8], length: usize) -> Result<Bytes, PrivateKeyError> {
    let zeros = length
        .checked_sub(number.len())
        .ok_or(PrivateKeyError::Damaged)?;
    let mut padded = Zeroizing::new(vec![0; length]);
    padded[zeros..].copy_from_slice(number);
    Ok(padded)
}
