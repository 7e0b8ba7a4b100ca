//! The forms of a body.

mod malformed_input;
pub(crate) mod wrapped;

use bytes::Bytes;
use eventbridge_source::BodyParser;
use okta_coralogix_core::event::MalformedReason;
use okta_coralogix_core::{MalformedEvent, RawEvent};

const BARE: &str = r#"{"uuid":"u","published":"2026-05-04T11:59:58.126Z"}"#;
const ENVELOPE: &str = r#"{"source":"aws.partner/okta.com/acme/audit","detail-type":"x","detail":{"uuid":"u","published":"2026-05-04T11:59:58.126Z"}}"#;

type Items = Vec<Result<RawEvent, MalformedEvent>>;

fn read(body: impl Into<String>) -> Items {
    BodyParser::default().parse(Bytes::from(body.into()))
}

/// The documents of the good ones, and `!` with the bytes of the bad ones.
fn documents(items: &Items) -> Vec<String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let document = |item: &Result<RawEvent, MalformedEvent>| match item {
        Ok(event) => text(event.document()),
        Err(bad) => format!("!{}", text(&bad.bytes)),
    };
    items.iter().map(document).collect()
}

fn reason(items: &Items) -> &MalformedReason {
    let [Err(only)] = &items[..] else {
        panic!("{items:?}");
    };
    &only.reason
}

#[test]
fn an_envelope_and_a_bare_event_keep_every_byte() {
    let spaced = format!(" {ENVELOPE}\r\n");
    for document in [ENVELOPE, BARE, &spaced] {
        let items = read(document);
        assert_eq!(documents(&items), [document]);
        assert_eq!(items[0].as_ref().unwrap().json(), BARE);
    }
    assert_eq!(documents(&read(format!(" {BARE}\r\n"))), [BARE]);
}

#[test]
fn an_array_of_either_gives_each() {
    let items = read(format!("[ {ENVELOPE},{BARE} ,\n{ENVELOPE}]"));
    assert_eq!(documents(&items), [ENVELOPE, BARE, ENVELOPE]);
    let orgs = |item: &Result<RawEvent, _>| item.as_ref().unwrap().origin().org.clone();
    assert_eq!(
        items.iter().map(orgs).collect::<Vec<_>>(),
        ["acme", "", "acme"]
    );
    assert_eq!(documents(&read(format!("[{BARE}]"))), [BARE]);
}

#[test]
fn documents_one_after_the_other_give_each() {
    for between in ["", "\n", " \r\n\t"] {
        let items = read(format!(
            "{ENVELOPE}{between}{BARE}{between}[{BARE},{ENVELOPE}]{between}{ENVELOPE}"
        ));
        assert_eq!(
            documents(&items),
            [ENVELOPE, BARE, BARE, ENVELOPE, ENVELOPE]
        );
    }
}

#[test]
fn a_notification_gives_what_its_message_holds() {
    let wrap = |message: &str| {
        serde_json::json!({"Type": "Notification", "MessageId": "m", "TopicArn": "t", "Message": message}).to_string()
    };
    assert_eq!(documents(&read(wrap(ENVELOPE))), [ENVELOPE]);
    assert_eq!(
        documents(&read(wrap(&format!("[{BARE},{BARE}]")))),
        [BARE, BARE]
    );
    assert_eq!(
        documents(&read(format!("{}{BARE}", wrap(ENVELOPE)))),
        [ENVELOPE, BARE]
    );
    for nothing in ["", "hello", "[]", &wrap(BARE)] {
        let wrapped = wrap(nothing);
        assert_eq!(
            documents(&read(&wrapped)),
            [format!("!{wrapped}")],
            "kept with the bytes around it"
        );
    }
    let confirmation =
        r#"{"Type":"SubscriptionConfirmation","Message":"You have","SubscribeURL":"https://sns"}"#;
    assert!(
        reason(&read(confirmation))
            .to_string()
            .contains("SubscribeURL")
    );
}

#[test]
fn a_dead_letter_record_of_the_second_bus_is_no_event() {
    let record = r#"{"version":"1.0","busArn":"arn:aws:events:eu-west-1:1:event-busv2/b","subscriberArn":"s","targetArn":"t",
        "errorCode":"TIMEOUT","errorMessage":"m","exhaustedRetryCondition":"MaximumRetryAttempts","retryAttempts":5,
        "failedMessages":[{"eventId":"e","timestamp":"2026-11-01T00:00:00Z"}]}"#;
    let items = read(record);
    assert_eq!(documents(&items), [format!("!{record}")]);
    assert!(reason(&items).to_string().contains("dead-letter record"));
    let named = r#"{"published":"2026-05-04T11:59:58.126Z","busArn":1,"failedMessages":[]}"#;
    assert!(read(named)[0].is_ok(), "an event may have such keys");
}

#[test]
fn another_source_is_refused_unless_it_is_allowed() {
    let document = ENVELOPE.replace("aws.partner/okta.com/acme/audit", "my.test");
    let items = read(&document);
    assert_eq!(documents(&items), [format!("!{document}")]);
    assert!(reason(&items).to_string().contains("my.test"));
    let items = BodyParser::default()
        .any_source(true)
        .parse(document.clone().into());
    assert_eq!(documents(&items), [document]);
}

#[test]
fn every_detail_type_is_accepted_and_unknown_keys_are_kept() {
    for detail_type in [r#""Okta Log Event""#, "7", "null"] {
        let document = format!(
            r#"{{"detail-type":{detail_type},"added":{{"by":"a connection"}},"published":1,"detail":{BARE}}}"#
        );
        assert_eq!(documents(&read(&document)), [document]);
    }
}

#[test]
fn body_without_event_is_one_malformed_item_with_the_reason() {
    for (body, says) in [
        ("", "no event"),
        (" \n", "no event"),
        ("[]", "no event"),
        ("[ ] []", "no event"),
        ("{}", "`published` is missing"),
        ("null", "not a JSON object"),
        ("[[1]]", "not a JSON object"),
        ("<html>", "not JSON"),
        ("[", "not JSON"),
        ("{\"detail\":", "not JSON"),
        (
            r#"{"detail-type":"SystemLog","source":"aws.partner/okta.com/a/b"}"#,
            "`detail` is missing",
        ),
        (
            r#"{"detail":[],"published":null}"#,
            "`published` is missing",
        ),
    ] {
        let items = read(body);
        assert!(
            reason(&items).to_string().contains(says),
            "{body}: {}",
            reason(&items)
        );
        let inside = body
            .strip_prefix('[')
            .and_then(|body| body.strip_suffix(']'));
        let kept = &documents(&items)[0][1..];
        assert!(kept == body || Some(kept) == inside, "{body}: {kept}");
    }
    let not_utf8 = BodyParser::default().parse(Bytes::from_static(b"{\"published\":\"\xff\"}"));
    assert_eq!(*reason(&not_utf8), MalformedReason::NotUtf8);
}

#[test]
fn value_that_is_not_utf_8_leaves_the_others_alone() {
    let malformed = [
        &b"{\"published\":\"2026-05-04T11:59:58.126Z\",\"a\":\"caf\xE9\"}"[..],
        b"{\"published\":\"2026-05-04T11:59:58.126Z\",\"a\":\"\xC0\xAF\"}",
        b"{\"published\":\"2026-05-04T11:59:58.126Z\",\"a\":\"\xED\xA0\x80\"}",
        b"{\"source\":\"aws.partner/okta.com/acme/audit\",\"detail-type\":\"x\",\"detail\":{\"published\":\"2026-05-04T11:59:58.126Z\",\"a\":\"\xE9\"}}",
        b"{\"a\":\xFF}",
        b"{\"a\":\"\xFF}",
        b"\xFF",
    ];
    for bad in malformed {
        for good in [ENVELOPE, BARE] {
            let good = good.as_bytes();
            for (open, between, close) in [("[", ",", "]"), ("", "\n", "\n"), (" [ ", " , ", " ]")]
            {
                let (open, between) = (open.as_bytes(), between.as_bytes());
                let body = [open, good, between, bad, between, good, close.as_bytes()].concat();
                let items = BodyParser::default().parse(body.into());
                let [Ok(first), Err(malformed), Ok(last)] = &items[..] else {
                    panic!("{bad:?}: {items:?}");
                };
                assert_eq!([first.document(), last.document()], [good; 2]);
                assert_eq!(malformed.bytes.trim_ascii(), bad);
                assert_eq!(malformed.reason, MalformedReason::NotUtf8);
            }
        }
        let items = BodyParser::default().parse(Bytes::from_static(bad));
        assert_eq!(*reason(&items), MalformedReason::NotUtf8);
    }
}

#[test]
fn byte_order_mark_before_the_body_is_skipped() {
    for body in [ENVELOPE, BARE] {
        assert_eq!(documents(&read(format!("\u{feff}{body}"))), [body]);
        let array = format!("\u{feff}[{body},{body}]");
        assert_eq!(documents(&read(array)), [body; 2]);
    }
    assert_eq!(documents(&read("\u{feff}")), ["!\u{feff}"]);
}

#[test]
fn nul_byte_costs_its_value_only() {
    for bad in ["{\"a\":\"\0\"}", "\0", "{\0}"] {
        let items = read(format!("[{ENVELOPE},{bad},{BARE}]"));
        assert_eq!(documents(&items), [ENVELOPE, &format!("!{bad}"), BARE]);
    }
}

#[test]
fn malformed_element_leaves_the_others_alone() {
    for bad in [
        "7",
        "{}",
        "{\"a\":",
        "{\"a\":\"open",
        "tru",
        "[1,2",
        "{\"detail\":{\"a\":]}}",
        "{1}",
    ] {
        for good in [ENVELOPE, BARE] {
            let items = read(format!("[{good},{bad},{good}]"));
            assert_eq!(
                documents(&items),
                [good, &format!("!{bad}"), good],
                "in an array"
            );
            // An array that is never closed takes the next values as its elements.
            if bad.starts_with('[') {
                continue;
            }
            let items = read(format!("{good}\n{bad}\n{good}\n"));
            assert_eq!(
                documents(&items),
                [good, &format!("!{bad}"), good],
                "on a line of its own"
            );
        }
    }
    let items = read(format!("{BARE}{{1}}{ENVELOPE}"));
    assert_eq!(
        documents(&items),
        [BARE, "!{1}", ENVELOPE],
        "with nothing between them"
    );
}

#[test]
fn names_that_were_asked_for_are_in_the_origin() {
    let parser = BodyParser::default()
        .org("acme.okta.com")
        .application("a")
        .subsystem("s");
    for body in [ENVELOPE, BARE, "{}"] {
        let item = parser.parse(body.into()).remove(0);
        let origin = match &item {
            Ok(event) => event.origin(),
            Err(bad) => &bad.origin,
        };
        assert_eq!(origin.org, "acme.okta.com");
        assert_eq!(origin.application.as_deref(), Some("a"));
        assert_eq!(origin.subsystem.as_deref(), Some("s"));
        assert_eq!(origin.stream.is_some(), body == ENVELOPE);
    }
}
