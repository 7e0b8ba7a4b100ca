//! Without any setting: an API destination and an ingress on real sockets, events with everything that can be odd, and faults
//! that pass.

use std::collections::HashSet;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use coralogix_sink::CoralogixSink;
use coralogix_sink::simulator::{CoralogixSimulator, Fault, RetryAfter};
use eventbridge_source::http::HttpSource;
use eventbridge_source::simulator::{ApiDestination, Authorization, Report};
use okta_coralogix_core::dead_letter::FileDeadLetters;
use okta_coralogix_core::testing::EventGenerator;
use okta_coralogix_core::{Clock, Error, ErrorKind, Result, Summary, SystemClock};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::demonstration::{judge, say};
use crate::exit::End;
use crate::progress::Progress;
use crate::signals;

const ACCESS_KEY: &str = "demonstration-access-key";
const KEY: &str = "demonstration-key";

/// The events: how many of each sort.
const FRESH: usize = 2400;
const OLD: usize = 20;
const REPEATED: usize = 30;
const MALFORMED: usize = 5;

pub(super) async fn run() -> End {
    let progress = Progress::on_stderr();
    progress.take_the_log();
    say(
        "Nothing is set, so this is the demonstration: an EventBridge API destination and a Coralogix ingress on 127.0.0.1.",
    );
    say("Set EVENTBRIDGE_API_KEY, CORALOGIX_DOMAIN and CORALOGIX_API_KEY for a real run.");
    match demonstrate(&progress).await {
        Ok(end) => end,
        Err(error) => End::Failed(error, Summary::default()),
    }
}

async fn demonstrate(progress: &Progress) -> Result<End> {
    let io = |error: std::io::Error| {
        let detail = format!("the demonstration cannot start: {error}");
        Error::new(ErrorKind::Storage, detail)
    };
    let ingress = CoralogixSimulator::builder()
        .key(KEY)
        .max_age(TimeDelta::hours(24))
        .build();
    ingress.fail_next(1, Fault::status(503));
    ingress.fail_next(1, Fault::retry_after(429, RetryAfter::Seconds(1)));
    let ingress_server = ingress.serve().await.map_err(io)?;
    let folder = tempfile::tempdir().map_err(io)?;
    let sink = CoralogixSink::builder()
        .endpoint(ingress_server.base_url())
        .api_key(KEY)
        .build()?;
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(io)?;
    let endpoint = format!(
        "http://{}/aws/event-bridge",
        listener.local_addr().map_err(io)?
    );
    let source = HttpSource::builder().api_key(ACCESS_KEY).build()?;
    let (stop, stopping) = watch::channel(false);
    let server = tokio::spawn(source.serve(listener, stopped(stopping.clone())));
    let dead_letters = FileDeadLetters::open(folder.path().join("dead-letters.ndjson")).await?;
    let pipeline = source
        .pipeline(sink)
        .dead_letters(dead_letters)
        .observer(progress.clone())
        .build()?;

    let (events, expected) = events(SystemClock.now());
    let interrupt = signals::shutdown()?;
    let calls = async {
        let report = tokio::select! {
            report = call(&endpoint, events) => Some(report),
            () = interrupt => None,
        };
        stop.send_replace(true);
        report
    };
    let (ended, report) = tokio::join!(pipeline.run(stopped(stopping)), calls);
    server.await.ok();
    progress.finish();
    Ok(match (ended, report) {
        (Ok(summary), Some(report)) => {
            tell(&report, &ingress);
            judge(
                summary,
                &expected,
                &ingress,
                "Okta sent them twice, or EventBridge did",
            )
        }
        (Ok(summary), None) => End::Done(summary),
        (Err(failed), _) => End::Failed(failed.error, failed.summary),
    })
}

async fn stopped(mut stop: watch::Receiver<bool>) {
    drop(stop.wait_for(|stop| *stop).await);
}

/// Sends the events at the 300 requests per second that AWS allows.
async fn call(endpoint: &str, events: Vec<Bytes>) -> Report {
    let endpoint = endpoint
        .parse()
        .expect("the address of a socket makes a URL");
    let header = "x-amz-event-bridge-access-key";
    ApiDestination::builder(endpoint)
        .authorization(Authorization::api_key(header, ACCESS_KEY))
        .compress(1.0)
        .build()
        .invoke_all(events)
        .await
}

/// Envelopes, and the uuids that must arrive.
fn events(now: DateTime<Utc>) -> (Vec<Bytes>, HashSet<String>) {
    let mut generator = EventGenerator::new(20);
    let mut expected = HashSet::new();
    let mut details = Vec::new();
    for n in 0..FRESH {
        let event = generator.event(now - TimeDelta::milliseconds((FRESH - n) as i64));
        details.push(event.json);
        expected.insert(event.uuid);
    }
    for n in 0..OLD {
        let event = generator.event(now - TimeDelta::hours(30 + n as i64));
        details.insert(n * FRESH / OLD, event.json);
    }
    for n in 0..REPEATED {
        let copy = details[n * 7].clone();
        details.insert(details.len() - n, copy);
    }
    for n in 0..MALFORMED {
        let bad = format!("{{\"uuid\":\"malformed {n}\",\"published\":\"yesterday\"}}");
        details.insert(n * 400 + 200, bad.into());
    }
    let envelopes = details.iter().enumerate();
    (
        envelopes.map(|(n, detail)| envelope(n, detail)).collect(),
        expected,
    )
}

fn envelope(n: usize, detail: &Bytes) -> Bytes {
    let head = format!(
        r#"{{"version":"0","id":"{n:08x}-0000-4000-8000-000000000000","detail-type":"SystemLog","source":"aws.partner/okta.com/acme/audit","account":"123456789012","time":"2026-05-04T12:00:00Z","region":"eu-west-1","resources":[],"detail":"#
    );
    [head.as_bytes(), detail, b"}"].concat().into()
}

fn tell(report: &Report, ingress: &CoralogixSimulator) {
    let requests = ingress.ledger().requests().len();
    say(&format!(
        "{} requests with one event each, {} of them sent again after a 503; the answers took {} ms (half of them) and {} ms (99 of 100)",
        report.invoked.len(),
        report.retries(),
        report.answered_within(0.5).as_millis(),
        report.answered_within(0.99).as_millis(),
    ));
    say(&format!("they became {requests} requests to Coralogix"));
    let undelivered = report.undelivered.len();
    if undelivered > 0 {
        say(&format!(
            "{undelivered} would stand in EventBridge's own dead-letter queue"
        ));
    }
}
