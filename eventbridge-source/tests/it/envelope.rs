//! The keys of an envelope; all but `detail` are optional.

use bytes::Bytes;
use eventbridge_source::Envelope;

fn parse(document: &'static str) -> Envelope {
    Envelope::parse(Bytes::from_static(document.as_bytes())).unwrap()
}

#[test]
fn every_documented_key_is_read() {
    let envelope = parse(
        r#"{"version":"0","id":"4ab6d852","detail-type":"SystemLog","source":"aws.partner/okta.com/acme/audit",
            "account":"123456789012","time":"2026-05-04T12:00:00Z","region":"eu-west-1",
            "resources":["arn:aws:events:x","y"],"replay-name":"may","detail":{"a": 1}}"#,
    );
    assert_eq!(envelope.version.as_deref(), Some("0"));
    assert_eq!(envelope.id.as_deref(), Some("4ab6d852"));
    assert_eq!(envelope.detail_type.as_deref(), Some("SystemLog"));
    assert_eq!(
        envelope.source.as_deref(),
        Some("aws.partner/okta.com/acme/audit")
    );
    assert_eq!(envelope.account.as_deref(), Some("123456789012"));
    assert_eq!(envelope.time, "2026-05-04T12:00:00Z".parse().ok());
    assert_eq!(envelope.region.as_deref(), Some("eu-west-1"));
    assert_eq!(envelope.resources, ["arn:aws:events:x", "y"]);
    assert_eq!(envelope.replay_name.as_deref(), Some("may"));
    assert!(envelope.other.is_empty());
    assert_eq!(envelope.detail(), r#"{"a": 1}"#);
}

#[test]
fn nothing_but_detail_is_required() {
    let envelope = parse(" {\"detail\":{}}\n");
    assert_eq!(envelope.detail_range(), 11..13);
    assert!(envelope.id.is_none() && envelope.source.is_none() && envelope.time.is_none());
    assert!(envelope.resources.is_empty() && envelope.other.is_empty());
}

#[test]
fn unknown_keys_are_kept_as_they_are_written() {
    let envelope = parse(
        r#"{"ingestion-time": "2026", "detail":{}, "extra":{"n":1.10}, "n":-0.0, "d\u00e9tail":[ ]}"#,
    );
    let other = |key| envelope.other.get(key).map(|json| &json[..]);
    assert_eq!(other("ingestion-time"), Some(&br#""2026""#[..]));
    assert_eq!(other("extra"), Some(&br#"{"n":1.10}"#[..]));
    assert_eq!(other("n"), Some(&b"-0.0"[..]));
    assert_eq!(other("d\u{e9}tail"), Some(&b"[ ]"[..]));
    assert_eq!(envelope.other.len(), 4);
}

#[test]
fn a_key_of_another_type_counts_as_unknown() {
    let envelope = parse(
        r#"{"version":0,"id":null,"account":123456789012,"time":"yesterday","resources":"arn","detail":{}}"#,
    );
    assert!(envelope.version.is_none() && envelope.account.is_none() && envelope.time.is_none());
    assert!(envelope.resources.is_empty());
    let keys: Vec<_> = envelope.other.keys().collect();
    assert_eq!(keys, ["account", "id", "resources", "time", "version"]);
}

#[test]
fn last_value_of_a_repeated_key_counts() {
    let envelope =
        parse(r#"{"id":"1","detail":[],"region":"a","id":2,"detail":{"b":2},"region":"b","id":3}"#);
    assert_eq!(envelope.detail(), r#"{"b":2}"#);
    assert_eq!(envelope.region.as_deref(), Some("b"));
    assert_eq!(envelope.id, None);
    assert_eq!(envelope.other["id"], "3");

    let envelope = parse(r#"{"id":1,"id":"2","detail":{}}"#);
    assert_eq!(envelope.id.as_deref(), Some("2"));
    assert!(envelope.other.is_empty());
}

#[test]
fn a_key_written_with_escapes_is_the_same_key() {
    let envelope = parse(r#"{"\u0064etail":{},"detail\u002dtype":"x"}"#);
    assert_eq!(envelope.detail_type.as_deref(), Some("x"));
    assert_eq!(envelope.detail(), "{}");
}

#[test]
fn key_with_half_a_surrogate_pair_is_kept_as_it_is_spelt() {
    let envelope = Envelope::parse(r#"{"\ud800":1,"detail":{}}"#.into()).unwrap();
    assert_eq!(envelope.other[r"\ud800"], "1");
}

#[test]
fn debug_output_has_no_event_data() {
    let envelope = parse(r#"{"id":"4ab6d852","detail":{"displayMessage":"whispered"}}"#);
    let debug = format!("{envelope:#?}");
    assert!(debug.contains("4ab6d852") && !debug.contains("whispered"));
}
