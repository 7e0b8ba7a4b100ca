use std::error::Error as _;
use std::sync::Arc;

use okta_coralogix_core::checkpoint::CheckpointStore;
use okta_coralogix_core::testing::LogCapture;
use okta_coralogix_core::{Error, EventSource};
use okta_source::simulator::Fault;

use crate::harness::{Harness, Recorder, TOKEN, given};

pub(crate) fn everything(error: &Error) -> String {
    let mut text = format!("{error} {error:?} {error:#?}");
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!("{error} {error:?}");
        cause = error.source();
    }
    text
}

#[tokio::test(start_paused = true)]
async fn api_token_is_in_no_debug_output_or_error() {
    let harness = Harness::new();
    let builder = harness.builder();
    let mut printed = format!("{builder:?} {builder:#?}");
    let mut source = builder.open().await.unwrap();
    let delivery = given(&mut source).await;
    printed += &format!(
        "{source:?} {source:#?} {delivery:?} {:?} {:?}",
        harness.org,
        harness.org.requests()
    );
    drop(delivery);
    for fault in [
        Fault::Status(401, String::new()),
        Fault::Status(403, String::new()),
        Fault::web_page(403, TOKEN),
        Fault::Status(400, r#"{"errorCode":"E0000001"}"#.into()),
        Fault::Status(503, String::new()),
        Fault::Html,
        Fault::HalfBody,
        Fault::Unreachable,
        Fault::Status(
            401,
            format!(r#"{{"errorSummary":"Invalid token {TOKEN}"}}"#),
        ),
        Fault::Status(
            503,
            format!(r#"{{"errorSummary":"{}"}}"#, TOKEN.to_uppercase()),
        ),
        Fault::Status(200, format!("<html>{TOKEN}")),
        Fault::NextLink(format!("https://{TOKEN}.evil.example/")),
        Fault::Redirect("https://evil.example/".into()),
        Fault::NextLink("https://evil.example/".into()),
    ] {
        harness.org.script(fault);
        let error = source.next().await.unwrap_err();
        let text = everything(&error);
        assert!(
            !text.contains("since=") && !text.contains("after="),
            "no query: {text}"
        );
        printed += &text;
    }
    let printed = printed.to_ascii_lowercase();
    assert!(
        !printed.contains(&TOKEN[2..].to_ascii_lowercase()),
        "{printed}"
    );
}

#[tokio::test(start_paused = true)]
async fn clock_and_link_warnings_are_logged_once_without_the_token() {
    let log = LogCapture::start();
    let harness = Harness::with(|org| org.clock_skew(chrono::TimeDelta::hours(-2)));
    let mut source = harness.open().await;
    crate::harness::settle(given(&mut source).await)
        .await
        .unwrap();
    for number in 0..3 {
        harness.append(number..number + 1);
        crate::harness::settle(given(&mut source).await)
            .await
            .unwrap();
    }
    harness
        .org
        .script(Fault::Status(400, r#"{"errorCode":"E0000001"}"#.into()));
    crate::harness::settle(given(&mut source).await)
        .await
        .unwrap();
    let text = log.text();
    assert_eq!(text.matches("5 minutes apart").count(), 1, "{text}");
    assert_eq!(text.matches("refuses the stored link").count(), 1, "{text}");
    assert!(!text.contains(TOKEN));
}

#[tokio::test(start_paused = true)]
async fn start_before_okta_retention_logs_a_warning() {
    for (days, warnings) in [(89, 0), (91, 1)] {
        let log = LogCapture::start();
        let harness = Harness::new();
        let since = harness.clock.now() - chrono::TimeDelta::days(days);
        harness.builder().since(since).open().await.unwrap();
        let text = log.text();
        assert_eq!(
            text.matches("keeps its log for 90 days").count(),
            warnings,
            "{text}"
        );
    }
}

/// All that a run prints, logs, reports or stores, with an org that puts the token everywhere.
#[tokio::test(start_paused = true)]
async fn token_is_in_no_error_log_event_or_checkpoint() {
    let log = LogCapture::start();
    let recorder = Recorder::default();
    let harness = Harness::with(|org| org.clock_skew(chrono::TimeDelta::hours(-2)).rate_limit(30));
    harness.append(0..3_000);
    let said = |status: u16, code: &str| {
        let body = format!(
            r#"{{"errorCode":"{code}","errorSummary":"SSWS {TOKEN}","errorId":"{TOKEN}"}}"#
        );
        Fault::Status(status, body)
    };
    let mut faults = vec![
        said(429, "E0000047"),
        said(500, "E0000009"),
        said(500, TOKEN),
        said(503, "E0000010"),
        said(400, "E0000031"),
        said(400, "E0000053"),
        said(404, "E0000007"),
        said(418, "E0000001"),
        Fault::Status(200, format!(r#"[{{"x":"{TOKEN}"]"#)),
        Fault::NextLink(format!("https://example.okta.com/{TOKEN}")),
        Fault::NextLink(format!("https://{TOKEN}@example.okta.com/api/v1/logs")),
        Fault::NextLink(format!(
            "https://example.okta.com/api/v1/logs?after={TOKEN}"
        )),
        Fault::Redirect(format!("https://evil.example/?{TOKEN}")),
        Fault::EndlessArray,
        Fault::SlowBody(std::time::Duration::from_secs(14)),
        Fault::TruncatedGzip,
        Fault::WrongCharset,
        Fault::QueryTimeout,
        Fault::Silence,
    ];
    let mut printed = String::new();
    for way in ["poll", "backfill"] {
        let every = Some(std::time::Duration::from_secs(60));
        let builder = harness
            .builder()
            .filter("eventType pr")
            .max_body_bytes(1 << 20)
            .silence_alarm(every)
            .reread_every(std::time::Duration::from_secs(90))
            .observer(recorder.clone());
        printed += &format!("{builder:?}");
        let store = Arc::new(crate::harness::MemoryStore::default());
        let now = harness.org.now();
        let builder = builder.checkpoint(Arc::clone(&store) as Arc<dyn CheckpointStore>);
        let mut source: Box<dyn EventSource> = match way {
            "poll" => Box::new(builder.open().await.unwrap()),
            _ => {
                let range = now - chrono::TimeDelta::hours(3)..now;
                Box::new(builder.open_backfill(range).await.unwrap())
            }
        };
        for fault in faults.iter().cycle().take(2 * faults.len()) {
            harness.org.script(fault.clone());
            match tokio::time::timeout(std::time::Duration::from_secs(600), source.next()).await {
                Ok(Ok(Some(delivery))) => {
                    printed += &format!("{delivery:?}");
                    crate::harness::settle(delivery).await.unwrap();
                }
                Ok(Ok(None)) | Err(_) => {}
                Ok(Err(error)) => printed += &everything(&error),
            }
            printed += &format!("{source:?} {:?} {:?}", store.cursor(), store.identity());
        }
        faults.reverse();
    }
    let logged = log.text();
    let signals = recorder.all("").concat();
    assert!(logged.contains("refuses the stored link") && signals.contains("CursorReset"));
    for (what, text) in [("printed", printed), ("logged", logged), ("said", signals)] {
        let text = text.to_ascii_lowercase();
        let token = TOKEN[2..].to_ascii_lowercase();
        let place = text.find(&token).map(|at| {
            text[at.saturating_sub(200)..]
                .chars()
                .take(400)
                .collect::<String>()
        });
        assert_eq!(place, None, "{what}");
    }
}
