//! What AWS services wrap around an event, each in the form of its documentation's sample.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{BARE, ENVELOPE, documents, read};

/// "Amazon SNS message and JSON formats": HTTP/HTTPS notification JSON, which SQS gets without raw delivery.
fn notification(message: &str) -> Value {
    json!({
        "Type": "Notification", "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
        "TopicArn": "arn:aws:sns:us-west-2:123456789012:MyTopic", "Subject": "My First Message", "Message": message,
        "Timestamp": "2012-05-02T00:54:06.655Z", "SignatureVersion": "1", "Signature": "EXAMPLEw6JRN",
        "SigningCertURL": "https://sns.us-west-2.amazonaws.com/x.pem",
        "UnsubscribeURL": "https://sns.us-west-2.amazonaws.com/?Action=Unsubscribe",
    })
}

/// "Invoking Lambda functions with Amazon SNS notifications": the example event.
fn notification_records(messages: &[&str]) -> Value {
    let record = |message: &&str| {
        json!({
            "EventVersion": "1.0", "EventSubscriptionArn": "arn:aws:sns:us-east-1:123456789012:sns-lambda:21be56ed",
            "EventSource": "aws:sns", "Sns": notification(message),
        })
    };
    json!({"Records": messages.iter().map(record).collect::<Vec<_>>()})
}

/// "Amazon SQS queue as a source in EventBridge Pipes": the example event.
fn pipe_record(body: &str) -> Value {
    json!({
        "messageId": "059f36b4-87a3-44ab-83d2-661975830a7d", "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a...",
        "body": body,
        "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1545082649183", "SenderId": "AIDAIENQZJOLO23YVJ4VO"},
        "messageAttributes": {}, "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3", "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-2:123456789012:my-queue", "awsRegion": "us-east-2",
    })
}

/// "HTTP endpoint delivery request and response specifications" of Firehose: the request body.
fn firehose(records: &[&[u8]]) -> Value {
    let record = |data: &&[u8]| json!({"data": STANDARD.encode(data)});
    json!({
        "requestId": "ed4acda5-034f-9f42-bba1-f29aea6d7d8f", "timestamp": 1_578_090_901_599_u64,
        "records": records.iter().map(record).collect::<Vec<_>>(),
    })
}

#[test]
fn each_service_that_wraps_an_event_is_unwrapped() {
    let two = [ENVELOPE, BARE];
    for (body, expected) in [
        (notification(ENVELOPE), &two[..1]),
        (notification_records(&two), &two[..]),
        (pipe_record(ENVELOPE), &two[..1]),
        (json!([pipe_record(ENVELOPE), pipe_record(BARE)]), &two[..]),
        (firehose(&[ENVELOPE.as_bytes(), BARE.as_bytes()]), &two[..]),
        // One in another.
        (pipe_record(&notification(ENVELOPE).to_string()), &two[..1]),
        (
            firehose(&[notification(ENVELOPE).to_string().as_bytes()]),
            &two[..1],
        ),
    ] {
        assert_eq!(documents(&read(body.to_string())), expected, "{body}");
    }
}

#[test]
fn envelope_in_an_object_of_an_input_transformer_keeps_the_object() {
    let body = format!(r#"{{ "okta" : {ENVELOPE} }}"#);
    let items = read(body.clone());
    assert_eq!(documents(&items), [body]);
    let event = items[0].as_ref().unwrap();
    assert_eq!(event.json(), BARE);
    assert_eq!(event.origin().org, "acme");
}

#[test]
fn anything_else_around_an_event_is_not_guessed_at() {
    let deep = format!(r#"{{"a":{{"b":{ENVELOPE}}}}}"#);
    let beside = format!(r#"{{"okta":{ENVELOPE},"more":1}}"#);
    let bare = format!(r#"{{"okta":{BARE}}}"#);
    let other = ENVELOPE.replace("okta.com", "auth0.com");
    let kinesis = pipe_record(ENVELOPE)
        .to_string()
        .replace("aws:sqs", "aws:kinesis");
    let again = notification(&notification(ENVELOPE).to_string()).to_string();
    for body in [
        deep,
        beside,
        bare,
        format!(r#"{{"x":{other}}}"#),
        kinesis,
        again,
    ] {
        let items = read(body.clone());
        assert_eq!(documents(&items), [format!("!{body}")], "all of it is kept");
    }
    let not_base64 = r#"{"requestId":"r","timestamp":1,"records":[{"data":"*"}]}"#;
    assert_eq!(documents(&read(not_base64)), [format!("!{not_base64}")]);
}
