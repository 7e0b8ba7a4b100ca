//! What was meant by a name that is not known.

/// The similarity, from 0 to 1, from which on an unknown name is taken for a misspelt known one.
const ALIKE: f64 = 0.75;

/// How many letters may be wrong in a name that is not ours by its beginning, and that another program may well read.
const TYPOS: usize = 2;

/// The known name that is most like `unknown`, if one is.
pub fn nearest<'a>(unknown: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let alike = |name: &str| strsim::jaro_winkler(unknown, name);
    let names = known.into_iter().map(|name| (alike(name), name));
    let best = names.max_by(|(one, _), (other, _)| one.total_cmp(other));
    best.filter(|(alike, _)| *alike >= ALIKE)
        .map(|(_, name)| name)
}

/// The known name that `unknown` is but for a typing error or two, or its case.
pub fn misspelt<'a>(unknown: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let unknown = unknown.to_ascii_uppercase();
    let typos = |name: &str| strsim::damerau_levenshtein(&unknown, name);
    let names = known.into_iter().map(|name| (typos(name), name));
    let best = names.min_by_key(|(typos, _)| *typos);
    best.filter(|(typos, _)| *typos <= TYPOS)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_known_name_is_found() {
        const KNOWN: [&str; 3] = ["OKTA_ORG_URL", "OKTA_API_TOKEN", "CORALOGIX_API_KEY"];
        for (unknown, expected) in [
            ("OKTA_API_TOKN", Some("OKTA_API_TOKEN")),
            ("OKTA_API_TOKENS", Some("OKTA_API_TOKEN")),
            ("okta_org_url", Some("OKTA_ORG_URL")),
            ("CORALOGIX_APIKEY", Some("CORALOGIX_API_KEY")),
            ("OKTA_ACCESS_TOKEN", None),
            ("PATH", None),
        ] {
            assert_eq!(misspelt(unknown, KNOWN), expected, "{unknown}");
        }
        assert_eq!(nearest("org_ulr", ["org_url", "filter"]), Some("org_url"));
        assert_eq!(nearest("zone", ["org_url", "filter"]), None);
        assert_eq!(nearest("zone", []), None);
    }
}
