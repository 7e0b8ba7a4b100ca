//! The credentials of a world. Each contains [`SECRET`], which must appear nowhere else.

use tokio::time::Instant;

use crate::fault::Seam;

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
    /// When the operator has configured it; `None`: before the start.
    pub(crate) written: Option<Instant>,
}

impl Rotation {
    /// The operator configures what is in use.
    pub(crate) fn write(&mut self) {
        if self.configured != self.current {
            self.configured = self.current;
            self.written = Some(Instant::now());
        }
    }
}

/// What a request to Okta or the ingress is to be authorized with.
pub(crate) fn authorization(seam: Seam, version: u32) -> String {
    match seam {
        Seam::Okta => format!("SSWS {}", api_token(version)),
        _ => format!("Bearer {}", ingress_key(version)),
    }
}
