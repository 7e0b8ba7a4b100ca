//! docs/settings.md against the code, in both directions.

use std::collections::BTreeSet;
use std::fs;

use okta_coralogix_examples::audit::{AuditGroup, ContinuousGroup, RefillGroup};
use okta_coralogix_examples::eventbridge::http::EndpointGroup;
use okta_coralogix_examples::eventbridge::{EnvelopeGroup, HealGroup, NameGroup};
use okta_coralogix_examples::program::admin::AdminGroup;
use okta_coralogix_examples::program::check::CheckGroup;
use okta_coralogix_examples::program::entry_settings::EntryGroup;
use okta_coralogix_examples::program::log::LogGroup;
use okta_coralogix_examples::program::network::NetworkGroup;
use okta_coralogix_examples::program::pipeline::OnceGroup;
use okta_coralogix_examples::program::pipeline_settings::{FilterGroup, PipelineGroup};
use okta_coralogix_examples::program::settings::{About, Group, variables};
use okta_coralogix_examples::pull::config::{SourceGroup, keys};
use okta_coralogix_examples::pull::{ModeGroup, RangeGroup, ReplicaGroup};
use okta_coralogix_examples::replay::ReplayGroup;

use super::{programs, sources};

/// The settings of the document, by its heads.
fn sections() -> Vec<(&'static str, Vec<About>)> {
    fn of<G: Group>() -> Vec<About> {
        G::SETTINGS.iter().map(|about| **about).collect()
    }
    let mut sections = vec![
        ("pull", of::<ModeGroup>()),
        ("pull: each org", of::<SourceGroup>()),
        ("pull: several replicas", of::<ReplicaGroup>()),
        ("pull: a range", of::<RangeGroup>()),
        (
            "Pipelines: every program but service_logs, which has --refusal-wait",
            of::<PipelineGroup>(),
        ),
        (
            "Event types: pull, audit, eventbridge_http, eventbridge_sqs, eventbridge_lambda",
            of::<FilterGroup>(),
        ),
        (
            "What is sent: every program but service_logs, which has --max-entry-bytes",
            of::<EntryGroup>(),
        ),
        ("Runs with an end: pull, eventbridge_sqs", of::<OnceGroup>()),
        (
            "EventBridge: eventbridge_http, eventbridge_sqs, eventbridge_lambda",
            of::<EnvelopeGroup>(),
        ),
        (
            "EventBridge: eventbridge_http, eventbridge_sqs",
            of::<NameGroup>(),
        ),
        ("Healing: eventbridge_http, eventbridge_sqs", {
            let mut healing = of::<HealGroup>();
            // That of `pull`.
            healing.retain(|about| about.flag != "--rate-share");
            healing
        }),
        ("eventbridge_http", of::<EndpointGroup>()),
        ("replay", of::<ReplayGroup>()),
        ("audit", of::<AuditGroup>()),
        ("audit: a refill", of::<RefillGroup>()),
        (
            "Audit beside the delivery: pull, eventbridge_http, eventbridge_sqs",
            of::<ContinuousGroup>(),
        ),
        ("Network: every program", of::<NetworkGroup>()),
        ("Log: every program", of::<LogGroup>()),
        (
            "Operation: every program but eventbridge_lambda and audit, which have no port",
            of::<AdminGroup>(),
        ),
        ("Check: every program", of::<CheckGroup>()),
    ];
    let variables = variables::ALL.iter();
    sections.extend(variables.map(|group| (group.title, group.settings.to_vec())));
    sections
}

const HEAD: &str = "| flag | variable | key | in code | default | what, and why this default |";

/// In backticks, without what a table cannot have.
fn code(text: &str) -> String {
    match text {
        "" => String::new(),
        text => format!("`{}`", text.replace('|', "\\|")),
    }
}

fn row(about: &About) -> String {
    let flag = format!("{} <{}>", about.flag, about.value);
    let flag = flag.trim_end_matches(" <>");
    let meaning = format!("{}. Default: {}", about.help, about.reason).replace('|', "\\|");
    format!(
        "| {} | {} | {} | {} | {} | {meaning} |",
        code(flag),
        code(&about.variable()),
        code(about.key),
        code(about.builder),
        about.defaults().replace('|', "\\|"),
    )
}

fn document() -> String {
    fs::read_to_string(sources::workspace().join("docs/settings.md")).unwrap()
}

/// The rows of the tables with this head, by the heads of their sections.
fn rows(document: &str, head: &str) -> Vec<(String, String)> {
    let (mut section, mut in_table) = (String::new(), false);
    let mut found = Vec::new();
    for line in document.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            title.clone_into(&mut section);
        }
        in_table = line == head || (in_table && line.starts_with('|'));
        if in_table && line != head && !line.starts_with("|---") {
            found.push((section.clone(), line.to_owned()));
        }
    }
    found
}

/// What `expected` and the document have each alone.
fn assert_same(expected: &[(String, String)], head: &str) {
    let found = rows(&document(), head);
    let missing: Vec<_> = expected.iter().filter(|row| !found.contains(row)).collect();
    let wrong: Vec<_> = found.iter().filter(|row| !expected.contains(row)).collect();
    let lines = |rows: &[&(String, String)]| -> String {
        let lines = rows
            .iter()
            .map(|(section, row)| format!("## {section}\n{row}\n"));
        lines.collect()
    };
    assert!(
        missing.is_empty() && wrong.is_empty(),
        "docs/settings.md lacks these rows:\n{}\nand has these, which are not of the code:\n{}",
        lines(&missing),
        lines(&wrong)
    );
    assert_eq!(found.len(), expected.len(), "a row stands there twice");
}

#[test]
fn settings_document_has_every_declared_setting_and_no_other() {
    let sections = sections();
    let expected = sections.iter().flat_map(|(title, settings)| {
        let rows = settings.iter().map(row);
        rows.map(|row| (title.to_string(), row))
    });
    let expected: Vec<_> = expected.collect();
    assert_same(&expected, HEAD);
    for (title, settings) in &sections {
        for about in settings {
            let name = format!("{title}: {}{}", about.variable(), about.key);
            let is_told = !about.help.is_empty() && !about.default.is_empty();
            assert!(is_told && !about.reason.is_empty(), "{name}");
            assert!(!about.help.ends_with('.'), "{name}");
        }
    }
}

#[test]
fn every_flag_variable_and_key_of_the_code_is_declared_and_the_other_way_round() {
    let all: Vec<About> = sections().into_iter().flat_map(|(_, all)| all).collect();
    let set = |of: &dyn Fn(&About) -> String| -> BTreeSet<String> {
        all.iter().map(of).filter(|name| !name.is_empty()).collect()
    };
    let programs = programs::all();
    let mut flags: BTreeSet<_> = programs.iter().flat_map(|one| one.flags.clone()).collect();
    for others in ["--help", "--version"] {
        flags.remove(others);
    }
    assert_eq!(flags, set(&|about| about.flag.to_owned()));
    let declared = set(&About::variable);
    let read: BTreeSet<_> = programs
        .iter()
        .flat_map(|one| one.variables.clone())
        .collect();
    let unknown: Vec<_> = read.difference(&declared).collect();
    assert!(unknown.is_empty(), "not declared: {unknown:?}");
    let files = sources::all();
    let mut literals = files
        .iter()
        .filter(|file| !file.path.ends_with("/variables.rs"));
    let literals: Vec<_> = literals.by_ref().flat_map(|file| file.literals()).collect();
    for variable in declared.difference(&read) {
        let is_read = literals
            .iter()
            .any(|literal| literal.text.contains(&**variable));
        assert!(is_read, "{variable} is nowhere in the code");
    }
    let keys: BTreeSet<_> = keys().into_iter().collect();
    assert_eq!(keys, set(&|about| about.key.to_owned()));
}

const CODE_HEAD: &str = "| in code | default | what |";

#[test]
fn settings_document_has_every_builder_method_with_its_default() {
    let files = sources::all();
    let methods = sources::builder_methods(&files);
    let declared: BTreeSet<_> = sections()
        .into_iter()
        .flat_map(|(_, all)| all)
        .map(|about| about.builder)
        .collect();
    let code_only = methods.iter().filter(|method| {
        let is_declared = declared.contains(method.name.as_str());
        !is_declared && method.of != "examples"
    });
    let expected = code_only.map(|method| {
        let default = match method.default.as_str() {
            "" => "-",
            default => default,
        };
        let what = method.what.replace('|', "\\|");
        let row = format!(
            "| `{}` | {} | {what} |",
            method.name,
            default.replace('|', "\\|")
        );
        ("In code only".to_owned(), row)
    });
    let expected: Vec<_> = expected.collect();
    assert_same(&expected, CODE_HEAD);
    // What is no method of a builder is a function or an associated one of a type.
    for name in declared.iter().filter(|name| !name.is_empty()) {
        let is_method = methods.iter().any(|method| method.name == **name);
        let (_, function) = name.split_once("::").unwrap();
        let is_function = files.iter().any(|file| {
            file.text.contains(&format!("fn {function}("))
                || file.text.contains(&format!("fn {function}<"))
        });
        assert!(is_method || is_function, "{name} is not in the code");
    }
}
