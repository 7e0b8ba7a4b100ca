//! The lines of the log, each in the situation that it is for.

use std::time::Duration;

use coralogix_sink::simulator::Fault;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::Child;
use tokio::time::timeout;

use crate::eventbridge_http::harness::Harness as HttpHarness;
use crate::harness::{Harness, TOKEN, terminate};

/// The first line of a running program with these words.
async fn line_with(child: &mut Child, words: &str) -> String {
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let found = async {
        let mut seen = Vec::new();
        loop {
            let line = lines.next_line().await.unwrap();
            match line {
                Some(line) if line.contains(words) => return line,
                Some(line) => seen.push(line),
                None => panic!("no line has {words:?}: {seen:#?}"),
            }
        }
    };
    timeout(Duration::from_secs(60), found).await.expect(words)
}

fn json_lines(log: &str) -> Vec<Value> {
    log.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
        .collect()
}

#[tokio::test]
async fn json_log_has_a_start_line_and_counts_of_the_integration() {
    let harness = Harness::new().await;
    harness.backlog(250);
    harness.append([(&b"no event"[..]).into()]);
    let ended = harness.run(&["--once", "--log-format", "json"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let lines = json_lines(&ended.stderr);
    let of = |message: &str| {
        let found = lines.iter().find(|line| line["message"] == message);
        found.unwrap_or_else(|| panic!("no {message:?}: {}", ended.stderr))
    };
    let started = of("started");
    let text = |member: &str| started[member].as_str().unwrap_or_default().to_owned();
    assert_eq!(text("version"), env!("CARGO_PKG_VERSION"));
    assert_eq!(text("target"), harness.ingress_server.base_url());
    assert!(text("source").contains("127.0.0.1"), "{started}");
    assert!(
        text("resumes").starts_with("no position is saved: at 20"),
        "{started}"
    );
    assert!(
        text("checkpoint").ends_with("okta-coralogix.checkpoint"),
        "{started}"
    );
    assert!(text("dead_letters").ends_with(".ndjson"), "{started}");
    let integration = text("integration");
    assert!(!integration.is_empty(), "{started}");
    let letter = of("an event was dead-lettered");
    assert_eq!(letter["level"], "WARN");
    assert_eq!(
        (&letter["reason"], letter["integration"].as_str()),
        (&"malformed".into(), Some(&*integration))
    );
    assert!(
        letter["location"].as_str().unwrap().ends_with(".ndjson"),
        "{letter}"
    );
    let counts = of("events since the last such line");
    assert_eq!(counts["integration"].as_str(), Some(&*integration));
    for (member, expected) in [
        ("received", 251),
        ("delivered", 250),
        ("dead_lettered", 1),
        ("pending", 0),
    ] {
        assert_eq!(counts[member], expected, "{counts}");
    }
    assert!(counts["lag_seconds"].is_u64(), "{counts}");

    let ended = harness.run(&["--once", "--log-format", "json"]).await;
    let lines = json_lines(&ended.stderr);
    let resumes = lines
        .iter()
        .find(|line| line["message"] == "started")
        .unwrap();
    let resumes = resumes["resumes"].as_str().unwrap();
    assert!(
        resumes.starts_with("at the saved position, behind 20"),
        "{resumes}"
    );
}

#[tokio::test]
async fn text_log_off_a_terminal_has_counts_and_no_colour() {
    let harness = Harness::new().await;
    harness.backlog(250);
    let ended = harness.run(&["--once"]).await;
    let counts = ended
        .stderr
        .lines()
        .find(|line| line.contains("events since the last such line"));
    let counts = counts.unwrap_or_else(|| panic!("{}", ended.stderr));
    for word in [
        "INFO",
        "pipeline{integration=",
        "received=250",
        "delivered=250",
    ] {
        assert!(counts.contains(word), "{word}: {counts}");
    }
    assert!(!ended.stderr.contains('\u{1b}'), "{}", ended.stderr);
    assert!(
        ended.stderr.lines().all(|line| line.starts_with("20")),
        "{}",
        ended.stderr
    );
}

#[tokio::test]
async fn quiet_program_says_that_it_waits() {
    let harness = Harness::new().await;
    let mut child = harness.start(&["--heartbeat-interval", "1s"]);
    let line = line_with(&mut child, "no event for").await;
    for word in [
        "INFO",
        "waiting for the next",
        "lag_seconds=",
        "delivered_through=20",
    ] {
        assert!(line.contains(word), "{word}: {line}");
    }
    terminate(&child).await;
}

#[tokio::test]
async fn counts_are_logged_while_events_move() {
    let harness = Harness::new().await;
    harness.backlog(20);
    let mut child = harness.start(&["--log-interval", "1s"]);
    let line = line_with(&mut child, "events since the last such line").await;
    assert!(line.contains("received=20"), "{line}");
    terminate(&child).await;
}

#[tokio::test]
async fn outage_ends_with_a_line_that_it_recovered() {
    let harness = Harness::new().await;
    harness.backlog(20);
    harness.ingress.fail_next(2, Fault::status(503));
    let ended = harness.run(&["--once"]).await;
    for words in [
        "a request to the sink failed",
        "recovered: the sink accepts requests again",
    ] {
        assert!(ended.stderr.contains(words), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn refused_key_of_a_caller_is_a_warning_with_the_integration() {
    let harness = HttpHarness::new().await;
    let program = harness.listen(&harness.variables(), &[]).await;
    let mut caller = TcpStream::connect(&program.address).await.unwrap();
    let request = "POST /aws/event-bridge HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
                   x-amz-event-bridge-access-key: an old key\r\ncontent-length: 2\r\n\r\n{}";
    caller.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    caller.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    terminate(&program.child).await;
    let ended = program.ended().await;
    let line = ended
        .stderr
        .lines()
        .find(|line| line.contains("a request was refused"));
    let line = line.unwrap_or_else(|| panic!("{}", ended.stderr));
    for word in [
        "WARN",
        "pipeline{integration=\"eventbridge\"}",
        "status=401",
    ] {
        assert!(line.contains(word), "{word}: {line}");
    }
    assert!(!ended.stderr.contains("an old key") && !ended.stderr.contains(TOKEN));
}
