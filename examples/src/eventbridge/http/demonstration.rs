//! `eventbridge_http` between simulators on sockets, with faults that pass and events of all sorts.

use bytes::Bytes;
use coralogix_sink::simulator::CoralogixSimulator;
use eventbridge_source::http::HttpSource;
use eventbridge_source::simulator::{ApiDestination, Authorization, Report};
use okta_coralogix_core::Result;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::stopped;
use crate::eventbridge::envelopes::envelopes;
use crate::program::demonstration::{Demonstration, cannot_start, print};
use crate::program::pipeline::open_dead_letters;
use crate::program::progress::Progress;
use crate::program::{ExitStatus, signals};

const ACCESS_KEY: &str = "demonstration-access-key";

pub(super) async fn run(progress: Progress) -> Result<ExitStatus> {
    let demonstration = Demonstration::start().await?;
    let listener = TcpListener::bind("127.0.0.1:0").await;
    let listener = listener.map_err(cannot_start)?;
    let address = listener.local_addr().map_err(cannot_start)?;
    let endpoint = format!("http://{address}/aws/event-bridge");
    let source = HttpSource::builder().api_key(ACCESS_KEY).build()?;
    let (stop, stopping) = watch::channel(false);
    let server = tokio::spawn(source.serve(listener, stopped(stopping.clone())));
    let dead_letters = open_dead_letters(&demonstration.file("dead-letters.ndjson")).await?;
    let pipeline = source
        .pipeline(demonstration.sink()?)
        .dead_letters(dead_letters);
    let pipeline = demonstration.configure(pipeline, &progress).build()?;

    let (events, expected) = envelopes(2400);
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
    let Some(report) = report else {
        return Ok(ended.into());
    };
    print_report(&report, &demonstration.ingress);
    let repeats = "Okta sent them twice, or EventBridge did";
    Ok(demonstration.verify(ended, &expected, repeats))
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

fn print_report(report: &Report, ingress: &CoralogixSimulator) {
    let requests = ingress.ledger().requests().len();
    print(&format!(
        "{} requests with one event each, {} of them sent again after a 503; answered within {} ms (median) and {} ms (99 %)",
        report.invoked.len(),
        report.retries(),
        report.answered_within(0.5).as_millis(),
        report.answered_within(0.99).as_millis(),
    ));
    print(&format!("they became {requests} requests to Coralogix"));
    let undelivered = report.undelivered.len();
    if undelivered > 0 {
        print(&format!(
            "{undelivered} would be in EventBridge's own dead-letter queue"
        ));
    }
}
