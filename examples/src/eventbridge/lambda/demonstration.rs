//! Without any setting: the API of the Lambda runtime and an ingress on real sockets, and this very program between them, started
//! again as a function is.

use std::collections::HashMap;
use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use coralogix_sink::simulator::Fault;
use eventbridge_source::lambda::simulator::{Answer, LambdaRuntimeApi};
use okta_coralogix_core::{Clock, Error, ErrorKind, Result, Summary, SystemClock};
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use crate::eventbridge::backlog;
use crate::program::ExitStatus;
use crate::program::demonstration::{KEY, cannot_start, faulty_ingress, judge, say};
use crate::program::signals;

/// Events of the last minute.
const FRESH: usize = 2000;

/// What an invocation is told it has.
const TIMEOUT: Duration = Duration::from_secs(5);

pub(super) async fn run() -> ExitStatus {
    say(
        "Nothing is set, so this is the demonstration: the API of the Lambda runtime and a Coralogix ingress on 127.0.0.1.",
    );
    say("As a Lambda function, with CORALOGIX_DOMAIN and CORALOGIX_API_KEY set, it is a real one.");
    match demonstrate().await {
        Ok(end) => end,
        Err(error) => ExitStatus::Failed(error, Summary::default()),
    }
}

async fn demonstrate() -> Result<ExitStatus> {
    let ingress = faulty_ingress();
    // One that does not end within an invocation: its messages are given again.
    ingress.fail_next(1, Fault::Slow(TIMEOUT));
    let ingress_server = ingress.serve().await.map_err(cannot_start)?;
    let api = LambdaRuntimeApi::serve().await.map_err(cannot_start)?;
    let folder = tempfile::tempdir().map_err(cannot_start)?;
    let letters = folder.path().join("dead-letters.ndjson");
    let mut function = Command::new(std::env::current_exe().map_err(cannot_start)?);
    function
        .envs(api.variables())
        .env("CORALOGIX_ENDPOINT", ingress_server.base_url())
        .env("CORALOGIX_API_KEY", KEY)
        .env("OKTA_CORALOGIX_DEAD_LETTERS", letters)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    let function = function.spawn().map_err(cannot_start)?;

    let (envelopes, expected) = backlog::envelopes(FRESH, SystemClock.now());
    let stopped = tokio::select! {
        invoked = invoke_all(&api, envelopes) => {
            invoked?;
            false
        }
        () = signals::shutdown()? => true,
    };
    let summary = end(function).await?;
    Ok(match stopped {
        true => ExitStatus::Done(summary),
        false => judge(
            summary,
            &expected,
            &ingress,
            "Okta sent them twice, or Lambda gave them again",
        ),
    })
}

/// Invokes with single events, and with batches until every message of them is done, as Lambda and SQS do.
async fn invoke_all(api: &LambdaRuntimeApi, envelopes: Vec<Bytes>) -> Result<()> {
    let (single, messages) = envelopes.split_at(20);
    let (mut invocations, mut again) = (0, 0);
    for envelope in single {
        invocations += 1;
        while !matches!(ask(api, envelope.clone()).await?, Answer::Success(_)) {
            again += 1;
        }
    }
    let mut waiting: Vec<(usize, Bytes)> = messages.iter().cloned().enumerate().collect();
    while !waiting.is_empty() {
        let lot: Vec<_> = waiting.drain(..waiting.len().min(100)).collect();
        invocations += 1;
        let failed = match ask(api, batch(&lot)).await? {
            Answer::Success(answer) => failures(&answer)?,
            Answer::Error(_) => lot.iter().map(|(n, _)| n.to_string()).collect(),
        };
        again += failed.len();
        let mut lot: HashMap<String, _> = lot
            .into_iter()
            .map(|one| (one.0.to_string(), one))
            .collect();
        waiting.extend(failed.iter().filter_map(|id| lot.remove(id)));
    }
    say(&format!(
        "{invocations} invocations; {again} messages were reported as not done, and given again"
    ));
    Ok(())
}

async fn ask(api: &LambdaRuntimeApi, payload: Bytes) -> Result<Answer> {
    let asked = tokio::time::timeout(TIMEOUT * 4, api.invoke(payload, TIMEOUT)).await;
    asked.ok().flatten().ok_or_else(|| {
        let detail = "the function did not answer: this is a fault of the program";
        Error::new(ErrorKind::UnexpectedAnswer, detail)
    })
}

fn batch(messages: &[(usize, Bytes)]) -> Bytes {
    let record = |(n, body): &(usize, Bytes)| {
        json!({
            "messageId": n.to_string(),
            "receiptHandle": "handle",
            "body": String::from_utf8_lossy(body),
            "attributes": {"ApproximateReceiveCount": "1"},
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:okta",
        })
    };
    let records: Vec<Value> = messages.iter().map(record).collect();
    json!({"Records": records}).to_string().into()
}

fn failures(answer: &[u8]) -> Result<Vec<String>> {
    let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
    let failures = answer["batchItemFailures"].as_array().ok_or_else(|| {
        let detail = format!("the function answered {answer}: this is a fault of the program");
        Error::new(ErrorKind::UnexpectedAnswer, detail)
    })?;
    let id = |failure: &Value| failure["itemIdentifier"].as_str().map(str::to_owned);
    Ok(failures.iter().filter_map(id).collect())
}

/// Stops the function, as Lambda does, and reads its summary.
async fn end(function: Child) -> Result<Summary> {
    if let Some(id) = function.id() {
        let id = id.to_string();
        let asked = Command::new("kill").args(["-TERM", &id]).status().await;
        asked.map_err(cannot_start)?;
    }
    let output = function.wait_with_output().await.map_err(cannot_start)?;
    let text = String::from_utf8_lossy(&output.stdout);
    let last: Value =
        serde_json::from_str(text.lines().last().unwrap_or_default()).unwrap_or_default();
    let count = |name: &str| {
        last[name].as_u64().ok_or_else(|| {
            let detail = "the function told no summary: this is a fault of the program";
            Error::new(ErrorKind::UnexpectedAnswer, detail)
        })
    };
    let mut summary = Summary::default();
    summary.received = count("received")?;
    summary.delivered = count("delivered")?;
    summary.too_old = count("too_old")?;
    summary.duplicate = count("duplicate")?;
    summary.filtered = count("filtered")?;
    summary.dead_lettered = count("dead_lettered")?;
    summary.handed_back = count("handed_back")?;
    Ok(summary)
}
