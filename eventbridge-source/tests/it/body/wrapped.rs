//! What AWS services wrap around an event, each in the form of its documentation's sample.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use eventbridge_source::BodyParser;
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

/// An envelope in each thing that is unwrapped, in two of them, and in an object.
pub(crate) fn each_wrapping(envelope: &str) -> Vec<String> {
    let object: Value = serde_json::from_str(envelope).unwrap();
    let notification = notification(envelope);
    let wrapped = [
        notification_records(&[envelope]),
        pipe_record(envelope),
        pipe_record(&notification.to_string()),
        firehose(&[envelope.as_bytes()]),
        json!({"okta": object}),
        notification,
    ];
    wrapped.iter().map(Value::to_string).collect()
}

/// An envelope whose event has a time that cannot be read.
pub(crate) fn without_time() -> String {
    let event = r#"{"uuid":"u","eventType":"user.session.start","published":"yesterday"}"#;
    ENVELOPE.replace(BARE, event)
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
}

#[test]
fn malformed_record_keeps_its_own_bytes_and_no_others() {
    let records = [r#"{"data":"*"}"#, r#"{ "data": "e30=" }"#, "7"];
    let good = json!({"data": STANDARD.encode(ENVELOPE)});
    for record in records {
        let alone = format!(r#"{{"requestId":"r","timestamp":1,"records":[{good}, {record}]}}"#);
        assert_eq!(
            documents(&read(alone)),
            [ENVELOPE, &format!("!{record}")],
            "beside a good one"
        );
    }
    let only = r#"{"requestId":"r","timestamp":1,"records":[{"data":"*"}]}"#;
    assert_eq!(documents(&read(only)), [r#"!{"data":"*"}"#]);
    let [first, second, _] = records;
    let body = format!(r#"{{"requestId":"r","timestamp":1,"records":[{first},{good},{second}]}}"#);
    let items = read(body);
    let malformed = [first, second].map(|record| format!("!{record}"));
    assert_eq!(documents(&items), [&malformed[0], ENVELOPE, &malformed[1]]);
    let reasons = items.iter().filter_map(|item| item.as_ref().err());
    let reasons: Vec<_> = reasons.map(|bad| bad.reason.to_string()).collect();
    assert!(reasons[0].contains("not base64") && reasons[1].contains("`published` is missing"));

    let body = notification_records(&["{}", ENVELOPE, "hello"]);
    let malformed = [0, 2].map(|index| format!("!{}", body["Records"][index]));
    assert_eq!(
        documents(&read(body.to_string())),
        [&malformed[0], ENVELOPE, &malformed[1]]
    );
}

/// So that a dead letter that holds one can be sent again.
#[test]
fn one_record_by_itself_is_unwrapped() {
    for record in [
        firehose(&[ENVELOPE.as_bytes()])["records"][0].take(),
        notification_records(&[ENVELOPE])["Records"][0].take(),
    ] {
        assert_eq!(documents(&read(record.to_string())), [ENVELOPE], "{record}");
    }
    for other in [r#"{"data":7}"#, r#"{"data":"e30="}"#, r#"{"Sns":{}}"#] {
        assert_eq!(documents(&read(other)), [format!("!{other}")]);
    }
}

/// However the items are spread over what is unwrapped.
#[test]
fn records_beyond_the_maximum_are_one_malformed_item() {
    let most = BodyParser::MAX_ITEMS;
    let events = |count| format!("[{}]", vec![BARE; count].join(",")).into_bytes();
    let one = firehose(&[BARE.as_bytes()])["records"][0].to_string();
    let bad = r#"{"data":"*"}"#.to_owned();
    let half = firehose(&[&events(most / 2)])["records"][0].to_string();
    let more = firehose(&[&events(most / 2 + 1)])["records"][0].to_string();
    let last = |items: &[&String], count: usize| {
        let mut all = vec![items[0].clone(); count];
        all.extend(items[1..].iter().map(|&item| item.clone()));
        all
    };
    for (records, delivered, rest) in [
        (
            last(&[&one, &one, &bad], most),
            most,
            format!("{one},{bad}]}}"),
        ),
        (
            last(&[&bad, &one, &bad], most),
            0,
            format!("{one},{bad}]}}"),
        ),
        (
            last(&[&half, &one, &one], 2),
            most,
            format!("{one},{one}]}}"),
        ),
        // What is too much begins inside of a record.
        (
            last(&[&half, &more, &one], 1),
            most,
            format!("{more},{one}]}}"),
        ),
        (last(&[&half, &more], 1), most, BARE.to_owned() + "]"),
    ] {
        let request = format!(r#"{{"requestId":"r","records":[{}]}}"#, records.join(","));
        let items = read(&request);
        assert_eq!(items.len(), most + 1, "{} records", records.len());
        let ok = items.iter().filter(|item| item.is_ok()).count();
        assert_eq!(ok, delivered);
        assert_eq!(items[most].as_ref().unwrap_err().bytes, rest);

        let items = read(format!("[{request},{BARE}]"));
        assert_eq!(items.len(), most + 1);
        let all_of_it = format!("{request},{BARE}]");
        assert_eq!(items[most].as_ref().unwrap_err().bytes, all_of_it);
    }
    let exact = firehose(&[&events(most / 2), &events(most / 2)]).to_string();
    assert_eq!(read(&exact).len(), most);
    let items = read(format!("[{exact},{BARE}]"));
    assert_eq!(items[most].as_ref().unwrap_err().bytes, format!("{BARE}]"));
}
