//! A request goes to its own host, and holds a secret only where that host expects it.

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::request::Parts;

use crate::env::Env;
use crate::fakes::credentials::SECRET;
use crate::fault::Seam;

/// Checks a request to Okta or to the ingress.
pub(crate) fn check_request(env: &Env, seam: Seam, head: &Parts, body: &Bytes) {
    let (host, scheme) = match seam {
        Seam::Okta => ("example.okta.com", "SSWS 00s3cr3t-token-"),
        _ => ("ingress.eu2.coralogix.com", "Bearer s3cr3t-key-"),
    };
    if head.uri.host() != Some(host) {
        env.violation(format!("a request for {host} goes to {}", head.uri));
    }
    for (name, value) in &head.headers {
        let value = value.as_bytes();
        let expected = name == AUTHORIZATION && value.starts_with(scheme.as_bytes());
        if contains_secret(value) && !expected {
            env.violation(format!("the header {name} to {host} contains a secret"));
        }
    }
    if contains_secret(head.uri.to_string().as_bytes()) || contains_secret(body) {
        env.violation(format!("a request to {host} contains a secret"));
    }
}

pub(crate) fn contains_secret(bytes: &[u8]) -> bool {
    String::from_utf8_lossy(bytes).contains(SECRET)
}
