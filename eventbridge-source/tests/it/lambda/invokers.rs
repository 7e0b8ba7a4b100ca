//! What else invokes a function: SNS, a pipe, its URL; and what brings no event.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use eventbridge_source::lambda::{LambdaHandler, LambdaHandlerBuilder, Reply};
use okta_coralogix_core::Pipeline;
use okta_coralogix_core::testing::{MemoryDeadLetters, MemorySink};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::*;
use crate::body::wrapped::{each_wrapping, without_time};

async fn reply(harness: &Harness, payload: &Value) -> Value {
    let handled = harness
        .handler
        .handle(payload.to_string().into(), within(30));
    serde_json::to_value(handled.await.unwrap()).unwrap()
}

fn text(event: &Bytes) -> &str {
    std::str::from_utf8(event).unwrap()
}

/// "Invoking Lambda functions with Amazon SNS notifications", without the keys that nothing reads.
fn sns(event: &Bytes) -> Value {
    let notification =
        json!({"Type": "Notification", "MessageId": "95df01b4", "Message": text(event)});
    json!({"Records": [{"EventVersion": "1.0", "EventSource": "aws:sns", "Sns": notification}]})
}

/// "Invoking Lambda function URLs": the request payload format 2.0.
fn url_request(body: &str, is_base64: bool, more: &Value) -> Value {
    let mut request = json!({
        "version": "2.0", "routeKey": "$default", "rawPath": "/my/path", "rawQueryString": "", "cookies": [],
        "headers": {"header1": "value1"},
        "requestContext": {
            "accountId": "123456789012", "apiId": "<urlid>", "authentication": null,
            "authorizer": {"iam": {"accessKey": "AKIA...", "accountId": "111122223333", "callerId": "AIDA..."}},
            "domainName": "<url-id>.lambda-url.us-west-2.on.aws",
            "http": {"method": "POST", "path": "/my/path", "protocol": "HTTP/1.1", "sourceIp": "123.123.123.123"},
            "requestId": "id", "routeKey": "$default", "stage": "$default", "timeEpoch": 1_583_348_638_390_u64,
        },
        "body": body, "pathParameters": null, "isBase64Encoded": is_base64, "stageVariables": null,
    });
    for (key, value) in more.as_object().unwrap() {
        request[key] = value.clone();
    }
    request
}

#[tokio::test(start_paused = true)]
async fn sns_and_pipes_bring_events() {
    let harness = harness(MemorySink::new());
    let events = events(4);
    assert_eq!(reply(&harness, &sns(&events[0])).await, Value::Null);
    // A pipe passes on an array of the queue's messages, and takes the same reply.
    let records: Value = serde_json::from_slice(&batch(&events[1..3], None)).unwrap();
    let pipe = reply(&harness, &records["Records"]).await;
    assert_eq!(pipe, json!({"batchItemFailures": []}));
    // SNS before the queue.
    let notification = sns(&events[3])["Records"][0]["Sns"].to_string();
    let queued: Value = serde_json::from_slice(&batch(&[notification.into()], None)).unwrap();
    assert_eq!(
        reply(&harness, &queued).await,
        json!({"batchItemFailures": []})
    );
    assert_eq!(harness.sink.arrived().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn function_url_answers_like_the_endpoint() {
    let harness = harness(MemorySink::new());
    let events = events(3);
    let nothing = json!({});
    let plain = url_request(text(&events[0]), false, &nothing);
    assert_eq!(reply(&harness, &plain).await["statusCode"], 200);
    let encoded = url_request(&STANDARD.encode(&events[1]), true, &nothing);
    assert_eq!(reply(&harness, &encoded).await["statusCode"], 200);
    let odd = url_request(r#"{"no":"event"}"#, false, &nothing);
    assert_eq!(reply(&harness, &odd).await["statusCode"], 400);
    assert_eq!(harness.dead_letters.records().len(), 1);
    harness.sink.fail_for(Duration::from_secs(3600));
    let late = url_request(text(&events[2]), false, &nothing);
    let late = reply(&harness, &late).await;
    assert_eq!(
        (&late["statusCode"], &late["headers"]["retry-after"]),
        (&503.into(), &"10".into())
    );
    assert_eq!(harness.sink.arrived().len(), 2);
}

/// Of a function that sends to `sink`, and keeps dead letters.
fn builder(sink: MemorySink) -> LambdaHandlerBuilder {
    let letters = MemoryDeadLetters::default();
    LambdaHandler::builder(move |source| {
        let clock = Arc::new(TestClock::starting_at(start()));
        let pipeline = Pipeline::builder(source, sink.clone()).dead_letters(letters.clone());
        pipeline.clock(clock).linger(Duration::ZERO).build()
    })
}

/// As the endpoint answers it: `firehose_is_answered_as_its_documentation_says`.
#[tokio::test(start_paused = true)]
async fn function_url_answers_firehose_in_the_form_that_it_takes() {
    let sink = MemorySink::new();
    let builder = builder(sink.clone());
    let handler = builder.api_key("key").build();
    let record =
        |data: &[u8]| json!({"requestId": "r-1", "records": [{"data": STANDARD.encode(data)}]});
    let event = record(&events(1)[0]).to_string();
    let nothing = record(b"{}").to_string();
    for (key, body, status) in [
        ("wrong", &event, 401),
        ("key", &event, 200),
        ("key", &nothing, 400),
        ("key", &event, 503),
    ] {
        if status == 503 {
            sink.fail_for(Duration::from_secs(3600));
        }
        let headers = json!({"X-Amz-Firehose-Request-Id": "r-1", "X-Amz-Firehose-Access-Key": key});
        let context = json!({"http": {"method": "POST"}});
        let more = json!({"requestContext": context, "headers": headers});
        let body = match status {
            503 => record(&events(2)[1]).to_string(),
            _ => body.clone(),
        };
        let request = url_request(&body, false, &more).to_string();
        let handled = handler.handle(request.into(), within(30)).await.unwrap();
        let response = serde_json::to_value(handled).unwrap();
        assert_eq!(response["statusCode"], status, "{response}");
        assert_eq!(response["headers"]["content-type"], "application/json");
        let has_wait = response["headers"]["retry-after"] == "10";
        assert_eq!(has_wait, status == 503, "{response}");
        let reply: Value = serde_json::from_str(response["body"].as_str().unwrap()).unwrap();
        assert_eq!(reply["requestId"], "r-1");
        assert!(reply["timestamp"].is_u64(), "{reply}");
        assert_eq!(reply["errorMessage"].is_string(), status != 200, "{reply}");
    }
    assert_eq!(sink.arrived().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn function_url_takes_a_key_or_a_signature() {
    let sink = MemorySink::new();
    let builder = builder(sink.clone());
    let handler = builder.api_key("first").api_key("second").build();
    for (key, status) in [(None, 401), (Some("wrong"), 401), (Some("second"), 200)] {
        let context = json!({"http": {"method": "POST"}});
        let headers = match key {
            Some(key) => json!({"X-Amz-Event-Bridge-Access-Key": key}),
            None => json!({}),
        };
        let more = json!({"requestContext": context, "headers": headers});
        let request = url_request(text(&events(1)[0]), false, &more);
        let handled = handler
            .handle(request.to_string().into(), within(30))
            .await
            .unwrap();
        let Reply::Response { status: given, .. } = handled else {
            panic!("{handled:?}")
        };
        assert_eq!(given, status, "{key:?}");
        assert_eq!(sink.arrived().len(), usize::from(status == 200));
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_dead_lettered_before_an_event_was_seen() {
    let harness = harness(MemorySink::new());
    let odd: [Bytes; 2] = ["no event".into(), r#"{"detail":null}"#.into()];
    let queued: Value = serde_json::from_slice(&batch(&odd, None)).unwrap();
    let failures = reply(&harness, &queued).await;
    assert_eq!(failures["batchItemFailures"].as_array().unwrap().len(), 2);
    let single = harness.handler.handle(odd[1].clone(), within(30)).await;
    let error = single.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedResponse);
    assert!(
        error
            .to_string()
            .contains("no event was found in the payload"),
        "{error}"
    );
    let url = url_request("{}", false, &json!({}));
    assert_eq!(reply(&harness, &url).await["statusCode"], 503);
    assert_eq!(harness.dead_letters.records().len(), 0);

    // Once there was one, a message without an event is.
    let mixed = [odd[0].clone(), events(1).remove(0)];
    let queued: Value = serde_json::from_slice(&batch(&mixed, None)).unwrap();
    assert_eq!(
        reply(&harness, &queued).await,
        json!({"batchItemFailures": []})
    );
    let queued: Value = serde_json::from_slice(&batch(&odd, None)).unwrap();
    assert_eq!(
        reply(&harness, &queued).await,
        json!({"batchItemFailures": []})
    );
    assert_eq!(harness.dead_letters.records().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn cold_function_finds_an_event_without_a_time_in_each_wrapping() {
    for body in each_wrapping(&without_time()) {
        let harness = harness(MemorySink::new());
        let handled = harness.handler.handle(body.clone().into(), within(30));
        assert!(handled.await.is_ok(), "{body}");
        let harness = self::harness(MemorySink::new());
        let queued = batch(&[body.clone().into()], None);
        let handled = harness.handler.handle(queued, within(30)).await;
        assert_eq!(handled.unwrap(), failures(&[]), "{body}");
        assert_eq!(harness.dead_letters.records().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn time_out_below_the_margin_is_named() {
    let harness = harness(MemorySink::new());
    let late = (Instant::now() + Duration::from_millis(900)).into_std();
    let error = harness
        .handler
        .handle(events(1).remove(0), late)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(
        error
            .to_string()
            .contains("the time-out of the function leaves 0.9 s"),
        "{error}"
    );
    assert_eq!(harness.sink.arrived().len(), 0);
}
