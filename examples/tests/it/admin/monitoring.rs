//! The alerts, the dashboard and the documents use names that are exported.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use okta_coralogix_examples::program::metrics::SourceKind;
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::names::{FAMILIES, scrape_of_everything};
use crate::many_orgs::supervision_harness::Scene;

pub(super) fn read(path: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The names of metrics in a text.
fn metrics(text: &str) -> BTreeSet<&str> {
    let words =
        text.split(|character: char| !character.is_ascii_alphanumeric() && character != '_');
    words
        .filter(|word| {
            let rest = word.strip_prefix("okta_coralogix_");
            rest.is_some_and(|rest| !rest.is_empty())
        })
        .collect()
}

/// The family of a name: that of a histogram's series is without its ending.
fn is_exported(name: &str) -> bool {
    FAMILIES.iter().any(|(family, kind)| {
        let rest = name.strip_prefix(family);
        match rest {
            Some("") => true,
            Some("_bucket" | "_sum" | "_count") => *kind == "histogram",
            _ => false,
        }
    })
}

/// The labels that queries ask for, such as `outcome="auth"`, one value each.
fn matchers(text: &str) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    for label in [
        "outcome", "stage", "by", "status", "source", "change", "result",
    ] {
        for operator in ["=~\"", "!~\"", "!=\"", "=\""] {
            let sign = format!("{label}{operator}");
            for (at, _) in text.match_indices(&sign) {
                let values = text[at + sign.len()..].split('"').next().unwrap();
                for value in values.split('|') {
                    found.insert((label.to_owned(), value.to_owned()));
                }
            }
        }
    }
    found
}

async fn assert_exported(text: &str) {
    for name in metrics(text) {
        assert!(is_exported(name), "{name} is not exported");
    }
    let scrape = scrape_of_everything().await;
    let matchers = matchers(text);
    assert!(!matchers.is_empty());
    for (label, value) in matchers {
        let exported = format!("{label}=\"{value}\"");
        // The label of a variable of the dashboard.
        let is_variable = value.starts_with('$');
        assert!(
            is_variable || scrape.contains(&exported),
            "{exported} is not exported"
        );
    }
}

fn alerts() -> Vec<String> {
    let rules = read("monitoring/alerts.yaml");
    let names = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "));
    names.map(str::to_owned).collect()
}

#[tokio::test]
async fn alert_rules_use_exported_names_and_values() {
    let rules = read("monitoring/alerts.yaml");
    assert_exported(&rules).await;
    let tests = read("monitoring/alerts_test.yaml");
    for alert in alerts() {
        let tested = format!("alertname: {alert}\n");
        assert!(tests.contains(&tested), "{alert} has no test");
    }
}

#[tokio::test]
async fn dashboard_queries_use_exported_names_and_values() {
    let dashboard: Value = serde_json::from_str(&read("monitoring/dashboard.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let mut queries = String::new();
    for panel in panels {
        let targets = panel["targets"].as_array().unwrap();
        assert!(!targets.is_empty(), "{panel}");
        for target in targets {
            let query = target["expr"].as_str().unwrap();
            assert!(!metrics(query).is_empty(), "{query}");
            queries.push_str(query);
            queries.push('\n');
        }
    }
    assert!(panels.len() >= 8);
    assert_exported(&queries).await;
}

#[test]
fn operations_document_names_every_metric_and_alert() {
    let document = read("../docs/operations.md");
    for (name, _) in FAMILIES {
        let short = name.strip_prefix("okta_coralogix_").unwrap();
        assert!(
            document.contains(&format!("`{short}`")),
            "{name} is not explained"
        );
    }
    for name in metrics(&document) {
        let is_setting = name.to_uppercase() == *name;
        assert!(is_setting || is_exported(name), "{name} is not exported");
    }
    for alert in alerts() {
        let short = alert.strip_prefix("OktaCoralogix").unwrap();
        assert!(
            document.contains(&format!("`{short}`")),
            "{alert} is not explained"
        );
    }
}

/// Judges scrapes, where `.ci/monitoring` has found promtool.
#[tokio::test(start_paused = true)]
async fn promtool_finds_no_fault_in_a_scrape() {
    let Some(promtool) = std::env::var_os("PROMTOOL") else {
        println!("PROMTOOL is not set: skipped");
        return;
    };
    let scene = Scene::of(["acme"]);
    let odd = scene.registry.monitor("\"odd\\\n", SourceKind::Replay);
    let mut scrapes = vec![scrape_of_everything().await];
    scene
        .run(async {
            scene.events(&scene.orgs[0], 3).await;
            scrapes.push(scene.registry.scrape(Duration::from_secs(5)).await);
        })
        .await;
    drop(odd);
    for scrape in scrapes {
        let mut judge = Command::new(&promtool)
            .args(["check", "metrics"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = judge.stdin.take().unwrap();
        stdin.write_all(scrape.as_bytes()).await.unwrap();
        drop(stdin);
        let output = judge.wait_with_output().await.unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let is_sound = output.status.success() && said.is_empty();
        assert!(is_sound, "{said}\n{scrape}");
    }
}
