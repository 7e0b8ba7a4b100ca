//! `detail` is a slice of the document, byte for byte.

use bytes::Bytes;
use eventbridge_source::Envelope;
use okta_coralogix_core::testing::EventGenerator;
use proptest::prelude::*;
use serde_json::Value;

/// White space, an unknown key or nothing, between two members.
fn filler() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        "[ \t\r\n]{0,4}",
        (any::<String>(), any::<String>()).prop_map(|(key, value)| format!(
            "{}:{},",
            Value::from(format!("x{key}")),
            Value::from(value)
        )),
    ]
}

proptest! {
    #[test]
    fn detail_is_the_very_slice(seed: u64, before in filler(), behind in filler(), space in "[ \t\r\n]{0,4}") {
        let now = "2026-05-04T12:00:00Z".parse().unwrap();
        let event = EventGenerator::new(seed).event(now);
        let detail = std::str::from_utf8(&event.json).unwrap();
        let mut text = format!("{space}{{{before}\"detail\":{space}");
        let start = text.len();
        text.push_str(detail);
        text.push_str(&format!("{space},{behind}\"id\":\"i\"}}{space}"));

        let document = Bytes::from(text);
        let envelope = Envelope::parse(document.clone()).unwrap();
        prop_assert_eq!(envelope.detail_range(), start..start + detail.len());
        let found = envelope.detail();
        prop_assert_eq!(&found, &event.json);
        prop_assert_eq!(found.as_ptr(), document[start..].as_ptr());
        for json in envelope.other.values() {
            prop_assert!(document.as_ptr_range().contains(&json.as_ptr()));
        }

        let event_in_it = envelope.into_event().unwrap();
        prop_assert_eq!(event_in_it.document().as_ptr(), document.as_ptr());
        prop_assert_eq!(event_in_it.document().len(), document.len());
        prop_assert_eq!(event_in_it.json().as_ptr(), document[start..].as_ptr());
        prop_assert_eq!(event_in_it.published(), event.published);
    }

    #[test]
    fn any_bytes_give_an_envelope_or_themselves(bytes: Vec<u8>) {
        let document = Bytes::from(bytes);
        match Envelope::parse(document.clone()) {
            Ok(envelope) => prop_assert_eq!(envelope.document(), &document),
            Err(error) => prop_assert_eq!(error.bytes, document),
        }
    }

    #[test]
    fn what_serde_json_takes_as_an_object_with_detail_is_an_envelope(text in r#"[\[{}\]:,"detail 01\\]{0,40}"#) {
        let wrapped = format!(r#"{{"a":{text},"detail":{{}}}}"#);
        let is_json = serde_json::from_str::<Value>(&wrapped)
            .is_ok_and(|value| value["detail"].is_object());
        prop_assert_eq!(Envelope::parse(wrapped.into()).is_ok(), is_json);
    }
}
