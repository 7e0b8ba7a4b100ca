//! Keys as PEM.

use aws_lc_rs::error::KeyRejected;
use aws_lc_rs::signature::{EcdsaKeyPair, RsaKeyPair};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
use zeroize::Zeroizing;

use super::{PrivateKey, PrivateKeyError, SigningAlgorithm};

const CURVES: [SigningAlgorithm; 3] = [
    SigningAlgorithm::Es256,
    SigningAlgorithm::Es384,
    SigningAlgorithm::Es512,
];

pub(super) fn read(text: &str) -> Result<PrivateKey, PrivateKeyError> {
    // A variable often holds its line breaks as two characters, which PEM itself never has.
    let text = Zeroizing::new(text.replace("\\r", "").replace("\\n", "\n"));
    what_else(&text)?;
    if is_flattened(&text) {
        return Err(PrivateKeyError::Flattened);
    }
    // The library wants each marker at the start of its line.
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    let text = Zeroizing::new(lines.join("\n"));
    match PrivateKeyDer::from_pem_slice(text.as_bytes()) {
        Ok(PrivateKeyDer::Pkcs1(der)) => RsaKeyPair::from_der(der.secret_pkcs1_der())
            .map(PrivateKey::of_rsa)
            .map_err(rejected),
        Ok(PrivateKeyDer::Sec1(der)) => on_a_curve(|algorithm| {
            EcdsaKeyPair::from_private_key_der(algorithm.curve()?, der.secret_sec1_der()).ok()
        })
        .ok_or(PrivateKeyError::Unsupported),
        Ok(PrivateKeyDer::Pkcs8(der)) => pkcs8(der.secret_pkcs8_der()),
        Ok(_) => Err(PrivateKeyError::Unsupported),
        Err(_) => Err(PrivateKeyError::Damaged),
    }
}

/// Refuses PEM that holds something other than a plain private key, by the names in it.
fn what_else(text: &str) -> Result<(), PrivateKeyError> {
    let has = |name: &str| text.contains(&format!("-----BEGIN {name}-----"));
    if has("ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED") {
        return Err(PrivateKeyError::Encrypted);
    }
    if has("OPENSSH PRIVATE KEY") {
        return Err(PrivateKeyError::OpenSsh);
    }
    if has("PRIVATE KEY") || has("RSA PRIVATE KEY") || has("EC PRIVATE KEY") {
        return Ok(());
    }
    if has("PUBLIC KEY") || has("RSA PUBLIC KEY") || has("CERTIFICATE") {
        return Err(PrivateKeyError::Public);
    }
    Err(if text.contains("-----BEGIN ") {
        PrivateKeyError::Unsupported
    } else {
        PrivateKeyError::Unknown
    })
}

/// True if something follows the first marker on its line: as a shell leaves a text that it was given without quotes.
fn is_flattened(text: &str) -> bool {
    let after_marker = |line: &str| {
        let (_, name) = line.split_once("-----BEGIN ")?;
        let (_, rest) = name.split_once("-----")?;
        Some(!rest.trim().is_empty())
    };
    text.lines().find_map(after_marker).unwrap_or(false)
}

/// PKCS#8 names the kind of the key inside; the library tells it only by accepting the key.
fn pkcs8(der: &[u8]) -> Result<PrivateKey, PrivateKeyError> {
    let rsa = match RsaKeyPair::from_pkcs8(der) {
        Ok(pair) => return Ok(PrivateKey::of_rsa(pair)),
        Err(error) => rejected(error),
    };
    if rsa == PrivateKeyError::TooShort {
        return Err(rsa);
    }
    on_a_curve(|algorithm| EcdsaKeyPair::from_pkcs8(algorithm.curve()?, der).ok())
        .ok_or(PrivateKeyError::Unsupported)
}

fn on_a_curve(read: impl Fn(SigningAlgorithm) -> Option<EcdsaKeyPair>) -> Option<PrivateKey> {
    CURVES
        .into_iter()
        .find_map(|algorithm| read(algorithm).map(|pair| PrivateKey::of_curve(pair, algorithm)))
}

pub(super) fn rejected(error: KeyRejected) -> PrivateKeyError {
    // The library has no other way to tell the reasons apart.
    match error.to_string().as_str() {
        "TooSmall" => PrivateKeyError::TooShort,
        _ => PrivateKeyError::Damaged,
    }
}
