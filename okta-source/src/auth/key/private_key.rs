//! A private key, and the algorithms that it signs with.

use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING,
    ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm, KeyPair as _,
    RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RsaKeyPair,
};
use okta_coralogix_core::{Error, ErrorKind, Result, Secret};

use super::{PrivateKeyError, jwk, pem};

/// How a client assertion is signed. (Okta developer docs, "Build a JWT for client authentication", 2026.)
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SigningAlgorithm {
    /// RSA, PKCS#1 v1.5, SHA-256. The default of an RSA key.
    Rs256,
    /// RSA, PKCS#1 v1.5, SHA-384.
    Rs384,
    /// RSA, PKCS#1 v1.5, SHA-512.
    Rs512,
    /// ECDSA on P-256, SHA-256.
    Es256,
    /// ECDSA on P-384, SHA-384.
    Es384,
    /// ECDSA on P-521, SHA-512.
    Es512,
}

impl SigningAlgorithm {
    const ALL: [Self; 6] = [
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Es256,
        Self::Es384,
        Self::Es512,
    ];

    /// Its name in a JWT, such as `RS256`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
        }
    }

    /// The algorithm of this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name)
    }

    /// The curve, if it is one of ECDSA.
    pub(super) fn curve(self) -> Option<&'static EcdsaSigningAlgorithm> {
        match self {
            Self::Rs256 | Self::Rs384 | Self::Rs512 => None,
            Self::Es256 => Some(&ECDSA_P256_SHA256_FIXED_SIGNING),
            Self::Es384 => Some(&ECDSA_P384_SHA384_FIXED_SIGNING),
            Self::Es512 => Some(&ECDSA_P521_SHA512_FIXED_SIGNING),
        }
    }
}

/// A private key that can sign.
///
/// ```no_run
/// use okta_source::PrivateKey;
///
/// let text = std::fs::read_to_string("okta.pem")?;
/// let key = PrivateKey::parse(&text.into())?;
/// println!("signs with {}", key.algorithm().name());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct PrivateKey {
    pair: Pair,
    algorithm: SigningAlgorithm,
    pub(super) id: Option<String>,
}

enum Pair {
    Rsa(Box<RsaKeyPair>),
    Ec(Box<EcdsaKeyPair>),
}

impl PrivateKey {
    /// Reads a key: PEM in PKCS#8, PKCS#1 (`BEGIN RSA PRIVATE KEY`) or SEC1 (`BEGIN EC PRIVATE KEY`), or a JWK. RSA keys have
    /// 2048 bits at least, EC keys lie on P-256, P-384 or P-521. Line breaks may be written as `\n`, as in variables.
    ///
    /// # Errors
    /// [`PrivateKeyError`] names the error. It repeats nothing of the text.
    pub fn parse(text: &Secret) -> Result<Self, PrivateKeyError> {
        let text = text.expose().trim();
        if text.is_empty() {
            return Err(PrivateKeyError::Empty);
        }
        if text.starts_with('\u{feff}') {
            return Err(PrivateKeyError::ByteOrderMark);
        }
        if text.starts_with('{') {
            return jwk::read(text);
        }
        pem::read(text)
    }

    /// A new key on P-256, which is never stored.
    pub(crate) fn generate() -> Result<Self> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
            .map_err(|_| Error::new(ErrorKind::Config, "no key for DPoP can be generated"))?;
        Ok(Self::of_curve(pair, SigningAlgorithm::Es256))
    }

    /// Signs with another algorithm: an RSA key with RS384 or RS512, say.
    ///
    /// # Errors
    /// If the key is of the other kind, or on another curve.
    pub fn with_algorithm(mut self, algorithm: SigningAlgorithm) -> Result<Self, PrivateKeyError> {
        let fits = match self.pair {
            Pair::Rsa(_) => algorithm.curve().is_none(),
            Pair::Ec(_) => algorithm == self.algorithm,
        };
        if !fits {
            return Err(PrivateKeyError::Algorithm);
        }
        self.algorithm = algorithm;
        Ok(self)
    }

    /// The algorithm that it signs with.
    #[must_use]
    pub fn algorithm(&self) -> SigningAlgorithm {
        self.algorithm
    }

    /// Its `kid`, if it was a JWK that has one.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    pub(super) fn of_rsa(pair: RsaKeyPair) -> Self {
        Self::new(Pair::Rsa(Box::new(pair)), SigningAlgorithm::Rs256)
    }

    pub(super) fn of_curve(pair: EcdsaKeyPair, algorithm: SigningAlgorithm) -> Self {
        Self::new(Pair::Ec(Box::new(pair)), algorithm)
    }

    fn new(pair: Pair, algorithm: SigningAlgorithm) -> Self {
        Self {
            pair,
            algorithm,
            id: None,
        }
    }

    /// The point of an EC key, uncompressed: 4, x, y. `None` for an RSA key.
    pub(crate) fn point(&self) -> Option<&[u8]> {
        matches!(self.pair, Pair::Ec(_)).then(|| self.public_key())
    }

    fn public_key(&self) -> &[u8] {
        match &self.pair {
            Pair::Rsa(pair) => pair.public_key().as_ref(),
            Pair::Ec(pair) => pair.public_key().as_ref(),
        }
    }

    /// The signature of `message`, as a JWS has it.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>> {
        let rng = SystemRandom::new();
        let signed = match &self.pair {
            Pair::Ec(pair) => pair
                .sign(&rng, message)
                .map(|signature| signature.as_ref().to_vec()),
            Pair::Rsa(pair) => {
                let padding = match self.algorithm {
                    SigningAlgorithm::Rs384 => &RSA_PKCS1_SHA384,
                    SigningAlgorithm::Rs512 => &RSA_PKCS1_SHA512,
                    _ => &RSA_PKCS1_SHA256,
                };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(padding, &rng, message, &mut signature)
                    .map(|()| signature)
            }
        };
        signed.map_err(|_| Error::new(ErrorKind::Config, "the private key does not sign"))
    }
}

/// Told by the public halves: a key that is only written in another form is the same.
impl PartialEq for PrivateKey {
    fn eq(&self, other: &Self) -> bool {
        let signature = |key: &Self| (key.algorithm, key.id.clone());
        self.public_key() == other.public_key() && signature(self) == signature(other)
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey")
            .field("algorithm", &self.algorithm)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}
