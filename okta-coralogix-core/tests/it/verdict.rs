//! The table of verdicts in `docs/delivery.md`.

use http::Response;
use okta_coralogix_core::internal::exchange::{Recognition, Verdict};

const PAGE: &str = "<html><head><title>Access denied</title></head></html>";
const JSON: &str = r#"{"message":"no"}"#;

fn verdict(status: u16, body: &str, recognition: Recognition) -> String {
    let response = Response::builder().status(status).body(body).unwrap();
    match Verdict::of(&response, recognition) {
        Verdict::Error(kind) => format!("`{kind:?}`"),
        Verdict::Intercepted(_) => "`Intercepted`".into(),
        verdict => format!("`{verdict:?}`"),
    }
}

/// `200, 201–204` → the statuses of the cell.
fn statuses(cell: &str) -> Vec<u16> {
    let ranges = cell.split(',').map(str::trim);
    ranges
        .flat_map(|range| {
            let (first, last) = range.split_once('–').unwrap_or((range, range));
            let number = |text: &str| text.trim().parse::<u16>().unwrap();
            number(first)..=number(last)
        })
        .collect()
}

#[test]
fn verdict_follows_the_table_of_the_documents() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/delivery.md");
    let Ok(document) = std::fs::read_to_string(path) else {
        println!("skipped: docs/delivery.md is not there");
        return;
    };
    let table = document
        .split("<!-- verdicts -->")
        .nth(1)
        .expect("docs/delivery.md marks its table of verdicts");
    let mut seen = Vec::new();
    for line in table
        .lines()
        .filter(|line| line.starts_with("| ") && line.contains('`'))
    {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [status, okta, unmarked, coralogix, markup] = cells[..5] else {
            panic!("{line}");
        };
        for status in statuses(status) {
            seen.push(status);
            for (cell, body, recognition) in [
                (okta, JSON, Recognition::Marked(true)),
                (unmarked, JSON, Recognition::Marked(false)),
                (coralogix, JSON, Recognition::UnlessForeign),
                (markup, PAGE, Recognition::Marked(true)),
                (markup, PAGE, Recognition::Marked(false)),
                (markup, PAGE, Recognition::UnlessForeign),
            ] {
                let found = verdict(status, body, recognition);
                assert_eq!(found, cell, "{status} {recognition:?} {body}");
            }
        }
    }
    seen.sort_unstable();
    assert_eq!(seen, (200..=599).collect::<Vec<_>>());
}
