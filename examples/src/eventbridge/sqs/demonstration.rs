//! `eventbridge_sqs` between simulators on sockets, with faults that pass and messages of all sorts.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::retry::RetryConfig;
use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region};
use eventbridge_source::sqs::simulator::SqsSimulator;
use eventbridge_source::sqs::{SqsSource, http_client};
use okta_coralogix_core::transport::ReqwestTransport;
use okta_coralogix_core::{Pipeline, Result};

use crate::eventbridge::envelopes::envelopes;
use crate::program::demonstration::{Demonstration, cannot_start, print};
use crate::program::pipeline::open_dead_letters;
use crate::program::progress::Progress;
use crate::program::{ExitStatus, signals};

pub(super) async fn run(progress: Progress) -> Result<ExitStatus> {
    let demonstration = Demonstration::start().await?;
    let queue = SqsSimulator::builder()
        .visibility_timeout(std::time::Duration::from_secs(3))
        .max_receive_count(10)
        .build();
    let (envelopes, expected) = envelopes(6000);
    for envelope in envelopes {
        queue.send(envelope);
    }
    // Some deletes fail once, and some fail with the first receipt handle: SQS shows those messages again.
    queue.fail_deletes((0..200).map(|n| n % 50 == 0));
    let queue_server = queue.serve().await.map_err(cannot_start)?;

    let client = Client::from_conf(
        aws_sdk_sqs::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .credentials_provider(Credentials::new("demonstration", "key", None, None, "none"))
            .endpoint_url(queue_server.endpoint())
            .http_client(http_client(ReqwestTransport::new()))
            .retry_config(RetryConfig::disabled())
            .build(),
    );
    let source = SqsSource::builder()
        .client(client, queue_server.queue_url())
        .once(true)
        .open()
        .await?;
    let drain = source.drain_handle();
    let dead_letters = open_dead_letters(&demonstration.file("dead-letters.ndjson")).await?;
    let pipeline = Pipeline::builder(source, demonstration.sink()?).dead_letters(dead_letters);
    let pipeline = demonstration.configure(pipeline, &progress).build()?;
    let ended = pipeline.run(signals::shutdown()?).await;
    drain.wait().await;
    progress.finish();
    let depth = queue.depth_now();
    if ended.is_ok() && !depth.is_empty() {
        print(&format!(
            "stopped with messages left in the queue: {} visible, {} in flight",
            depth.visible, depth.in_flight
        ));
        return Ok(ended.into());
    }
    print(&format!(
        "messages deleted from the queue: {}",
        queue.deleted()
    ));
    let repeats = "Okta sent them twice, or SQS delivered them again";
    Ok(demonstration.verify(ended, &expected, repeats))
}
