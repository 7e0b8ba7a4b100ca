//! The observer that the programs log with.

use okta_coralogix_examples::program::Environment;
use okta_coralogix_examples::program::log::LogArgs;
use okta_coralogix_examples::program::progress::{Progress, ProgressObserver};

/// The observer of a program with these variables.
pub(super) fn program_observer(
    variables: &'static [(&'static str, &'static str)],
) -> ProgressObserver {
    let environment = Environment::new(|name| {
        let is_it = |(known, _): &&(&str, &str)| *known == name;
        // Nothing is drawn.
        let dumb = (name == "TERM").then_some("dumb");
        let value = variables.iter().find(is_it).map(|(_, value)| *value);
        value.or(dumb).map(Into::into)
    });
    let settings = LogArgs::default().settings(&environment).unwrap();
    Progress::start(settings).observer()
}
