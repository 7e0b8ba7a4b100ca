//! Without any setting: a queue and an ingress on real sockets, messages with everything that can be odd, and faults that pass.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::retry::RetryConfig;
use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region};
use coralogix_sink::CoralogixSink;
use eventbridge_source::sqs::SqsSource;
use eventbridge_source::sqs::simulator::SqsSimulator;
use okta_coralogix_core::dead_letter::FileDeadLetters;
use okta_coralogix_core::{Clock, Pipeline, Result, Summary, SystemClock};

use crate::eventbridge::backlog;
use crate::program::ExitStatus;
use crate::program::demonstration::{KEY, cannot_start, faulty_ingress, judge, say};
use crate::program::progress::Progress;
use crate::program::signals;

/// Events of the last minute.
const FRESH: usize = 6000;

pub(super) async fn run() -> ExitStatus {
    let progress = Progress::on_stderr();
    progress.take_the_log();
    say(
        "Nothing is set, so this is the demonstration: an SQS queue and a Coralogix ingress on 127.0.0.1.",
    );
    say("Set SQS_QUEUE_URL, CORALOGIX_DOMAIN and CORALOGIX_API_KEY for a real run.");
    match demonstrate(&progress).await {
        Ok(end) => end,
        Err(error) => ExitStatus::Failed(error, Summary::default()),
    }
}

async fn demonstrate(progress: &Progress) -> Result<ExitStatus> {
    let ingress = faulty_ingress();
    let ingress_server = ingress.serve().await.map_err(cannot_start)?;
    let queue = SqsSimulator::builder()
        .visibility(std::time::Duration::from_secs(3))
        .redrive_after(10)
        .build();
    let (envelopes, expected) = backlog::envelopes(FRESH, SystemClock.now());
    for envelope in envelopes {
        queue.send(envelope);
    }
    // Some are not deleted at the first time of asking, and some not by their first handle: those come again.
    queue.fail_deletes((0..200).map(|n| n % 50 == 0));
    let queue_server = queue.serve().await.map_err(cannot_start)?;

    let client = Client::from_conf(
        aws_sdk_sqs::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .credentials_provider(Credentials::new("demonstration", "key", None, None, "none"))
            .endpoint_url(queue_server.endpoint())
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .retry_config(RetryConfig::disabled())
            .build(),
    );
    let source = SqsSource::builder()
        .client(client, queue_server.queue_url())
        .once(true)
        .open()
        .await?;
    let returned = source.returned();
    let sink = CoralogixSink::builder()
        .endpoint(ingress_server.base_url())
        .api_key(KEY)
        .build()?;
    let folder = tempfile::tempdir().map_err(cannot_start)?;
    let dead_letters = FileDeadLetters::open(folder.path().join("dead-letters.ndjson")).await?;
    let pipeline = Pipeline::builder(source, sink)
        .dead_letters(dead_letters)
        .observer(progress.clone())
        .build()?;
    let ended = pipeline.run(signals::shutdown()?).await;
    returned.wait().await;
    progress.finish();
    let summary = match ended {
        Ok(summary) => summary,
        Err(failed) => return Ok(ExitStatus::Failed(failed.error, failed.summary)),
    };
    let depth = queue.depth_now();
    if !depth.is_empty() {
        say(&format!("stopped: {depth:?}"));
        return Ok(ExitStatus::Done(summary));
    }
    say(&format!(
        "the queue is empty: {} messages were deleted",
        queue.deleted()
    ));
    let repeats = "Okta sent them twice, or SQS gave them again";
    Ok(judge(summary, &expected, &ingress, repeats))
}
