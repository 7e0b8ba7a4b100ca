//! The credentials of a world. Each contains [`SECRET`], which must appear nowhere else.

/// The text that every credential contains.
pub(crate) const SECRET: &str = "s3cr3t";

/// The key of the Coralogix ingress.
pub(crate) fn ingress_key(version: u32) -> String {
    format!("{SECRET}-key-{version}")
}

/// The API token of the Okta org.
pub(crate) fn api_token(version: u32) -> String {
    format!("00{SECRET}-token-{version}")
}

/// The key that EventBridge sends.
pub(crate) fn push_key(version: u32) -> String {
    format!("{SECRET}-push-{version}")
}

/// A credential that is rotated, by its versions.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Rotation {
    /// The version that is in use outside the program.
    pub(crate) current: u32,
    /// The version that the operator has configured.
    pub(crate) configured: u32,
}
