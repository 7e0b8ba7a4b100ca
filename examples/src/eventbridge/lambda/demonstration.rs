//! `eventbridge_lambda` between simulators on sockets: this program starts itself again, as Lambda starts a function.

use std::collections::HashMap;
use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use coralogix_sink::simulator::Fault;
use eventbridge_source::lambda::simulator::{InvocationResult, LambdaRuntimeApi};
use okta_coralogix_core::{Result, Summary};
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use crate::eventbridge::envelopes::envelopes;
use crate::program::demonstration::{
    Demonstration, KEY, cannot_start, fault_of_the_program, print,
};
use crate::program::{ExitStatus, signals};

/// The time that an invocation may take.
const TIMEOUT: Duration = Duration::from_secs(5);

pub(super) async fn run() -> Result<ExitStatus> {
    let demonstration = Demonstration::start().await?;
    // This fault outlasts an invocation, so that its messages are delivered again.
    demonstration.ingress.fail_next(1, Fault::Slow(TIMEOUT));
    let endpoint = demonstration.server.base_url();
    let api = LambdaRuntimeApi::serve().await.map_err(cannot_start)?;
    let letters = demonstration.file("dead-letters.ndjson");
    let mut function = Command::new(std::env::current_exe().map_err(cannot_start)?);
    function
        .envs(api.variables())
        .env("CORALOGIX_ENDPOINT", endpoint)
        .env("CORALOGIX_API_KEY", KEY)
        .env("OKTA_CORALOGIX_DEAD_LETTERS", letters)
        // The demonstration's folder is a mounted file system for it.
        .env("TMPDIR", demonstration.file("tmp"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    let function = function.spawn().map_err(cannot_start)?;

    let (envelopes, expected) = envelopes(2000);
    let stopped = tokio::select! {
        invoked = invoke_all(&api, envelopes) => {
            invoked?;
            false
        }
        () = signals::shutdown()? => true,
    };
    let summary = end(function).await?;
    let repeats = "Okta sent them twice, or Lambda delivered them again";
    Ok(match stopped {
        true => ExitStatus::of_run(summary, None),
        false => demonstration.verify(Ok(summary), &expected, repeats),
    })
}

/// Invokes with single events, then with batches until the function has settled every message, as Lambda and SQS do.
async fn invoke_all(api: &LambdaRuntimeApi, envelopes: Vec<Bytes>) -> Result<()> {
    let (single, messages) = envelopes.split_at(20);
    let (mut invocations, mut again) = (0, 0);
    for envelope in single {
        invocations += 1;
        while !matches!(
            ask(api, envelope.clone()).await?,
            InvocationResult::Success(_)
        ) {
            again += 1;
        }
    }
    let mut waiting: Vec<(usize, Bytes)> = messages.iter().cloned().enumerate().collect();
    while !waiting.is_empty() {
        let lot: Vec<_> = waiting.drain(..waiting.len().min(100)).collect();
        invocations += 1;
        let failed = match ask(api, batch(&lot)).await? {
            InvocationResult::Success(answer) => failures(&answer)?,
            InvocationResult::Error(_) => lot.iter().map(|(n, _)| n.to_string()).collect(),
        };
        again += failed.len();
        let mut lot: HashMap<String, _> = lot
            .into_iter()
            .map(|one| (one.0.to_string(), one))
            .collect();
        waiting.extend(failed.iter().filter_map(|id| lot.remove(id)));
    }
    print(&format!(
        "{invocations} invocations; {again} messages were reported as failed, and delivered again"
    ));
    Ok(())
}

async fn ask(api: &LambdaRuntimeApi, payload: Bytes) -> Result<InvocationResult> {
    let asked = tokio::time::timeout(TIMEOUT * 4, api.invoke(payload, TIMEOUT)).await;
    asked
        .ok()
        .flatten()
        .ok_or_else(|| fault_of_the_program("the function did not answer"))
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
    let failures = answer["batchItemFailures"].as_array();
    let failures =
        failures.ok_or_else(|| fault_of_the_program(&format!("the function answered {answer}")))?;
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
        let count = last[name].as_u64();
        count.ok_or_else(|| fault_of_the_program("the function printed no summary"))
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
