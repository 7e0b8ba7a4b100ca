//! Messages beside one whose event is refused by its content.

use std::time::Duration;

use bytes::Bytes;
use coralogix_sink::simulator::{CoralogixSimulator, Fault};
use eventbridge_source::sqs::SqsSource;
use eventbridge_source::sqs::simulator::{SqsSimulator, SqsSimulatorBuilder};
use okta_coralogix_core::pipeline::PipelineBuilder;
use okta_coralogix_core::{Pipeline, Summary};
use tokio::time::{Instant, sleep, timeout};

use super::harness::{Harness, envelopes, secs};
use crate::refused_content::{assert_blocked, faults, guilty, ingress, sink};

const MESSAGES: usize = 30;

struct Scene {
    harness: Harness,
    ingress: CoralogixSimulator,
    messages: Vec<Bytes>,
    /// The one that is refused, in the middle of the messages.
    guilty: Bytes,
}

impl Scene {
    fn new(queue: SqsSimulatorBuilder, fault: &Fault) -> Self {
        let mut messages = envelopes(MESSAGES);
        let guilty = in_envelope(&messages[MESSAGES / 2]);
        messages[MESSAGES / 2] = guilty.clone();
        Self {
            harness: Harness::new(queue),
            ingress: ingress(fault),
            messages,
            guilty,
        }
    }

    fn with_messages(queue: SqsSimulatorBuilder, fault: &Fault) -> Self {
        let scene = Self::new(queue, fault);
        for message in &scene.messages {
            scene.harness.queue.send(message.clone());
        }
        scene
    }

    fn queue(&self) -> &SqsSimulator {
        &self.harness.queue
    }

    async fn source(&self) -> SqsSource {
        self.harness.source().await
    }

    fn pipeline(&self, source: SqsSource) -> PipelineBuilder<SqsSource> {
        Pipeline::builder(source, sink(&self.ingress))
            .dead_letters(self.harness.dead_letters.clone())
            .clock(std::sync::Arc::clone(&self.harness.clock))
            .seed(1)
    }

    async fn run_until(&self, shutdown: impl Future<Output = ()>) -> Summary {
        let source = self.source().await;
        let drained = source.drain_handle();
        let pipeline = self.pipeline(source).build().unwrap();
        let summary = pipeline.run(shutdown).await.unwrap();
        drained.wait().await;
        assert!(summary.is_balanced(), "{summary:?}");
        summary
    }

    /// Waits until the queue has so many messages at most, in flight or not.
    async fn left(&self, messages: u64) {
        let left = async {
            loop {
                let depth = self.queue().depth_now();
                if depth.visible + depth.in_flight <= messages {
                    return;
                }
                sleep(Duration::from_millis(100)).await;
            }
        };
        timeout(secs(900), left).await.unwrap();
    }
}

/// The envelope with a guilty event.
fn in_envelope(envelope: &Bytes) -> Bytes {
    let text = std::str::from_utf8(envelope).unwrap();
    let (head, detail) = text.split_once("\"detail\":").unwrap();
    let detail = Bytes::from(detail.strip_suffix('}').unwrap().to_owned());
    let detail = guilty(&detail);
    let detail = std::str::from_utf8(&detail).unwrap();
    format!("{head}\"detail\":{detail}}}").into()
}

#[tokio::test(start_paused = true)]
async fn messages_beside_a_refused_one_are_deleted_without_it() {
    for fault in faults() {
        let scene = Scene::with_messages(SqsSimulator::builder().max_receive_count(3), &fault);
        let began = Instant::now();
        let deleted = async {
            scene.left(1).await;
            began.elapsed()
        };
        let (summary, took) = tokio::join!(scene.run_until(std::future::pending()), deleted);
        println!("{fault:?}: all others are deleted after {took:?}");
        let most = match fault {
            Fault::Silence => secs(300),
            _ => secs(5),
        };
        assert!(took < most, "{fault:?}: {took:?}");
        assert!(began.elapsed() >= secs(300), "{fault:?}");
        assert_blocked(&scene.harness.dead_letters.records(), &scene.guilty, &fault);
        assert_eq!((summary.delivered, summary.dead_lettered), (29, 1));
        // It was held all the time: no redelivery brings it near the redrive policy.
        assert_eq!(summary.received, 30);
        assert!(scene.queue().depth_now().is_empty());
        assert_eq!(scene.queue().dead(), [""; 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn refused_messages_do_not_stop_the_receives() {
    // Each fourth message, and the one in the middle.
    const GUILTY: u64 = 9;
    let fault = Fault::html(403);
    let scene = Scene::new(SqsSimulator::builder(), &fault);
    // Each comes alone, and more of them than deliveries may be in flight.
    let sends = async {
        for (n, message) in scene.messages.iter().enumerate() {
            let message = match n % 4 {
                0 => in_envelope(message),
                _ => message.clone(),
            };
            scene.queue().send(message);
            sleep(secs(1)).await;
        }
    };
    let began = Instant::now();
    let source = SqsSource::builder().queue(scene.queue().clone()).seed(1);
    let source = source.open().await.unwrap();
    let stopped = async {
        sends.await;
        scene.left(GUILTY).await;
        assert!(began.elapsed() < secs(60), "{:?}", began.elapsed());
    };
    let pipeline = scene.pipeline(source).build().unwrap();
    let summary = pipeline.run(stopped).await.unwrap();
    assert_eq!((summary.delivered, summary.handed_back), (21, GUILTY));
}

#[tokio::test(start_paused = true)]
async fn restarts_beside_a_refused_message_move_no_other_to_the_redrive_policy() {
    let fault = Fault::html(403);
    let scene = Scene::with_messages(SqsSimulator::builder().max_receive_count(10), &fault);
    let mut delivered = 0;
    for _ in 0..4 {
        delivered += scene.run_until(sleep(secs(30))).await.delivered;
    }
    assert_eq!(delivered, 29);
    assert_eq!(scene.queue().dead(), [""; 0]);
    // The next one stays.
    let last = scene.run_until(std::future::pending()).await;
    assert_eq!(last.dead_lettered, 1);
    assert_blocked(&scene.harness.dead_letters.records(), &scene.guilty, &fault);
    assert!(scene.queue().depth_now().is_empty());
}

#[tokio::test(start_paused = true)]
async fn copy_of_a_refused_event_holds_no_other_message() {
    let fault = Fault::html(403);
    let scene = Scene::with_messages(SqsSimulator::builder(), &fault);
    let deleted = async {
        scene.left(1).await;
        // A second message with the same event, beside others.
        scene.queue().send(scene.guilty.clone());
        for message in envelopes(MESSAGES + 9).into_iter().skip(MESSAGES) {
            scene.queue().send(message);
        }
        let began = Instant::now();
        scene.left(2).await;
        began.elapsed()
    };
    let (summary, took) = tokio::join!(scene.run_until(std::future::pending()), deleted);
    assert!(took < secs(5), "{took:?}");
    let ends = (summary.delivered, summary.dead_lettered, summary.duplicate);
    assert_eq!(ends, (38, 1, 1));
    assert!(scene.queue().depth_now().is_empty());
}

#[tokio::test(start_paused = true)]
async fn refused_message_of_a_fifo_group_holds_its_group_alone() {
    let fault = Fault::html(403);
    let scene = Scene::new(SqsSimulator::builder().fifo(), &fault);
    for (n, message) in scene.messages.iter().enumerate() {
        // The guilty one is in group a.
        let group = ["a", "b", "c"][n % 3];
        scene.queue().send_in_group(group, message.clone());
    }
    // Of its group alone.
    let held = scene.left(10);
    let (summary, ()) = tokio::join!(scene.run_until(std::future::pending()), held);
    assert_eq!((summary.delivered, summary.dead_lettered), (29, 1));
    assert!(scene.queue().depth_now().is_empty());
}
