//! What an error of TLS means, in a sentence that names the cause and what to do.

use std::fmt::Debug;

use chrono::{DateTime, SecondsFormat};
use rustls::pki_types::UnixTime;
use rustls::{CertificateError, Error};

use super::explain::Route;
use crate::text::sanitize;

/// Names of a certificate that a message repeats.
const MAX_NAMES: usize = 5;

pub(super) fn explain(error: &Error, route: &Route<'_>) -> String {
    let server = route.server();
    match error {
        Error::InvalidCertificate(error) => explain_certificate(error, route),
        Error::InvalidMessage(_) => format!(
            "{server} does not answer with TLS, as a port for plain HTTP does; check the port, and that the address should begin with \
             `https://`"
        ),
        Error::AlertReceived(alert) => format!(
            "{server} refused the TLS handshake ({}); check the host name, and whether a proxy or firewall on the way ends TLS",
            words(alert)
        ),
        Error::PeerIncompatible(why) => format!(
            "{server} has no version or cipher of TLS in common with this program ({}); the server, or the proxy that inspects TLS, must \
             offer TLS 1.2 or 1.3",
            words(why)
        ),
        Error::General(text) => format!("TLS with {server} failed ({})", sanitize(text)),
        other => format!("TLS with {server} failed ({})", words(other)),
    }
}

fn explain_certificate(error: &CertificateError, route: &Route<'_>) -> String {
    use CertificateError::{
        BadSignature, Expired, ExpiredContext, NotValidForName, NotValidForNameContext,
        NotValidYet, NotValidYetContext, Other, Revoked, UnknownIssuer,
    };

    let subject = format!("the certificate of {}", route.server());
    let renew = "the owner of the server, or of the proxy that inspects TLS, has to renew it";
    match error {
        UnknownIssuer => format!(
            "{subject} is signed by an authority that this machine does not trust, as a proxy that inspects TLS does; {}",
            route.certificates.how_to_add()
        ),
        // An authority that has a new key and the same name.
        BadSignature => format!(
            "{subject} is not signed by the key of the authority that this machine trusts under the signer's name; if the authority, such \
             as that of a proxy that inspects TLS, was renewed, {}",
            route.certificates.how_to_add()
        ),
        Expired => format!("{subject} has expired, by the clock of this machine; {renew}"),
        ExpiredContext { time, not_after } => format!(
            "{subject} expired on {}, and the clock of this machine says {}; if the clock is right, {renew}",
            date(*not_after),
            date(*time)
        ),
        NotValidYet => {
            format!("{subject} is not valid yet, by the clock of this machine; check the clock")
        }
        NotValidYetContext { time, not_before } => format!(
            "{subject} is valid from {} on, and the clock of this machine says {}; check the clock",
            date(*not_before),
            date(*time)
        ),
        NotValidForName => {
            format!(
                "{subject} is for another host; check the host name, and whether something else answers there"
            )
        }
        NotValidForNameContext { presented, .. } => {
            let names: Vec<_> = presented
                .iter()
                .take(MAX_NAMES)
                .map(|name| plain_name(name))
                .collect();
            let names = match names.is_empty() {
                true => "names no host".to_owned(),
                false => format!("is for {}", names.join(", ")),
            };
            format!(
                "{subject} {names}; check the host name, and whether something else answers there"
            )
        }
        Revoked => format!("{subject} was revoked; {renew}"),
        // The library of rustls for certificates has no public type for this one.
        Other(other) if other.to_string() == "CaUsedAsEndEntity" => format!(
            "{subject} is that of a certificate authority itself (self-signed); the server needs one of its own, signed by the authority"
        ),
        Other(other) => format!(
            "{subject} is not valid ({}); {renew}",
            words(other.0.as_ref())
        ),
        other => format!("{subject} is not valid ({}); {renew}", words(other)),
    }
}

/// `DnsName("a.example")` as `a.example`.
fn plain_name(name: &str) -> String {
    let inner = name.split_once('(').map_or(name, |(_, inner)| inner);
    sanitize(inner.trim_end_matches(')').trim_matches('"'))
}

/// The name of a variant as words: `HandshakeFailure` as `handshake failure`.
fn words(variant: &(impl Debug + ?Sized)) -> String {
    let text = format!("{variant:?}");
    let mut words = String::new();
    let name = text.chars().take_while(char::is_ascii_alphanumeric);
    for char in name {
        if char.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(char.to_ascii_lowercase());
    }
    words.trim_end_matches(" context").to_owned()
}

fn date(time: UnixTime) -> String {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    DateTime::from_timestamp(seconds, 0).map_or_else(
        || format!("{seconds} s after 1970"),
        |time| time.to_rfc3339_opts(SecondsFormat::Secs, true),
    )
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use rustls::{AlertDescription, OtherError, PeerIncompatible, PeerMisbehaved};

    use super::*;
    use crate::transport::reqwest::tls::CertificateVariables;

    #[test]
    fn tls_errors_are_told_in_words() {
        let route = Route {
            https: true,
            host: "a.example",
            port: None,
            proxy: None,
            connect_timeout: Duration::from_secs(10),
            certificates: CertificateVariables::default(),
        };
        let other = OtherError(Arc::new(std::fmt::Error));
        let certificate = |error| Error::InvalidCertificate(error);
        for (error, expected) in [
            (
                Error::AlertReceived(AlertDescription::HandshakeFailure),
                "a.example:443 refused the TLS handshake (handshake failure); check",
            ),
            (
                PeerIncompatible::NoCipherSuitesInCommon.into(),
                "a.example:443 has no version or cipher of TLS in common with this program (no cipher suites in common); ",
            ),
            (
                PeerMisbehaved::BadCertChainExtensions.into(),
                "TLS with a.example:443 failed (peer misbehaved)",
            ),
            (
                Error::General("no\nroom".into()),
                "TLS with a.example:443 failed (no\\nroom)",
            ),
            (
                certificate(CertificateError::Revoked),
                "the certificate of a.example:443 was revoked; ",
            ),
            (
                certificate(CertificateError::UnhandledCriticalExtension),
                "the certificate of a.example:443 is not valid (unhandled critical extension); ",
            ),
            (
                certificate(CertificateError::Other(other)),
                "the certificate of a.example:443 is not valid (error); ",
            ),
            (
                certificate(CertificateError::NotValidForNameContext {
                    expected: "a.example".try_into().unwrap(),
                    presented: vec!["DnsName(\"b\u{1b}\")".into(), "IpAddress(::1)".into()],
                }),
                "the certificate of a.example:443 is for b\\u{1b}, ::1; check the host name",
            ),
        ] {
            let message = explain(&error, &route);
            assert!(message.starts_with(expected), "{message}");
        }
    }
}
