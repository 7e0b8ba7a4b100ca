//! `--check` of the programs that receive from EventBridge.

use std::collections::HashMap;
use std::net::TcpListener;

use coralogix_sink::simulator::Fault;

use super::{assert_all_ok, assert_wrong};
use crate::eventbridge_http::harness::Harness;
use crate::harness::{Exit, start_program};

async fn check(
    program: &str,
    harness: &Harness,
    variables: &HashMap<&'static str, String>,
    flags: &[&str],
) -> Exit {
    let flags = [&["--check"], flags].concat();
    Exit::of(start_program(
        program,
        harness.folder.path(),
        variables,
        &flags,
    ))
    .await
}

#[tokio::test]
async fn check_of_the_endpoint_asks_coralogix_and_this_machine() {
    let harness = Harness::new().await;
    let mut variables = harness.variables();
    let program = "eventbridge_http";
    let ended = check(program, &harness, &variables, &[]).await;
    let subjects = [
        "Coralogix",
        "clock",
        "--dead-letters",
        "endpoint",
        "LISTEN",
        "open files",
    ];
    assert_all_ok(&ended, &subjects);
    let flags = ["--path", "no-slash"];
    let ended = check(program, &harness, &variables, &flags).await;
    assert_wrong(
        &ended,
        "endpoint",
        &["--path: is \"no-slash\"", "/aws/event-bridge"],
    );
    let flags = ["--api-key-header", "two words"];
    let ended = check(program, &harness, &variables, &flags).await;
    assert_wrong(
        &ended,
        "endpoint",
        &["--api-key-header: is \"two words\"", "x-api-key"],
    );
    let flags = ["--dead-letters", "away/letters"];
    let ended = check(program, &harness, &variables, &flags).await;
    assert_wrong(&ended, "--dead-letters", &["create the folder"]);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    variables.insert("LISTEN", taken.local_addr().unwrap().to_string());
    let ended = check(program, &harness, &variables, &[]).await;
    assert_wrong(
        &ended,
        "LISTEN",
        &["cannot listen", "end the program that has it"],
    );
    variables.insert("LISTEN", "127.0.0.1:0".into());
    harness.ingress.fail_always(Some(Fault::status(403)));
    let ended = check(program, &harness, &variables, &[]).await;
    assert_wrong(&ended, "Coralogix", &["403"]);
}

#[tokio::test]
async fn check_of_the_function_runs_outside_of_lambda() {
    let harness = Harness::new().await;
    let mut variables = harness.variables();
    variables.remove("LISTEN");
    variables.insert("OKTA_CORALOGIX_DEAD_LETTERS", "-".into());
    let program = "eventbridge_lambda";
    let ended = check(program, &harness, &variables, &[]).await;
    let subjects = ["Coralogix", "clock", "--dead-letters", "open files"];
    assert_all_ok(&ended, &subjects);
    harness.ingress.fail_always(Some(Fault::status(401)));
    let ended = check(program, &harness, &variables, &[]).await;
    assert_wrong(&ended, "Coralogix", &["401"]);
    let folder = harness.folder.path();
    let run = Exit::of(start_program(program, folder, &variables, &[])).await;
    assert_eq!(run.code, Some(2), "{run:?}");
    assert!(run.stderr.contains("AWS_LAMBDA_RUNTIME_API"), "{run:?}");
}
