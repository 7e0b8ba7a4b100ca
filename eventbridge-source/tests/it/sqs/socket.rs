//! Through the AWS SDK, over a loopback socket.

use std::sync::Arc;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::retry::RetryConfig;
use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region};
use axum::Router;
use axum::http::HeaderMap;
use chrono::TimeDelta;
use eventbridge_source::sqs::simulator::{Call, Queue, SqsServer, SqsSimulator};
use eventbridge_source::sqs::{AwsQueue, SqsSource, http_client};
use okta_coralogix_core::testing::{EventGenerator, MemoryDeadLetters, MemorySink, TestClock};
use okta_coralogix_core::transport::ReqwestTransport;
use okta_coralogix_core::{Clock, Error, ErrorKind, Pipeline, SystemClock};
use tokio::net::TcpListener;
use tokio::time::timeout;

use super::harness::{secs, start};

fn client(server: &SqsServer) -> Client {
    client_of(server.endpoint())
}

fn client_of(endpoint: String) -> Client {
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new("key", "secret-of-aws", None, None, "test"))
        .endpoint_url(endpoint)
        .http_client(http_client(ReqwestTransport::new()))
        .retry_config(RetryConfig::disabled())
        .build();
    Client::from_conf(config)
}

#[tokio::test]
async fn aws_sdk_counts_delayed_messages_apart() {
    let queue = SqsSimulator::builder().delay(secs(900)).build();
    queue.send("{}");
    let server = queue.serve().await.unwrap();
    let aws = AwsQueue::new(client(&server), server.queue_url());
    let depth = aws.depth().await.unwrap();
    assert_eq!((depth.visible, depth.delayed, depth.in_flight), (0, 1, 0));
}

#[tokio::test]
async fn aws_sdk_receives_extends_and_deletes() {
    let queue = SqsSimulator::builder().max_receive_count(3).build();
    let server = queue.serve().await.unwrap();
    let now = SystemClock.now();
    let mut generator = EventGenerator::new(1);
    for n in 0..95 {
        queue.send(generator.event(now - TimeDelta::seconds(n)).json);
    }
    queue.fail_deletes([false, true, false]);
    let aws = AwsQueue::new(client(&server), server.queue_url());
    let attributes = aws.attributes().await.unwrap();
    assert_eq!(
        (
            attributes.visibility_timeout,
            attributes.is_fifo,
            attributes.has_redrive_policy
        ),
        (secs(30), false, true)
    );
    let depth = aws.depth().await.unwrap();
    assert_eq!((depth.visible, depth.delayed, depth.in_flight), (95, 0, 0));

    let source = SqsSource::builder()
        .queue(aws)
        .once(true)
        .open()
        .await
        .unwrap();
    assert!(!format!("{source:#?}").contains("secret-of-aws"));
    let sink = MemorySink::new();
    let pipeline =
        Pipeline::builder(source, sink.clone()).dead_letters(MemoryDeadLetters::default());
    // The one that was refused comes back when its time has run out.
    let back = async {
        while queue.deleted() < 94 {
            tokio::task::yield_now().await;
        }
        queue.show_all();
    };
    let (ran, ()) = tokio::join!(pipeline.build().unwrap().run(std::future::pending()), back);
    let summary = ran.unwrap();
    assert_eq!((summary.delivered, summary.duplicate), (95, 1));
    assert_eq!(sink.arrived().len(), 95);
    assert!(queue.depth_now().is_empty());
}

#[tokio::test]
async fn clock_of_the_queue_is_read_from_the_date_header() {
    let queue = SqsSimulator::builder().build();
    let server = queue.serve().await.unwrap();
    let clock = Arc::new(TestClock::starting_at(start() - TimeDelta::days(3650)));
    let aws = AwsQueue::new(client(&server), server.queue_url()).clock(clock);
    let received = aws.receive(secs(0), secs(30)).await.unwrap();
    assert!(
        received.clock_offset.get() > TimeDelta::days(3600),
        "{received:?}"
    );
}

#[tokio::test]
async fn sqs_error_says_who_has_to_act() {
    let queue = SqsSimulator::builder().build();
    let server = queue.serve().await.unwrap();
    let aws = AwsQueue::new(client(&server), format!("{}x", server.queue_url()));
    let error = aws.attributes().await.unwrap_err();
    assert_eq!(
        (error.kind(), error.is_temporary()),
        (ErrorKind::WrongEndpoint, false),
        "{error}"
    );

    let aws = AwsQueue::new(client(&server), server.queue_url());
    queue.fail_calls(Call::Receive, [Error::new(ErrorKind::Forbidden, "no")]);
    queue.fail_calls(
        Call::Receive,
        [Error::temporary(ErrorKind::Unavailable, "busy")],
    );
    let error = aws.receive(secs(0), secs(30)).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.is_temporary()),
        (ErrorKind::Forbidden, false),
        "{error}"
    );
    assert!(error.to_string().contains("sqs:ReceiveMessage"), "{error}");
    let error = aws.receive(secs(0), secs(30)).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.is_temporary()),
        (ErrorKind::Unavailable, true),
        "{error}"
    );

    drop(server);
    // The connection that was open may still be served once.
    let refused = loop {
        match aws.depth().await {
            Err(error) => break error,
            Ok(_) => tokio::task::yield_now().await,
        }
    };
    assert_eq!(
        (refused.kind(), refused.is_temporary()),
        (ErrorKind::Network, true),
        "{refused}"
    );
}

/// A queue that answers until it is asked for `silent_at`: then it never does, and the time of the test passes by itself.
async fn silent_queue(silent_at: &'static str) -> AwsQueue {
    let respond = move |headers: HeaderMap| async move {
        let target = headers["x-amz-target"].to_str().unwrap();
        if target.ends_with(silent_at) {
            tokio::time::pause();
            std::future::pending::<()>().await;
        }
        r#"{"Successful":[{"Id":"0"}],"Failed":[]}"#
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(respond);
    tokio::spawn(async move { axum::serve(listener, router).await });
    let url = format!("{endpoint}/000000000000/okta");
    AwsQueue::new(client_of(endpoint), url)
}

async fn assert_named_in_time(silent_at: &'static str, action: &str) {
    let aws = silent_queue(silent_at).await;
    let checked = timeout(secs(60), aws.check_permissions()).await;
    let error = checked.expect("the call has a limit").unwrap_err();
    assert_eq!(
        (error.kind(), error.is_temporary()),
        (ErrorKind::Network, true),
        "{error}"
    );
    let says = format!("SQS did not answer {action} within 10 s");
    assert!(error.to_string().contains(&says), "{error}");
}

#[tokio::test]
async fn delete_permission_that_sqs_does_not_answer_for_is_named_in_time() {
    assert_named_in_time("DeleteMessageBatch", "sqs:DeleteMessage").await;
}

#[tokio::test]
async fn visibility_permission_that_sqs_does_not_answer_for_is_named_in_time() {
    let action = "sqs:ChangeMessageVisibility";
    assert_named_in_time("ChangeMessageVisibilityBatch", action).await;
}
