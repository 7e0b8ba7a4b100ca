//! Why an endpoint of AWS gave no response, in a sentence that says what to check.

use std::error::Error as StdError;
use std::io::{self, ErrorKind};

use okta_coralogix_core::text::sanitize;

use super::causes::find;

/// `host`: with its port.
pub(super) fn explain(causes: &[&(dyn StdError + 'static)], host: &str) -> String {
    let text = |part: &str| {
        let mut texts = causes.iter().map(ToString::to_string);
        texts.find(|text| text.contains(part))
    };
    if let Some(error) = find::<rustls::Error>(causes) {
        return explain_tls(error, host);
    }
    if text("dns error").is_some() {
        return format!(
            "the name {host} cannot be resolved; check the queue's URL, and the DNS servers of this machine"
        );
    }
    if text("timeout").or_else(|| text("timed out")).is_some() {
        return not_accepted(host);
    }
    match find::<io::Error>(causes).map(io::Error::kind) {
        Some(ErrorKind::ConnectionRefused) => format!(
            "{host} refuses connections; check host and port of the queue's URL (or AWS_ENDPOINT_URL)"
        ),
        Some(ErrorKind::TimedOut) => not_accepted(host),
        Some(ErrorKind::NetworkUnreachable | ErrorKind::HostUnreachable) => {
            format!("no network route leads to {host}; check the network of this machine")
        }
        Some(
            ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
            | ErrorKind::UnexpectedEof,
        ) => format!(
            "{host}, or something before it, closed the connection; if this lasts, check what lies on the way"
        ),
        _ => {
            let words = causes.last().map(ToString::to_string).unwrap_or_default();
            format!("{host}: {}", sanitize(&words))
        }
    }
}

fn not_accepted(host: &str) -> String {
    format!(
        "{host} did not complete a connection in time; check host and port, the routes and security groups of this network, \
         and that a VPC endpoint is there if there is no way to the internet"
    )
}

fn explain_tls(error: &rustls::Error, host: &str) -> String {
    use rustls::CertificateError::{
        BadSignature, Expired, ExpiredContext, NotValidForName, NotValidForNameContext,
        UnknownIssuer,
    };

    match error {
        // A signature is bad if a trusted authority has the same name and another key: that of before its renewal, for instance.
        rustls::Error::InvalidCertificate(UnknownIssuer | BadSignature) => format!(
            "the certificate of {host} is from an authority that is not trusted; set AWS_CA_BUNDLE to a PEM file with the certificate \
             of that authority"
        ),
        rustls::Error::InvalidCertificate(NotValidForName | NotValidForNameContext { .. }) => {
            format!("the certificate of {host} is for another name; check the queue's URL")
        }
        rustls::Error::InvalidCertificate(Expired | ExpiredContext { .. }) => format!(
            "the certificate of {host} has expired; check this machine's clock, and who renews the certificate"
        ),
        _ => format!(
            "no TLS connection to {host}: {}",
            sanitize(&error.to_string())
        ),
    }
}
