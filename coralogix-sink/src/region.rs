//! The regions of Coralogix and the domains they answer under.

use std::fmt;

/// A Coralogix region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Region {
    /// Ireland.
    Eu1,
    /// Stockholm.
    Eu2,
    /// Ohio.
    Us1,
    /// Oregon.
    Us2,
    /// Iowa.
    Us3,
    /// Mumbai.
    Ap1,
    /// Singapore.
    Ap2,
    /// Jakarta.
    Ap3,
}

impl Region {
    /// All regions that are known to this version.
    pub const ALL: [Self; 8] = [
        Self::Eu1,
        Self::Eu2,
        Self::Us1,
        Self::Us2,
        Self::Us3,
        Self::Ap1,
        Self::Ap2,
        Self::Ap3,
    ];

    /// The code that Coralogix gives it: `EU2`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Eu1 => "EU1",
            Self::Eu2 => "EU2",
            Self::Us1 => "US1",
            Self::Us2 => "US2",
            Self::Us3 => "US3",
            Self::Ap1 => "AP1",
            Self::Ap2 => "AP2",
            Self::Ap3 => "AP3",
        }
    }

    /// Its domain: `eu2.coralogix.com`.
    ///
    /// Source: Coralogix, "Coralogix domain" and "Coralogix endpoints" (2026-08).
    #[must_use]
    pub fn domain(self) -> &'static str {
        match self {
            Self::Eu1 => "eu1.coralogix.com",
            Self::Eu2 => "eu2.coralogix.com",
            Self::Us1 => "us1.coralogix.com",
            Self::Us2 => "us2.coralogix.com",
            Self::Us3 => "us3.coralogix.com",
            Self::Ap1 => "ap1.coralogix.com",
            Self::Ap2 => "ap2.coralogix.com",
            Self::Ap3 => "ap3.coralogix.com",
        }
    }

    /// The domain it had before all of them moved below `coralogix.com`.
    pub(crate) fn legacy_domain(self) -> Option<&'static str> {
        match self {
            Self::Eu1 => Some("coralogix.com"),
            Self::Us1 => Some("coralogix.us"),
            Self::Us2 => Some("cx498.coralogix.com"),
            Self::Ap1 => Some("coralogix.in"),
            Self::Ap2 => Some("coralogixsg.com"),
            Self::Eu2 | Self::Us3 | Self::Ap3 => None,
        }
    }

    /// The region with this code, in any case.
    pub(crate) fn from_code(code: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|region| region.code().eq_ignore_ascii_case(code))
    }

    /// The region whose present or old domain `host` (lower case) is or ends with, and the labels before that domain.
    pub(crate) fn of_host(host: &str) -> Option<(Self, &str)> {
        Self::ALL
            .into_iter()
            .flat_map(|region| {
                let domains = [Some(region.domain()), region.legacy_domain()];
                domains.into_iter().flatten().map(move |d| (region, d))
            })
            // `cx498.coralogix.com` and `eu2.coralogix.com` end with the old domain of EU1, too.
            .filter_map(|(region, domain)| {
                let before = host.strip_suffix(domain)?;
                let whole = before.is_empty() || before.ends_with('.');
                whole.then_some((region, before.trim_end_matches('.')))
            })
            .min_by_key(|(_, before)| before.len())
    }

    /// `EU1, EU2, …` for messages.
    pub(crate) fn codes() -> String {
        Self::ALL.map(Self::code).join(", ")
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn region_of_a_host_has_the_longest_matching_domain() {
        let cases = [
            ("eu2.coralogix.com", Region::Eu2, ""),
            ("coralogix.com", Region::Eu1, ""),
            ("team.coralogix.com", Region::Eu1, "team"),
            ("cx498.coralogix.com", Region::Us2, ""),
            ("ingress.cx498.coralogix.com", Region::Us2, "ingress"),
            ("team.app.coralogix.us", Region::Us1, "team.app"),
            ("coralogixsg.com", Region::Ap2, ""),
            ("ap1.coralogix.com", Region::Ap1, ""),
        ];
        for (host, region, before) in cases {
            assert_eq!(Region::of_host(host), Some((region, before)), "{host}");
        }
        assert_eq!(Region::of_host("notcoralogix.com"), None);
        assert_eq!(Region::of_host("coralogix.com.example.org"), None);
    }

    #[test]
    fn region_codes_and_domains_agree() {
        for region in Region::ALL {
            let code = region.code().to_lowercase();
            assert_eq!(region.domain(), format!("{code}.coralogix.com"));
            assert_eq!(Region::from_code(&code), Some(region));
        }
    }
}
