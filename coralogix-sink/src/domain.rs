//! Parses the domain of an ingress, and refuses the other hosts of Coralogix.

use std::net::IpAddr;

use crate::endpoint_error::EndpointError;
use crate::region::Region;

/// The longest domain, so that `ingress.private.<domain>` is still a host name.
const MAX_DOMAIN_BYTES: usize = 237;

/// The government region. Only its query host is known, from third parties: so its code stands for no ingress.
const GOVERNMENT_CODE: &str = "GOV1";
const GOVERNMENT_DOMAIN: &str = "gov1.coralogixgov.us";

/// A domain below which the host `ingress.` or `ingress.private.` takes logs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct IngressDomain {
    pub(crate) domain: String,
    pub(crate) private: bool,
    pub(crate) region: Option<Region>,
}

/// Reads a region code or a bare domain.
pub(crate) fn parse(written: &str) -> Result<IngressDomain, EndpointError> {
    let written = written.trim();
    if written.is_empty() {
        return Err(EndpointError::Empty);
    }
    if let Some(region) = Region::from_code(written) {
        return Ok(known(region, false));
    }
    if written.eq_ignore_ascii_case(GOVERNMENT_CODE) {
        return Err(EndpointError::Government(GOVERNMENT_DOMAIN));
    }
    if written.contains('@') {
        return Err(EndpointError::UserInfo);
    }
    let domain = written.to_ascii_lowercase();
    if domain.contains("://") || domain.contains('/') {
        return Err(EndpointError::UrlForDomain(suggestion(&domain)));
    }
    if domain.parse::<IpAddr>().is_ok() || domain.contains(':') {
        return Err(EndpointError::AddressForDomain);
    }
    if !domain.contains('.') {
        return Err(EndpointError::UnknownRegion(short(written)));
    }
    if !is_host_name(&domain) {
        return Err(EndpointError::NotADomain);
    }
    classify(&domain)
}

/// Checks the host of a base URL. `None`: it is no known host of Coralogix.
pub(crate) fn check_ingress_host(host: &str) -> Result<Option<Region>, EndpointError> {
    // A dot at the end names the same host.
    let host = host.trim_end_matches('.');
    let Some((region, before)) = Region::of_host(host) else {
        return match of_government(host) {
            Some(before) if !is_ingress(before) => {
                let instead = format!("https://ingress.{GOVERNMENT_DOMAIN}");
                Err(not_an_ingress(before, instead))
            }
            _ => Ok(None),
        };
    };
    match before {
        "ingress" | "ingress.private" => Ok(Some(region)),
        newer
            if newer.strip_prefix("ingress.").is_some_and(|rest| {
                is_region_label(rest.strip_prefix("private.").unwrap_or(rest))
            }) =>
        {
            Ok(None)
        }
        _ => {
            let instead = format!("https://ingress.{}", region.domain());
            Err(not_an_ingress(before, instead))
        }
    }
}

fn classify(domain: &str) -> Result<IngressDomain, EndpointError> {
    let Some((region, before)) = Region::of_host(domain) else {
        if let Some(before) = of_government(domain)
            && !(before.is_empty() || before == "private" || is_ingress(before))
        {
            return Err(not_an_ingress(before, GOVERNMENT_DOMAIN.into()));
        }
        let (domain, private) = strip_ingress(domain);
        return Ok(IngressDomain {
            domain: domain.into(),
            private,
            region: None,
        });
    };
    match before {
        "" | "ingress" => Ok(known(region, false)),
        "private" | "ingress.private" => Ok(known(region, true)),
        label if is_region_label(label) => Err(EndpointError::UnknownRegionDomain(domain.into())),
        _ => Err(not_an_ingress(before, region.domain().into())),
    }
}

/// The labels before the government region's domain. A host beside it, such as `app.coralogixgov.us`, counts as one of it.
fn of_government(host: &str) -> Option<&str> {
    let before = host
        .strip_suffix(GOVERNMENT_DOMAIN)
        .or_else(|| host.strip_suffix("coralogixgov.us"))?;
    let whole = before.is_empty() || before.ends_with('.');
    let before = before.trim_end_matches('.');
    // Another region of the government: its domain is not known.
    let last = before.rsplit('.').next().unwrap_or_default();
    if last
        .strip_prefix("gov")
        .is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
    {
        return None;
    }
    let is_beside = !host.ends_with(GOVERNMENT_DOMAIN) && before.is_empty();
    whole.then_some(if is_beside { "app" } else { before })
}

fn is_ingress(before: &str) -> bool {
    matches!(before, "ingress" | "ingress.private")
}

fn not_an_ingress(before: &str, instead: String) -> EndpointError {
    EndpointError::NotAnIngress {
        kind: kind_of(before),
        instead,
    }
}

fn known(region: Region, private: bool) -> IngressDomain {
    IngressDomain {
        domain: region.domain().into(),
        private,
        region: Some(region),
    }
}

fn strip_ingress(domain: &str) -> (&str, bool) {
    let rest = domain.strip_prefix("ingress.").unwrap_or(domain);
    match rest.strip_prefix("private.") {
        Some(bare) if bare.contains('.') => (bare, true),
        _ => (rest, false),
    }
}

/// The kind of a Coralogix host, by the labels before its domain.
fn kind_of(before: &str) -> &'static str {
    let first = before.split('.').next().unwrap_or_default();
    match first {
        "" => "the region's domain",
        "api" | "private-link" | "private-link-api" | "aws-events" => {
            "a host that is retired or serves another API"
        }
        _ if first.starts_with("ingress") => "a retired ingress host",
        _ => "a host of the user interface",
    }
}

/// `eu9`: two letters and digits, as all region domains begin.
fn is_region_label(label: &str) -> bool {
    let bytes = label.as_bytes();
    (3..=4).contains(&bytes.len())
        && bytes[..2].iter().all(u8::is_ascii_lowercase)
        && bytes[2..].iter().all(u8::is_ascii_digit)
}

fn is_host_name(domain: &str) -> bool {
    domain.len() <= MAX_DOMAIN_BYTES && domain.split('.').all(is_label)
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// The domain that a URL in place of a domain most likely means.
fn suggestion(url: &str) -> String {
    let host = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = host.split(['/', '?', '#', ':']).next().unwrap_or_default();
    match Region::of_host(host) {
        Some((region, _)) => region.domain().into(),
        None if host.contains('.') && is_host_name(host) => strip_ingress(host).0.into(),
        None => Region::Eu2.domain().into(),
    }
}

/// The text, unless it is so long that it may be a pasted key.
fn short(written: &str) -> Option<String> {
    let is_short = written.len() <= 8 && written.bytes().all(|b| b.is_ascii_graphic());
    is_short.then(|| written.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ingress(domain: &str) -> String {
        let ingress = parse(domain).unwrap();
        let private = if ingress.private { "private." } else { "" };
        format!("{private}{}", ingress.domain)
    }

    #[test]
    fn region_domain_is_found_by_code_domain_and_old_name() {
        let cases = [
            ("EU1", "eu1.coralogix.com"),
            (" eu2\n", "eu2.coralogix.com"),
            ("Us3", "us3.coralogix.com"),
            ("AP3", "ap3.coralogix.com"),
            ("EU2.Coralogix.com", "eu2.coralogix.com"),
            ("ingress.eu2.coralogix.com", "eu2.coralogix.com"),
            ("private.eu2.coralogix.com", "private.eu2.coralogix.com"),
            (
                "ingress.private.ap2.coralogix.com",
                "private.ap2.coralogix.com",
            ),
            ("coralogix.com", "eu1.coralogix.com"),
            ("coralogix.us", "us1.coralogix.com"),
            ("cx498.coralogix.com", "us2.coralogix.com"),
            ("coralogix.in", "ap1.coralogix.com"),
            ("coralogixsg.com", "ap2.coralogix.com"),
            ("ingress.coralogix.in", "ap1.coralogix.com"),
            ("logs.example.org", "logs.example.org"),
            ("ingress.logs.example.org", "logs.example.org"),
        ];
        for (written, domain) in cases {
            assert_eq!(ingress(written), domain, "{written}");
        }
    }

    #[test]
    fn domain_error_names_the_right_host() {
        let cases = [
            ("team.coralogix.com", "eu1.coralogix.com"),
            ("team.app.eu2.coralogix.com", "eu2.coralogix.com"),
            ("app.eu2.coralogix.com", "eu2.coralogix.com"),
            ("team.app.coralogix.us", "us1.coralogix.com"),
            ("team.app.cx498.coralogix.com", "us2.coralogix.com"),
            ("team.app.coralogix.in", "ap1.coralogix.com"),
            ("team.app.coralogixsg.com", "ap2.coralogix.com"),
            ("api.eu2.coralogix.com", "eu2.coralogix.com"),
            ("private-link.ap1.coralogix.com", "ap1.coralogix.com"),
            ("ingress-service.eu2.coralogix.com", "eu2.coralogix.com"),
            ("https://eu2.coralogix.com", "eu2.coralogix.com"),
            (
                "https://team.app.ap3.coralogix.com/#/x",
                "ap3.coralogix.com",
            ),
            ("api.coralogix.us/api/v1/logs", "us1.coralogix.com"),
            ("https://cx.example.org:443/x", "cx.example.org"),
            ("EU9", "EU1, EU2, US1, US2, US3, AP1, AP2, AP3"),
            ("europe", "EU1, EU2"),
            ("eu9.coralogix.com", "https://ingress.eu9.coralogix.com"),
            ("", "empty"),
            ("  ", "empty"),
            ("127.0.0.1", "endpoint"),
            ("eu2.coralogix.com:443", "endpoint"),
            ("eu2..coralogix.com", "eu2.coralogix.com"),
            ("eu2.coralogix.com.", "eu2.coralogix.com"),
            ("eu2 coralogix.com", "eu2.coralogix.com"),
            ("-a.example.org", "eu2.coralogix.com"),
            ("exämple.org", "eu2.coralogix.com"),
        ];
        for (written, expected) in cases {
            let message = parse(written).unwrap_err().to_string();
            assert!(message.contains(expected), "{written}: {message}");
        }
    }

    #[test]
    fn government_region_is_reached_by_its_endpoint_only() {
        for code in ["GOV1", " gov1\n"] {
            let message = parse(code).unwrap_err().to_string();
            let endpoint = "https://ingress.gov1.coralogixgov.us";
            assert!(message.contains(endpoint), "{message}");
        }
        assert_eq!(ingress("gov1.coralogixgov.us"), "gov1.coralogixgov.us");
        assert_eq!(
            ingress("ingress.gov1.coralogixgov.us"),
            "gov1.coralogixgov.us"
        );
        assert_eq!(check_ingress_host("ingress.gov1.coralogixgov.us"), Ok(None));
        for host in [
            "team.app.gov1.coralogixgov.us",
            "app.gov1.coralogixgov.us",
            "api.gov1.coralogixgov.us",
            "ng-api-http.gov1.coralogixgov.us",
            "app.coralogixgov.us",
            "coralogixgov.us",
        ] {
            let message = parse(host).unwrap_err().to_string();
            assert!(
                message.ends_with("write `gov1.coralogixgov.us`"),
                "{message}"
            );
            let message = check_ingress_host(host).unwrap_err().to_string();
            assert!(
                message.ends_with("write `https://ingress.gov1.coralogixgov.us`"),
                "{message}"
            );
        }
        assert_eq!(check_ingress_host("ingress.gov2.coralogixgov.us"), Ok(None));
        assert_eq!(
            check_ingress_host("gov1.coralogixgov.us.example.org"),
            Ok(None)
        );
    }

    #[test]
    fn domain_error_does_not_repeat_a_key() {
        for written in ["cxtp_hunter2hunter2", "hunter2hunter2@eu2.coralogix.com"] {
            let message = parse(written).unwrap_err().to_string();
            assert!(!message.contains("hunter2"), "{message}");
        }
    }
}
