//! Variables that look like settings of a program and are none.

use super::nearest::{misspelt, nearest};

/// The beginning of the variables of flags: no other program has such.
const OWN: &str = "OKTA_CORALOGIX_";

/// A release build reads it, and so may be run where it is set.
const OF_THE_BUILD: &str = "OKTA_CORALOGIX_COMMIT";

/// Names under which other programs know these settings, and ours.
const OTHER_NAMES: [(&str, &str); 14] = [
    ("OKTA_CLIENT_ORGURL", "OKTA_ORG_URL"),
    ("OKTA_CLIENT_TOKEN", "OKTA_API_TOKEN"),
    ("OKTA_DOMAIN", "OKTA_ORG_URL"),
    ("OKTA_ORG", "OKTA_ORG_URL"),
    ("OKTA_TOKEN", "OKTA_API_TOKEN"),
    ("OKTA_URL", "OKTA_ORG_URL"),
    ("CORALOGIX_APP_NAME", "CORALOGIX_APPLICATION"),
    ("CORALOGIX_APPLICATION_NAME", "CORALOGIX_APPLICATION"),
    ("CORALOGIX_KEY", "CORALOGIX_API_KEY"),
    ("CORALOGIX_PRIVATE_KEY", "CORALOGIX_API_KEY"),
    ("CORALOGIX_REGION", "CORALOGIX_DOMAIN"),
    ("CORALOGIX_SUB_SYSTEM", "CORALOGIX_SUBSYSTEM"),
    ("CORALOGIX_SUBSYSTEM_NAME", "CORALOGIX_SUBSYSTEM"),
    ("CORALOGIX_URL", "CORALOGIX_ENDPOINT"),
];

/// A warning for each of the variables `set` that was meant for this program, it seems. `known` are those that it reads; `is_absent` is
/// true for one that it would need, and that is not set.
pub(super) fn unread<'a>(
    set: impl IntoIterator<Item = &'a String>,
    known: &[String],
    is_absent: impl Fn(&str) -> bool,
) -> Vec<String> {
    let known: Vec<_> = known.iter().map(String::as_str).collect();
    let absent: Vec<_> = known
        .iter()
        .copied()
        .filter(|name| is_absent(name))
        .collect();
    let mut warnings: Vec<_> = set
        .into_iter()
        .map(String::as_str)
        .filter(|name| !known.contains(name) && *name != OF_THE_BUILD)
        .filter_map(|name| of_one(name, &known, &absent))
        .collect();
    warnings.sort();
    warnings
}

fn of_one(name: &str, known: &[&str], absent: &[&str]) -> Option<String> {
    let detail = "is set, but this program reads no variable of that name";
    if name.to_ascii_uppercase().starts_with(OWN) {
        // Without the beginning, which makes all of them alike.
        let rest = &name.to_ascii_uppercase()[OWN.len()..];
        let known = known.iter().filter_map(|known| known.strip_prefix(OWN));
        let meant = match nearest(rest, known) {
            Some(meant) => format!("{OWN}{meant} is meant, perhaps"),
            None => "unset it".to_owned(),
        };
        return Some(format!("{name}: {detail}; {meant}"));
    }
    let other_name = OTHER_NAMES.iter().find(|(other, _)| *other == name);
    let other_name = other_name.map(|(_, ours)| *ours);
    let meant = other_name.filter(|ours| absent.contains(ours));
    let meant = meant.or_else(|| misspelt(name, absent.iter().copied()))?;
    Some(format!("{name}: {detail}; {meant} is meant, perhaps"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variable_that_is_not_read_is_named_with_the_nearest() {
        let known = [
            "OKTA_ORG_URL",
            "OKTA_API_TOKEN",
            "CORALOGIX_DOMAIN",
            "OKTA_CORALOGIX_POLL_INTERVAL",
            "OKTA_CORALOGIX_SINCE",
        ]
        .map(str::to_owned);
        for (set, meant) in [
            (
                "OKTA_CORALOGIX_POLL_INTERVALL",
                "OKTA_CORALOGIX_POLL_INTERVAL is meant",
            ),
            ("okta_coralogix_since", "OKTA_CORALOGIX_SINCE is meant"),
            ("OKTA_CORALOGIX_SINC", "OKTA_CORALOGIX_SINCE is meant"),
            ("OKTA_CORALOGIX_WORKERS", "; unset it"),
            ("OKTA_API_TOKNE", "OKTA_API_TOKEN is meant"),
            ("OKTA_DOMAIN", "OKTA_ORG_URL is meant"),
            ("CORALOGIX_REGION", "CORALOGIX_DOMAIN is meant"),
        ] {
            let warnings = unread([&set.to_owned()], &known, |_| true);
            assert_eq!(warnings.len(), 1, "{set}");
            assert!(
                warnings[0].starts_with(&format!("{set}: is set")) && warnings[0].contains(meant),
                "{warnings:?}"
            );
        }
        for set in [
            "OKTA_ORG_URL",
            "OKTA_CORALOGIX_COMMIT",
            "OKTA_OAUTH2_CLIENT_ID",
            "CORALOGIX_URL",
            "PATH",
            "HOME",
        ] {
            let warnings = unread([&set.to_owned()], &known, |_| true);
            assert_eq!(warnings, [""; 0], "{set}");
        }
        // What may have been meant is set, or not needed.
        for set in ["OKTA_API_TOKNE", "OKTA_DOMAIN"] {
            assert_eq!(unread([&set.to_owned()], &known, |_| false), [""; 0]);
        }
        let own = unread([&"OKTA_CORALOGIX_X".to_owned()], &known, |_| false);
        assert_eq!(own.len(), 1);
    }
}
