//! Tells a release build which commit it is of, unless the build itself says so.

use std::process::Command;

const VARIABLE: &str = "OKTA_CORALOGIX_COMMIT";

/// What git says in one line; `None` outside of a repository, and where there is no git.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let line = String::from_utf8(output.stdout).ok()?;
    Some(line.trim().to_owned()).filter(|line| output.status.success() && !line.is_empty())
}

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed={VARIABLE}");
    // Another commit would build the programs of each test anew.
    let is_release = std::env::var("PROFILE").is_ok_and(|profile| profile == "release");
    if !is_release || std::env::var_os(VARIABLE).is_some() {
        return;
    }
    // Grows with each commit and each change of the branch.
    if let Some(log) = git(&["rev-parse", "--git-path", "logs/HEAD"]) {
        println!("cargo::rerun-if-changed={log}");
    }
    if let Some(commit) = git(&["rev-parse", "--short=12", "HEAD"]) {
        println!("cargo::rustc-env={VARIABLE}={commit}");
    }
}
