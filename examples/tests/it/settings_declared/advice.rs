//! No advice without a setting: what messages name exists for the programs that print them.

use std::collections::{BTreeMap, BTreeSet};

use okta_coralogix_examples::program::settings::{About, variables};
use okta_coralogix_examples::pull::config::keys;

use super::printed_by::{ALL, PRINTED_BY};
use super::programs::{self, ProgramSettings};
use super::sources::{self, BuilderMethod, Literal};

/// Names in messages that are of others: of AWS, of Okta's and AWS's JSON, of Rust, of the summary.
const FOREIGN: &[&str] = &[
    "OKTA_CORALOGIX_COMMIT",
    "SubscribeURL",
    "ca_bundle",
    "credential_process",
    "data",
    "detail",
    "drop",
    "http",
    "https",
    "okta_source",
    "published",
    "role_arn",
    "self",
    "tracing-subscriber",
];

/// Variables that programs read beside those of their declarations.
const OTHER_VARIABLES: &[&str] = &[
    "ALL_PROXY",
    "AWS_ACCESS_KEY_ID",
    "AWS_CA_BUNDLE",
    "AWS_SESSION_TOKEN",
    "AZURE_STORAGE_ACCOUNT_KEY",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    "AWS_ENDPOINT_URL",
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_ROLE_ARN",
    "AWS_SECRET_ACCESS_KEY",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "RUST_LOG",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
];

/// Methods of builders that messages of a library name, and which no program calls with what an operator has written.
const LIBRARY_ONLY: &[&str] = &["sink_check", "without_authentication"];

/// What a message names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Named {
    Flag(String),
    Variable(String),
    Document(String),
    /// A method of a builder, or a key.
    Name(String),
}

/// The settings and documents that a text names. Names are in backticks, or have underscores.
fn named_in(text: &str) -> BTreeSet<Named> {
    let text = without_placeholders(text);
    let mut found = BTreeSet::new();
    for (index, quoted) in text.split('`').enumerate() {
        if index % 2 == 1 && is_identifier(quoted) && quoted.len() > 1 {
            found.insert(Named::Name(quoted.to_owned()));
        }
    }
    let is_word = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
    for word in text.split(|c| !is_word(c)) {
        let word = word.trim_end_matches(['.', '-', '/']);
        // The beginning of a name.
        if word.ends_with('_') {
            continue;
        }
        let flag = word.strip_prefix("--");
        if let Some(flag) = flag.filter(|flag| flag.starts_with(|c: char| c.is_ascii_lowercase())) {
            found.insert(Named::Flag(format!("--{flag}")));
        } else if word.ends_with(".md") {
            found.insert(Named::Document(word.to_owned()));
        } else if word.contains('_')
            && word
                .bytes()
                .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
        {
            found.insert(Named::Variable(word.to_owned()));
        } else if word.contains('_') && is_identifier(word) {
            found.insert(Named::Name(word.to_owned()));
        }
    }
    found
}

fn is_identifier(text: &str) -> bool {
    let letters = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    letters && text.starts_with(|c: char| c.is_ascii_alphabetic()) && !is_region(text)
}

/// `EU2`, the example of a region.
fn is_region(text: &str) -> bool {
    text.len() <= 3 && text.ends_with(|c: char| c.is_ascii_digit())
}

/// Without `{...}`, which the code fills in.
fn without_placeholders(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        rest = after.split_once('}').map_or("", |(_, after)| after);
    }
    out + rest
}

struct Known {
    programs: [ProgramSettings; 7],
    methods: Vec<BuilderMethod>,
    keys: Vec<String>,
}

impl Known {
    fn new() -> Self {
        Self {
            programs: programs::all(),
            methods: sources::builder_methods(&sources::all()),
            keys: keys(),
        }
    }

    fn programs<'a>(&'a self, names: &'a [&str]) -> impl Iterator<Item = &'a ProgramSettings> {
        self.programs
            .iter()
            .filter(|program| names.contains(&program.name))
    }

    /// The variable with the meaning of a key.
    fn variable_of(key: &str) -> String {
        let groups = variables::ALL.iter();
        let mut all = groups.flat_map(|group| group.settings);
        let found = all.find(|about| about.key == key);
        found.map(About::variable).unwrap_or_default()
    }

    /// Why what a message of `path` names does not exist for one of `printed_by`.
    fn fault(&self, named: &Named, path: &str, printed_by: &[&str]) -> Option<String> {
        match named {
            Named::Flag(flag) => {
                let has = |program: &ProgramSettings| {
                    program.flags.contains(flag) || program.command_flags.contains(flag)
                };
                let mut programs = self.programs(printed_by);
                let without = programs.find(|program| !has(program))?;
                Some(format!("{} has no flag {flag}", without.name))
            }
            Named::Variable(name)
                if FOREIGN.contains(&&**name) || OTHER_VARIABLES.contains(&&**name) =>
            {
                None
            }
            Named::Variable(name) => {
                let mut programs = self.programs(printed_by);
                let without = programs.find(|program| !program.variables.contains(name))?;
                Some(format!("{} does not read {name}", without.name))
            }
            Named::Document(name) => {
                let root = sources::workspace();
                let is_there = [root.join(name), root.join("docs").join(name)]
                    .iter()
                    .any(|file| file.exists());
                (!is_there).then(|| format!("there is no document {name}"))
            }
            Named::Name(name) if FOREIGN.contains(&&**name) || LIBRARY_ONLY.contains(&&**name) => {
                None
            }
            Named::Name(name) if ALL.contains(&&**name) => None,
            Named::Name(name) => {
                let flag = format!("--{}", name.replace('_', "-"));
                let is_key = |key: &String| key.rsplit('.').next() == Some(name);
                let is_method =
                    |method: &BuilderMethod| method.name.ends_with(&format!("::{name}"));
                let of = path.split('/').next().unwrap_or_default();
                if of == "examples" {
                    let is_known = self.keys.iter().any(is_key);
                    return (!is_known).then(|| format!("there is no key {name}"));
                }
                if !self.methods.iter().any(is_method) {
                    return Some(format!("no builder has a method {name}"));
                }
                let variable = Self::variable_of(name);
                let is_set = |program: &ProgramSettings| {
                    program.flags.contains(&flag) || program.variables.contains(&variable)
                };
                let mut programs = self.programs(printed_by);
                let without = programs.find(|program| !is_set(program))?;
                Some(format!("{} has no setting for {name}", without.name))
            }
        }
    }
}

fn printed_by(path: &str) -> &'static [&'static str] {
    let (_, programs) = PRINTED_BY
        .iter()
        .find(|(prefix, _)| path.starts_with(prefix))
        .unwrap();
    programs
}

/// The literals of messages: sentences. Others are names of fields and values, not shown alone.
fn is_message(literal: &Literal) -> bool {
    literal.text.contains(' ')
}

#[test]
fn everything_that_advice_names_exists_for_the_program_that_prints_it() {
    let known = Known::new();
    let mut faults = Vec::new();
    let mut seen = BTreeMap::<Named, usize>::new();
    for file in sources::all() {
        // The values of Okta's events are no messages.
        if file.path.contains("/event/model/") {
            continue;
        }
        for literal in file.literals().iter().filter(|literal| is_message(literal)) {
            for named in named_in(&literal.text) {
                *seen.entry(named.clone()).or_default() += 1;
                if let Some(fault) = known.fault(&named, &file.path, printed_by(&file.path)) {
                    faults.push(format!(
                        "{}:{}: {fault}: {:?}",
                        file.path, literal.line, literal.text
                    ));
                }
            }
        }
    }
    for program in &known.programs {
        for (flag, help) in &program.help {
            for named in named_in(help) {
                let fault = known.fault(&named, "examples", &[program.name]);
                faults.extend(
                    fault.map(|fault| format!("the help of {} {flag}: {fault}", program.name)),
                );
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    // The scan sees what there is to see.
    for named in [
        Named::Name("rate_share".into()),
        Named::Name("max_body_bytes".into()),
        Named::Name("restart_on_changed_query".into()),
        Named::Flag("--since".into()),
        Named::Flag("--too-old".into()),
        Named::Variable("OKTA_API_TOKEN".into()),
    ] {
        assert!(
            seen.contains_key(&named),
            "{named:?} is in no message: {seen:?}"
        );
    }
}

#[test]
fn advice_that_names_no_setting_is_found() {
    let known = Known::new();
    let faults = |path: &str, text: &str| -> Vec<String> {
        let all = named_in(text);
        all.iter()
            .filter_map(|named| known.fault(named, path, printed_by(path)))
            .collect()
    };
    for (path, text, fault) in [
        (
            "okta-source/src/api/error.rs",
            "set a lower rate_chair",
            "no builder has a method rate_chair",
        ),
        (
            "okta-source/src/api/error.rs",
            "raise `page_size`",
            "pull has no setting for page_size",
        ),
        (
            "okta-source/src/api/error.rs",
            "see OKTA_API_KEY",
            "pull does not read OKTA_API_KEY",
        ),
        (
            "eventbridge-source/src/http/handler.rs",
            "give --once",
            "eventbridge_http has no flag --once",
        ),
        (
            "eventbridge-source/src/http/handler.rs",
            "set renamed_from",
            "eventbridge_http has no setting for renamed_from",
        ),
        (
            "examples/src/service_logs/run.rs",
            "give --dead-letters",
            "service_logs has no flag --dead-letters",
        ),
        (
            "examples/src/pull/config/org.rs",
            "set rate_chair",
            "there is no key rate_chair",
        ),
        (
            "examples/src/pull/run.rs",
            "see docs/nothing.md.",
            "there is no document docs/nothing.md",
        ),
    ] {
        assert_eq!(faults(path, text), [fault], "{text}");
    }
    let good =
        "set a lower rate_share, or `max_body_bytes`, see docs/okta.md and {placeholder_name}";
    assert_eq!(faults("okta-source/src/api/error.rs", good), [""; 0]);
}
