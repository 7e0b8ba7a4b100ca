//! Messages stay hidden for as long as they are held, and no longer.

use std::sync::Arc;
use std::time::Duration;

use eventbridge_source::sqs::SqsSource;
use eventbridge_source::sqs::simulator::{Call, SqsSimulator};
use okta_coralogix_core::testing::{MemorySink, TestClock};
use okta_coralogix_core::{Error, ErrorKind};

use super::harness::{Harness, envelopes, secs, start};

#[tokio::test(start_paused = true)]
async fn visibility_is_extended_through_an_outage_in_steps_of_the_queues_timeout() {
    let bodies = envelopes(40);
    let harness = Harness::with(SqsSimulator::builder().visibility_timeout(secs(5)), &bodies);
    harness.sink.fail_for(secs(600));
    assert_eq!(harness.run().await.delivered, 40);
    harness.assert_all_once(&bodies);
    assert_eq!(
        harness.queue.receives(),
        40,
        "none was given to anybody else"
    );
    assert_eq!(harness.queue.longest_visibility(), secs(5));
    let extensions = harness.queue.calls(Call::ChangeVisibility);
    assert!((600 / 5 * 4..600 * 4).contains(&extensions), "{extensions}");
}

#[tokio::test(start_paused = true)]
async fn killed_consumer_returns_its_messages_within_the_visibility_timeout() {
    let bodies = envelopes(25);
    let harness = Harness::with(SqsSimulator::builder().visibility_timeout(secs(5)), &bodies);
    harness.sink.fail_for(secs(3600));
    let began = std::time::Instant::now();
    let runtime_of_its_own = {
        let queue = harness.queue.clone();
        let sink = harness.sink.clone();
        // The process is killed: none of its tasks runs on.
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .build()
                .unwrap();
            runtime.block_on(async {
                let source = SqsSource::builder().queue(queue).open().await.unwrap();
                let pipeline = okta_coralogix_core::Pipeline::builder(source, sink)
                    .clock(Arc::new(TestClock::starting_at(start())))
                    .build()
                    .unwrap();
                let run = pipeline.run(std::future::pending());
                tokio::time::timeout(Duration::from_millis(200), run)
                    .await
                    .unwrap_err();
            });
            runtime.shutdown_background();
        })
    };
    runtime_of_its_own.join().unwrap();
    // Dropped un-awaited, the run could not tell the queue.
    assert_eq!(harness.queue.depth_now().in_flight, 25);
    // The real clock ran meanwhile: the last step began now at the latest.
    tokio::time::advance(secs(5) + began.elapsed()).await;
    assert_eq!(harness.queue.depth_now().visible, 25);
}

#[tokio::test(start_paused = true)]
async fn shutdown_gives_unsettled_messages_back_at_once() {
    let bodies = envelopes(60);
    let harness = Harness::with(SqsSimulator::builder(), &bodies);
    harness.sink.fail_for(secs(3600));
    let source = harness.source().await;
    let drain_handle = source.drain_handle();
    let pipeline = harness
        .pipeline(source)
        .drain_timeout(secs(2))
        .build()
        .unwrap();
    let summary = pipeline.run(tokio::time::sleep(secs(4))).await.unwrap();
    assert!(summary.is_balanced());
    assert_eq!(summary.handed_back, summary.received);
    drain_handle.wait().await;
    assert_eq!(
        (
            harness.queue.depth_now().visible,
            harness.queue.depth_now().in_flight
        ),
        (60, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn visibility_extension_that_fails_is_retried_in_time() {
    let bodies = envelopes(3);
    let harness = Harness::with(
        SqsSimulator::builder().visibility_timeout(secs(10)),
        &bodies,
    );
    let fault = || Error::temporary(ErrorKind::Unavailable, "HTTP 503");
    harness
        .queue
        .fail_calls(Call::ChangeVisibility, (0..2).map(|_| fault()));
    harness.sink.fail_for(secs(40));
    assert_eq!(harness.run().await.delivered, 3);
    assert_eq!(harness.queue.receives(), 3);
}

#[tokio::test(start_paused = true)]
async fn visibility_permission_that_is_missing_ends_the_run() {
    let mut harness = Harness::with(
        SqsSimulator::builder().visibility_timeout(secs(10)),
        &envelopes(3),
    );
    harness.sink = MemorySink::new().with_latency(secs(60));
    let refused = || {
        Error::new(
            ErrorKind::Forbidden,
            "sqs:ChangeMessageVisibility is missing",
        )
    };
    harness
        .queue
        .fail_calls(Call::ChangeVisibility, [refused()]);
    let source = harness.source().await;
    let run = harness
        .pipeline(source)
        .refusal_wait(Duration::ZERO)
        .build()
        .unwrap()
        .run(std::future::pending());
    assert_eq!(run.await.unwrap_err().error.kind(), ErrorKind::Forbidden);
}
