//! `--dry-run`: entries on standard output, what they amount to on standard error, and nothing left behind.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use chrono::TimeDelta;
use okta_coralogix_core::testing::{EventGenerator, GeneratedEvent};
use okta_coralogix_core::{Clock, SystemClock};
use serde_json::Value;

use crate::harness::{Exit, Harness};
use crate::many_orgs::{config_file, run as run_many, write};

/// The last line of standard error.
fn summary(ended: &Exit) -> Value {
    let last = ended.stderr.lines().last().unwrap();
    serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

fn number(summary: &Value, name: &str) -> u64 {
    summary[name]
        .as_u64()
        .unwrap_or_else(|| panic!("{name}: {summary}"))
}

/// The events and bytes of each type.
fn by_type(events: &[GeneratedEvent]) -> BTreeMap<String, (u64, u64)> {
    let mut all: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for event in events {
        let json: Value = serde_json::from_slice(&event.json).unwrap();
        let count = all
            .entry(json["eventType"].as_str().unwrap().into())
            .or_default();
        *count = (count.0 + 1, count.1 + event.json.len() as u64);
    }
    all
}

fn entries(harness: &Harness) -> usize {
    std::fs::read_dir(harness.folder.path()).unwrap().count()
}

#[tokio::test]
async fn dry_run_writes_entries_and_touches_no_file() {
    let harness = Harness::new().await;
    let events = harness.backlog(1200);
    let ended = harness.run(&["--once", "--dry-run"]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let lines: Vec<_> = ended.stdout.lines().collect();
    assert_eq!(lines.len(), 1200, "and no summary");
    for (line, event) in lines.iter().zip(&events) {
        let entry: Value = serde_json::from_str(line).unwrap();
        assert_eq!(entry["subsystemName"], "acme");
        assert_eq!(entry["text"].as_str().unwrap().as_bytes(), &event.json[..]);
    }
    assert_eq!(number(&summary(&ended), "delivered"), 1200);
    assert_eq!(entries(&harness), 0);
    assert_eq!(harness.ingress.ledger().requests().len(), 0);
}

#[tokio::test]
async fn dry_run_says_what_a_day_has_by_event_type() {
    let harness = Harness::new().await;
    let events = harness.backlog(600);
    harness.append([&b"{\"no\":\"published\"}"[..]].map(Into::into));
    let ended = harness
        .run(&["--once", "--dry-run", "--since", "12h"])
        .await;
    let said = summary(&ended);
    assert_eq!(
        (number(&said, "received"), number(&said, "dead_lettered")),
        (601, 1)
    );
    let stdout = ended.stdout.len() as u64;
    assert_eq!(number(&said, "entry_bytes"), stdout, "{said}");
    let expected = by_type(&events);
    let types = said["event_types"].as_array().unwrap();
    let mut most = u64::MAX;
    for found in types {
        let name = found["event_type"].as_str().unwrap();
        let (count, bytes) = expected[name];
        assert_eq!(
            (number(found, "events"), number(found, "bytes")),
            (count, bytes)
        );
        assert!(bytes <= most, "the most bytes first");
        most = bytes;
        // Of half a day, and of the few seconds of the test.
        let a_day = number(found, "events_per_day");
        assert!(a_day.abs_diff(count * 2) <= 1, "{found}");
        assert!(
            number(found, "bytes_per_day").abs_diff(bytes * 2) <= bytes / 50,
            "{found}"
        );
    }
    assert_eq!(types.len(), expected.len());
    let bytes: u64 = expected.values().map(|(_, bytes)| bytes).sum();
    assert_eq!(
        (number(&said, "events"), number(&said, "bytes")),
        (600, bytes)
    );
    assert!(
        said["seconds"].as_u64().unwrap().abs_diff(12 * 3600) < 120,
        "{said}"
    );
    // For people, in front of it.
    let table: Vec<_> = ended
        .stderr
        .lines()
        .rev()
        .skip(1)
        .take(expected.len() + 2)
        .collect();
    assert!(
        table[0].ends_with("  all") && table[0].contains(" 600 "),
        "{table:?}"
    );
    assert!(
        table
            .last()
            .unwrap()
            .ends_with("events a day  bytes a day  event type"),
        "{table:?}"
    );

    let ended = harness
        .run(&["--once", "--dry-run", "--log-format", "json"])
        .await;
    for line in ended.stderr.lines() {
        let parsed: Result<Value, _> = serde_json::from_str(line);
        assert!(parsed.is_ok(), "{line}");
    }
}

#[tokio::test]
async fn dry_run_of_many_orgs_needs_no_state() {
    let harness = Harness::new().await;
    let events = harness.backlog(300);
    let config = config_file(&harness, 2, 1);
    write(&harness, &config);
    let before = entries(&harness);
    let ended = run_many(&harness, &config, &["--once", "--dry-run"]).await;
    assert_eq!(ended.code, Some(1), "one has a wrong token: {ended:?}");
    assert!(
        ended
            .stderr
            .contains("1 of 3 integrations have ended with an error: org2"),
        "{ended:?}"
    );
    let entry = |line: &str| serde_json::from_str::<Value>(line).unwrap();
    let lines: Vec<_> = ended.stdout.lines().map(entry).collect();
    assert_eq!(lines.len(), 600);
    let names: HashSet<_> = lines
        .iter()
        .map(|line| line["subsystemName"].to_string())
        .collect();
    assert_eq!(
        names,
        ["\"account0\"".to_owned(), "\"account1\"".to_owned()].into()
    );
    let said = summary(&ended);
    assert_eq!(number(&said, "events"), 600);
    let bytes: u64 = events.iter().map(|event| event.json.len() as u64).sum();
    assert_eq!(number(&said, "bytes"), 2 * bytes);
    assert_eq!(
        entries(&harness),
        before,
        "no checkpoint, no lock, no dead letters"
    );
    assert_eq!(harness.ingress.ledger().requests().len(), 0);
    let ended = run_many(&harness, &config, &["--dry-run", "--check"]).await;
    assert_eq!(ended.code, Some(2), "{ended:?}");
}

#[tokio::test]
async fn dry_run_of_a_range_counts_its_own_time() {
    let harness = Harness::new().await;
    let start = SystemClock.now() - TimeDelta::hours(10);
    let mut generator = EventGenerator::new(9);
    let events: Vec<_> = (0..60)
        .map(|n| generator.event(start + TimeDelta::minutes(n)))
        .collect();
    harness.append(events.iter().map(|event| event.json.clone()));
    let text = |time: chrono::DateTime<chrono::Utc>| time.to_rfc3339();
    let (from, to) = (text(start), text(start + TimeDelta::hours(6)));
    let ended = harness
        .run(&["--from", &from, "--to", &to, "--dry-run"])
        .await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let said = summary(&ended);
    assert_eq!(
        (number(&said, "seconds"), number(&said, "events_per_day")),
        (6 * 3600, 240)
    );
    assert_eq!(entries(&harness), 0);
    assert_eq!(ended.stdout.lines().count(), 60);
}

#[tokio::test]
async fn page_of_a_dry_run_shows_counts_samples_and_markup_as_text() {
    let harness = Harness::new().await;
    let now = SystemClock.now();
    let published = (now - TimeDelta::minutes(5)).to_rfc3339();
    let hostile = format!(
        r#"{{"uuid":"0","published":"{published}","eventType":"<img src=x>","severity":"ERROR","actor":{{"displayName":"</pre><script>alert(1)</script>"}}}}"#
    );
    let old = (now - TimeDelta::hours(30)).to_rfc3339();
    let too_old = format!(r#"{{"uuid":"1","published":"{old}","eventType":"user.session.end"}}"#);
    harness.append([hostile, too_old].map(Into::into));
    harness.backlog(300);
    let page = harness.folder.path().join("report.html");
    let flags = ["--once", "--dry-run", "--since", "48h", "--html"];
    let ended = harness
        .run(&[&flags[..], &[page.to_str().unwrap()]].concat())
        .await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let said = summary(&ended);
    let html = std::fs::read_to_string(&page).unwrap();
    // `.ci/page` shows it to a browser.
    if let Some(kept) = std::env::var_os("DRY_RUN_PAGE") {
        std::fs::write(kept, &html).unwrap();
    }
    assert!(html.starts_with("<!doctype html>") && html.ends_with("</html>\n"));
    assert!(
        !html.contains("<script") && !html.contains("<img"),
        "{html}"
    );
    assert!(html.contains("&lt;/pre&gt;&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(html.contains("&lt;img src=x&gt;"));
    let sent = number(&said, "delivered");
    assert!(html.contains(&format!("<b>{sent}</b>events would be sent")));
    assert!(html.contains("Age rule (--too-old): <b>1</b>"));
    assert!(html.contains(" error</title>") && html.contains("1 not sent: too old</title>"));
    let samples = html.matches("<details>").count();
    assert!((2..=10).contains(&samples), "{samples}");
    for row in said["event_types"].as_array().unwrap() {
        let name = row["event_type"].as_str().unwrap();
        let name = name.replace('<', "&lt;").replace('>', "&gt;");
        assert!(html.contains(&format!("<tr><td>{name}<td>")), "{name}");
    }

    // A second run replaces the page, and nothing else that is there.
    let run = async |file: &Path| {
        let flags = ["--once", "--dry-run", "--html", file.to_str().unwrap()];
        harness.run(&flags).await
    };
    std::fs::write(&page, html.clone() + &html).unwrap();
    assert_eq!(run(&page).await.code, Some(0));
    let again = std::fs::read_to_string(&page).unwrap();
    assert_eq!(again.matches("</html>").count(), 1);
    assert!(again.ends_with("</html>\n"));
    let other = harness.folder.path().join("okta-coralogix.checkpoint");
    std::fs::write(&other, "a position").unwrap();
    let refused = run(&other).await;
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("--html: "), "{}", refused.stderr);
    assert_eq!(std::fs::read_to_string(&other).unwrap(), "a position");
    let alone = harness.run(&["--once", "--html", "report.html"]).await;
    assert_eq!(alone.code, Some(2));
    assert!(alone.stderr.contains("--html: ") && alone.stderr.contains("add --dry-run"));
}
