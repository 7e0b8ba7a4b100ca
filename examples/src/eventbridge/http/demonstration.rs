//! Without any setting: an API destination and an ingress on real sockets, events with everything that can be odd, and faults
//! that pass.

use bytes::Bytes;
use coralogix_sink::CoralogixSink;
use coralogix_sink::simulator::CoralogixSimulator;
use eventbridge_source::http::HttpSource;
use eventbridge_source::simulator::{ApiDestination, Authorization, Report};
use okta_coralogix_core::dead_letter::FileDeadLetters;
use okta_coralogix_core::{Clock, Result, Summary, SystemClock};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::eventbridge::backlog;
use crate::program::ExitStatus;
use crate::program::demonstration::{KEY, cannot_start, faulty_ingress, judge, say};
use crate::program::progress::Progress;
use crate::program::signals;

const ACCESS_KEY: &str = "demonstration-access-key";

/// Events of the last seconds.
const FRESH: usize = 2400;

pub(super) async fn run() -> ExitStatus {
    let progress = Progress::on_stderr();
    progress.take_the_log();
    say(
        "Nothing is set, so this is the demonstration: an EventBridge API destination and a Coralogix ingress on 127.0.0.1.",
    );
    say("Set EVENTBRIDGE_API_KEY, CORALOGIX_DOMAIN and CORALOGIX_API_KEY for a real run.");
    match demonstrate(&progress).await {
        Ok(end) => end,
        Err(error) => ExitStatus::Failed(error, Summary::default()),
    }
}

async fn demonstrate(progress: &Progress) -> Result<ExitStatus> {
    let ingress = faulty_ingress();
    let ingress_server = ingress.serve().await.map_err(cannot_start)?;
    let folder = tempfile::tempdir().map_err(cannot_start)?;
    let sink = CoralogixSink::builder()
        .endpoint(ingress_server.base_url())
        .api_key(KEY)
        .build()?;
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .map_err(cannot_start)?;
    let endpoint = format!(
        "http://{}/aws/event-bridge",
        listener.local_addr().map_err(cannot_start)?
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

    let (events, expected) = backlog::envelopes(FRESH, SystemClock.now());
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
        (Ok(summary), None) => ExitStatus::Done(summary),
        (Err(failed), _) => ExitStatus::Failed(failed.error, failed.summary),
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
