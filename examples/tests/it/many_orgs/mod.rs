//! `pull --config`: many orgs in one process.

mod audited;
mod broken_page;
mod corrected_secrets;
mod delay;
#[cfg(target_os = "linux")]
mod descriptors;
mod faults;
mod process;
mod supervision;
pub(crate) mod supervision_harness;

use std::collections::HashMap;

use tokio::process::Child;

use crate::harness::{Exit, Harness, KEY, TOKEN, start_program};

/// A file of integrations with the first org of `harness` for each, under as many names, and wrong tokens for some.
pub(crate) fn config_file(harness: &Harness, good: usize, wrong: usize) -> String {
    let mut text = format!(
        "[coralogix]\nendpoint = \"{}\"\napi_key = {{ env = \"KEY\" }}\n",
        harness.ingress_server.base_url()
    );
    for n in 0..good + wrong {
        let token = if n < good { "TOKEN" } else { "WRONG" };
        text.push_str(&format!(
            "[[integration]]\nname = \"org{n}\"\naccount = \"account{n}\"\nokta_domain = \"{}\"\napi_token = {{ env = \"{token}\" }}\n",
            harness.org_server.base_url()
        ));
    }
    text
}

pub(crate) async fn run(harness: &Harness, config: &str, flags: &[&str]) -> Exit {
    Exit::of(start(harness, config, flags)).await
}

/// Starts the program with a file of integrations.
pub(crate) fn start(harness: &Harness, config: &str, flags: &[&str]) -> Child {
    let variables = write(harness, config);
    let flags = [&["--config", "orgs.toml"][..], flags].concat();
    start_program("pull", harness.folder.path(), &variables, &flags)
}

/// Writes the file of integrations; returns the variables that it refers to.
pub(crate) fn write(harness: &Harness, config: &str) -> HashMap<&'static str, String> {
    std::fs::write(harness.folder.path().join("orgs.toml"), config).unwrap();
    let variables = [("TOKEN", TOKEN), ("WRONG", "00-wrong"), ("KEY", KEY)];
    variables
        .map(|(name, value)| (name, value.to_owned()))
        .into()
}
