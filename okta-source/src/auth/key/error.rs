//! Errors of a private key.

use thiserror::Error;

/// The text is no private key. Each message is one sentence that names the error and the text to write instead. None repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PrivateKeyError {
    /// Empty.
    #[error("is empty; write the private key of the app, as PEM or as a JWK")]
    Empty,
    /// No PEM and no JWK.
    #[error("is neither PEM (-----BEGIN PRIVATE KEY-----) nor a JWK; write the whole private key")]
    Unknown,
    /// The public half, or a certificate.
    #[error("is a public key or a certificate; write the private key that belongs to it")]
    Public,
    /// Protected by a password.
    #[error(
        "is protected by a password; write it without one (openssl pkcs8 -topk8 -nocrypt -in FILE)"
    )]
    Encrypted,
    /// OpenSSH's own form.
    #[error(
        "is in OpenSSH's form; convert it to PEM (ssh-keygen -p -m PKCS8 -f FILE) or create a key in the Admin Console"
    )]
    OpenSsh,
    /// A line is missing, or the base64 or the key in it is invalid.
    #[error("is damaged; copy the whole private key again, from its first line to its last")]
    Damaged,
    /// All on one line.
    #[error(
        "has lost its line breaks: they are gone or have become spaces; write them as \\n, or write the path of the key's file"
    )]
    Flattened,
    /// Begins with a byte order mark.
    #[error(
        "begins with a byte order mark, as some editors put it before a text; save the file as UTF-8 without it"
    )]
    ByteOrderMark,
    /// Ed25519, DSA, another curve, a symmetric key.
    #[error(
        "is of a kind that Okta does not take; use an RSA key, or an EC key on P-256, P-384 or P-521"
    )]
    Unsupported,
    /// RSA with less than 2048 bits.
    #[error("is an RSA key with less than 2048 bits; create one with 2048 bits or more")]
    TooShort,
    /// A set of keys.
    #[error("is a set of keys; write the one private key alone")]
    Set,
    /// An RSA JWK without its factors.
    #[error(
        "is a JWK without the members p, q, dp, dq and qi; export the whole key, or write it as PEM"
    )]
    NoFactors,
    /// A key that is not for signing.
    #[error("is a JWK for encryption (\"use\":\"enc\"); write the key that signs")]
    NotForSigning,
    /// An algorithm that does not go with the key.
    #[error(
        "does not go with its algorithm; RSA keys sign with RS256, RS384 or RS512, P-256 with ES256, P-384 with ES384, P-521 with ES512"
    )]
    Algorithm,
}

impl From<PrivateKeyError> for okta_coralogix_core::Error {
    fn from(error: PrivateKeyError) -> Self {
        Self::config("private_key", error).with_source(error)
    }
}
