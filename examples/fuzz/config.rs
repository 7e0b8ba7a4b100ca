//! The file of `pull --config`: errors contain no secret, and a valid file has one meaning.

#![no_main]

// The source files instead of the library, which depends on the SDK for SQS: building that takes longer than a short run.
#[expect(dead_code, unused_imports, reason = "the program uses more of it")]
#[path = "../src/program"]
mod program {
    pub mod admin;
    pub mod args;
    pub mod coralogix;
    pub mod entry_settings;
    pub mod environment;
    pub mod fault_timeouts;
    pub mod metrics;
    pub mod missing;
    pub mod nearest;
    pub mod network;
    pub mod open_files;
    pub mod pipeline_settings;
    pub mod secrets;
    pub mod settings;
    pub mod start;
    pub mod state_files;
    pub mod text_file;
    pub mod warnings;

    pub use environment::Environment;
    pub use fault_timeouts::FaultTimeouts;
    pub use network::Network;
    pub use state_files::StateFiles;
    pub use warnings::Warnings;
}
#[expect(dead_code, unused_imports, reason = "the program uses more of it")]
#[path = "../src/pull/config/mod.rs"]
mod pull_config;

use std::collections::HashSet;
use std::path::Path;

use libfuzzer_sys::fuzz_target;
use okta_coralogix_core::ErrorKind;

use self::program::settings::Values;
use self::program::{Environment, Network};
use self::pull_config::{Integration, parse};

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
