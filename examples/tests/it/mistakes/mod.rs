//! The mistakes of `docs/mistakes.md`: each is made with the real program, which must say what the document says.

mod config;
mod mistake;
mod one_org;
mod others;
mod remotes;
mod replicas;

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{self, StreamExt};

use self::mistake::Mistake;

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/mistakes.md");

/// A row of the document.
#[derive(Debug)]
struct Row {
    code: i32,
    /// What the program says, on one line; `…` stands for any text.
    message: String,
}

/// The rows of all tables, by the mistake in their first column.
fn rows() -> BTreeMap<String, Row> {
    let text = std::fs::read_to_string(DOCUMENT).unwrap();
    let mut rows = BTreeMap::new();
    let tables = text.split("| mistake | exit code | message |\n|---|---|---|\n");
    let lines = tables.skip(1).flat_map(|table| {
        let lines = table.lines();
        lines.take_while(|line| line.starts_with("| "))
    });
    for line in lines {
        let line = line.replace("\\|", "\u{0}");
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [mistake, code, message] = cells[..] else {
            panic!("not three columns: {line}");
        };
        let message = message.trim_matches('`').trim().replace('\u{0}', "|");
        let code = code.parse().unwrap();
        let before = rows.insert(mistake.to_owned(), Row { code, message });
        assert!(before.is_none(), "twice: {mistake}");
    }
    rows
}

/// True if the parts of `pattern` between its `…` stand in `line`, one behind the other.
fn says(line: &str, pattern: &str) -> bool {
    let mut rest = line;
    pattern.split('…').all(|part| match rest.split_once(part) {
        Some((_, after)) => {
            rest = after;
            true
        }
        None => false,
    })
}

#[tokio::test]
async fn every_mistake_of_the_document_has_its_message() {
    let rows = rows();
    let groups = [
        one_org::mistakes(),
        config::mistakes(),
        remotes::mistakes(),
        replicas::mistakes(),
        others::mistakes(),
    ];
    let mistakes: Vec<Mistake> = groups.into_iter().flatten().collect();
    let made: BTreeSet<_> = mistakes.iter().map(|mistake| mistake.what).collect();
    assert_eq!(made.len(), mistakes.len(), "a mistake is made twice");
    let described: BTreeSet<_> = rows.keys().map(String::as_str).collect();
    let ended: Vec<_> = stream::iter(mistakes)
        .map(|mistake| async move { (mistake.what, mistake.make().await) })
        .buffered(4)
        .collect()
        .await;
    let mut wrong = Vec::new();
    for (what, ended) in &ended {
        let said = match rows.get(*what) {
            Some(row) => {
                ended.code == Some(row.code)
                    && ended.stderr.lines().any(|line| says(line, &row.message))
            }
            None => false,
        };
        if !said {
            wrong.push(format!("{what}\n  {:?}\n  {}", ended.code, ended.stderr));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert_eq!(described, made, "the document and the cases");
}

#[test]
fn pattern_matches_parts_in_their_order() {
    assert!(says("error: a is 7 of b", "a is … of b"));
    assert!(!says("error: of b a is 7", "a is … of b"));
    assert!(!says("error: a is 7", "a is … of b"));
}
