//! The file of `pull --config`: errors contain no secret, and a valid file has one meaning.

#![no_main]

use std::collections::HashSet;
use std::path::Path;

use libfuzzer_sys::fuzz_target;
use okta_coralogix_core::ErrorKind;
use okta_coralogix_examples::program::settings::Values;
use okta_coralogix_examples::program::{Environment, Network};
use okta_coralogix_examples::pull::config::{Integration, parse};

/// The beginning of the value of every variable.
const SECRET: &str = "00marked-secret-value";

/// A line that no valid file has.
const UNKNOWN: &str = "\n[no_such_table]\n";

/// The longest message beside the text: it may repeat a wrong value.
const BESIDE: usize = 2000;

fuzz_target!(|text: &str| {
    // Device files never end.
    if text.contains("/dev") || text.contains("/proc") {
        return;
    }
    match read(text) {
        Ok(integrations) => {
            assert!(!integrations.is_empty());
            all_are_told_apart(&integrations);
            assert!(
                !format!("{integrations:?}").contains(SECRET),
                "a secret is shown"
            );
            let error = read(&format!("{text}{UNKNOWN}")).expect_err("an unknown table");
            assert!(error.contains("no_such_table"), "{error}");
            let again = read(text).expect("the same text");
            assert_eq!(format!("{again:?}"), format!("{integrations:?}"));
        }
        Err(error) => {
            assert!(!error.contains(SECRET), "a secret is shown: {error}");
            assert!(
                error.len() <= text.len() * 8 + BESIDE,
                "the message is too long: {error}"
            );
        }
    }
});

/// The integrations, or the error, which is always one of `Config`.
fn read(text: &str) -> Result<Vec<Integration>, String> {
    let environment = Environment::new(|name| match name {
        "UNSET" => None,
        // Settings of all integrations, which are no secrets: messages repeat a wrong value.
        _ if name.starts_with("OKTA_CORALOGIX_") => None,
        // The token of Okta is none of Coralogix.
        _ => Some(format!("{SECRET}-{name}").into()),
    });
    parse(
        text,
        Path::new("no-such-folder"),
        &Values::of(&environment),
        Network::default(),
    )
    .map_err(|error| {
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
        assert!(!error.to_string().is_empty());
        format!("{error} {error:?}")
    })
}

fn all_are_told_apart(integrations: &[Integration]) {
    let names: HashSet<_> = integrations.iter().map(|one| &one.name).collect();
    let files: HashSet<_> = integrations.iter().map(|one| &one.checkpoint).collect();
    assert_eq!(names.len(), integrations.len());
    assert_eq!(files.len(), integrations.len());
    for integration in integrations {
        assert!(
            !integration.name.contains(['/', '\\']),
            "its name leaves the folder"
        );
    }
}
