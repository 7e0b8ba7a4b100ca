//! What the listener answers, and what it does not listen on.

use std::collections::HashMap;
use std::net::TcpListener;

use super::samples::{Program, ask};
use crate::harness::{Exit, Harness, start, start_program};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_get_and_head_of_known_paths_are_answered() {
    let harness = Harness::new().await;
    let folder = harness.folder.path();
    let program = Program::start("pull", folder, &harness.variables(), &[]).await;
    let address = program.address;
    assert!(address.ip().is_loopback(), "a bare port");
    let metrics = ask(address, "GET /metrics?x=y").await;
    assert_eq!(metrics.status, 200);
    let kind = "content-type: text/plain; version=0.0.4; charset=utf-8";
    assert!(metrics.head.contains(kind), "{}", metrics.head);
    let head = ask(address, "HEAD /metrics").await;
    assert_eq!((head.status, &*head.body), (200, ""));
    assert!(head.head.contains("content-length: "), "{}", head.head);
    let posted = ask(address, "POST /metrics").await;
    assert_eq!(posted.status, 405);
    assert!(posted.head.contains("allow: GET, HEAD"), "{}", posted.head);
    for path in ["/", "/metrics/", "/healthz", "//status"] {
        let answer = ask(address, &format!("GET {path}")).await;
        assert_eq!(answer.status, 404, "{path}");
    }
    program.terminate().await;
    assert_eq!(program.ended().await.code, Some(0));
}

#[tokio::test]
async fn taken_port_exits_with_2_and_names_the_setting() {
    let harness = Harness::new().await;
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let ended = harness.run(&["--admin-listen", &port]).await;
    assert_eq!(ended.code, Some(2), "{ended:?}");
    let message = format!("error: --admin-listen: cannot listen on 127.0.0.1:{port} ");
    assert!(ended.stderr.contains(&message), "{}", ended.stderr);
    assert_eq!(harness.org.request_count(), 0, "nothing was started");

    let mut variables = harness.variables();
    variables.insert("OKTA_CORALOGIX_ADMIN_LISTEN", ":9090".into());
    let ended = Exit::of(start(harness.folder.path(), &variables, &["--once"])).await;
    assert_eq!(ended.code, Some(2), "{ended:?}");
    let message =
        "error: OKTA_CORALOGIX_ADMIN_LISTEN: \":9090\" does not say on which address; write a port";
    assert!(ended.stderr.contains(message), "{}", ended.stderr);
}

#[tokio::test]
async fn function_has_no_port_and_says_so() {
    let harness = Harness::new().await;
    let mut variables = harness.variables();
    variables.insert("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:1".into());
    variables.insert("OKTA_CORALOGIX_ADMIN_LISTEN", "9090".into());
    let folder = harness.folder.path();
    let child = start_program("eventbridge_lambda", folder, &variables, &[]);
    let ended = Exit::of(child).await;
    assert_eq!(ended.code, Some(2), "{ended:?}");
    let message = "error: OKTA_CORALOGIX_ADMIN_LISTEN: a function has no port to listen on";
    assert!(ended.stderr.contains(message), "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_program_listens_for_its_operators() {
    let harness = Harness::new().await;
    let folder = harness.folder.path();
    let mut variables: HashMap<_, _> = harness.variables();
    // A queue that cannot be reached: the program goes on trying.
    variables.insert("SQS_QUEUE_URL", "http://127.0.0.1:1/1/okta".into());
    for (name, value) in [
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "x"),
        ("AWS_SECRET_ACCESS_KEY", "x"),
    ] {
        variables.insert(name, value.into());
    }
    let program = Program::start("eventbridge_sqs", folder, &variables, &["--name", "acme"]).await;
    // It listens before it knows its pipeline.
    program.until(|_| true).await;
    let ready = ask(program.address, "GET /readyz").await;
    assert_eq!((ready.status, &*ready.body), (503, "acme: opening\n"));
    assert_eq!(ask(program.address, "GET /livez").await.status, 200);
    program.terminate().await;
    program.ended().await;

    let config = crate::many_orgs::config_file(&harness, 2, 0);
    let variables = crate::many_orgs::write(&harness, &config);
    let flags = ["--config", "orgs.toml"];
    let program = Program::start("pull", folder, &variables, &flags).await;
    let samples = program
        .until(|samples| samples.sum("okta_requests_total", &["outcome=\"ok\""]) >= 2.0)
        .await;
    let orgs = samples.series();
    let orgs = orgs.filter(|series| series.starts_with("okta_coralogix_running{"));
    assert_eq!(orgs.count(), 2, "{samples:?}");
    program.terminate().await;
    assert_eq!(program.ended().await.code, Some(0));
}
