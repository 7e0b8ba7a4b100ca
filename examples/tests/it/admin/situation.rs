//! The table of situations in docs/operations.md, and the lines of the log in each of them.

use std::collections::BTreeSet;

use super::monitoring::read;

fn document() -> String {
    read("../docs/operations.md")
}

/// The tests that the table names.
const TESTS: [&str; 3] = [
    include_str!("situations.rs"),
    include_str!("scrapes.rs"),
    include_str!("health.rs"),
];

/// One row of the table.
struct Situation<'a> {
    name: &'a str,
    log: &'a str,
    test: &'a str,
}

/// A line that the table promises.
#[derive(Debug, Default, PartialEq, Eq)]
struct Promise<'a> {
    level: &'a str,
    /// The text of its message, `…` for any text in it.
    message: &'a str,
    fields: Vec<&'a str>,
}

impl<'a> Situation<'a> {
    fn all(document: &'a str) -> Vec<Self> {
        let (_, table) = document
            .split_once("| situation | log | metrics | alert | test |\n")
            .unwrap();
        let rows = table.lines().skip(1);
        let rows = rows.take_while(|line| line.starts_with('|'));
        rows.map(|row| {
            let cells: Vec<_> = row.trim_matches('|').split(" | ").map(str::trim).collect();
            let [name, log, _, _, test] = cells[..] else {
                panic!("{row}");
            };
            let test = test.trim_matches('`');
            Situation { name, log, test }
        })
        .collect()
    }

    /// The lines: a level, and behind it messages in backticks, each with the names of its fields, which are single words.
    fn promises(&self) -> Vec<Promise<'a>> {
        let mut promises: Vec<Promise<'a>> = Vec::new();
        let mut level = "";
        for (number, part) in self.log.split('`').enumerate() {
            let is_quoted = number % 2 == 1;
            if !is_quoted {
                let mut words = part.split(|letter: char| !letter.is_ascii_uppercase());
                level = words
                    .find(|word| ["INFO", "WARN", "ERROR"].contains(word))
                    .unwrap_or(level);
            } else if part.contains(' ') {
                promises.push(Promise {
                    level,
                    message: part,
                    fields: Vec::new(),
                });
            } else {
                promises.last_mut().unwrap().fields.push(part);
            }
        }
        let is_sound = promises.iter().all(|promise| !promise.level.is_empty());
        assert!(is_sound && !promises.is_empty(), "{}", self.log);
        promises
    }
}

impl Promise<'_> {
    /// Whether a line of the log is this one.
    fn is_kept_by(&self, line: &str) -> bool {
        let Some((_, mut rest)) = line.split_once(&format!("{} ", self.level)) else {
            return false;
        };
        let mut parts = self.message.split('…');
        let has_message = parts.all(|part| match rest.split_once(part) {
            Some((_, behind)) => {
                rest = behind;
                true
            }
            None => false,
        });
        let has = |field: &&str| rest.contains(&format!(" {field}="));
        has_message && self.fields.iter().all(has)
    }
}

/// The log has each line that the document promises for the situation.
pub(super) fn assert_logged(situation: &str, log: &str) {
    let document = document();
    let mut rows = Situation::all(&document).into_iter();
    let row = rows.find(|row| row.name == situation);
    let promises = row
        .unwrap_or_else(|| panic!("no row for {situation:?}"))
        .promises();
    for promise in promises {
        let is_kept = log.lines().any(|line| promise.is_kept_by(line));
        assert!(is_kept, "no {promise:?} in:\n{log}");
    }
}

#[test]
fn situations_have_their_log_checked_in_the_tests_they_name() {
    let document = document();
    let situations = Situation::all(&document);
    assert!(situations.len() >= 14, "{}", situations.len());
    let names: BTreeSet<_> = situations.iter().map(|situation| situation.name).collect();
    assert_eq!(names.len(), situations.len());
    for Situation { name, test, .. } in situations {
        let bodies = TESTS.iter().filter_map(|tests| {
            let (_, body) = tests.split_once(&format!("fn {test}("))?;
            body.split_once("\n}\n")
        });
        let body: String = bodies.map(|(body, _)| body).collect();
        let checked = format!("assert_logged(\"{name}\"");
        assert!(body.contains(&checked), "{test} has no {checked}");
    }
}

#[test]
fn promised_line_is_known_by_level_message_and_fields() {
    let situation = |log| Situation {
        name: "",
        log,
        test: "",
    };
    let row = situation("WARN `it … now` or `it stops`, with `uuid`, later INFO `it runs`");
    let promises = row.promises();
    let of = |level, message, fields| Promise {
        level,
        message,
        fields,
    };
    let expected = [
        of("WARN", "it … now", vec![]),
        of("WARN", "it stops", vec!["uuid"]),
        of("INFO", "it runs", vec![]),
    ];
    assert_eq!(promises, expected);
    for (line, keeps) in [
        (
            "2026-01-01 WARN a{b=c}: it fails now at=3",
            [true, false, false],
        ),
        ("INFO it fails now", [false; 3]),
        ("WARN it fails", [false; 3]),
        ("WARN now it fails", [false; 3]),
        ("WARN it stops uuid=a", [false, true, false]),
        ("WARN it stops", [false; 3]),
        ("INFO it runs", [false, false, true]),
    ] {
        let kept: Vec<_> = promises
            .iter()
            .map(|promise| promise.is_kept_by(line))
            .collect();
        assert_eq!(kept, keeps, "{line}");
    }
}
