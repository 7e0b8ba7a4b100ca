//! Deep nesting, many items and arbitrary bytes: bounded cost, and no byte is lost.

use bytes::Bytes;
use eventbridge_source::BodyParser;
use okta_coralogix_core::{MalformedEvent, RawEvent};
use proptest::prelude::*;

use super::{BARE, ENVELOPE, documents, read};

#[test]
fn a_thousand_levels_pass_and_ten_thousand_harm_nothing() {
    for levels in [1_000, 10_000, 1_000_000] {
        let deep = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        for event in [
            BARE.replacen('{', &format!(r#"{{"deep":{deep},"#), 1),
            ENVELOPE.replace(r#""uuid""#, &format!(r#""deep":{deep},"uuid""#)),
        ] {
            assert!(read(event)[0].is_ok());
        }
        assert_eq!(
            documents(&read(deep.clone())),
            [format!("!{}", &deep[1..deep.len() - 1])]
        );
        assert!(read("[".repeat(levels))[0].is_err());
        assert!(read(r#"{"detail":"#.repeat(levels))[0].is_err());
    }
}

#[test]
fn items_beyond_the_maximum_are_one_malformed_item() {
    let most = BodyParser::MAX_ITEMS;
    let body = format!("[{}]", vec!["1"; most + 2].join(","));
    let items = read(body);
    assert_eq!(items.len(), most + 1);
    assert_eq!(items[most].as_ref().unwrap_err().bytes, "1,1]");
    assert_eq!(read(BARE.repeat(most)).len(), most);
}

#[test]
fn broken_bodies_cost_no_square_of_their_length() {
    // Each of these would be read from each of its lines or commas to its end.
    for crumb in [
        "{\"a\":[\n",
        "{\"a\":\n",
        ",{\"a\":[",
        "}{\"",
        "{\n",
        "\n",
        " ",
    ] {
        for body in [crumb.repeat(200_000), format!("[{}", crumb.repeat(200_000))] {
            let items = read(format!("{{{body}"));
            assert!(items.iter().all(Result::is_err));
            let items = read(&body);
            assert!(items.iter().all(Result::is_err));
            assert!(items.len() <= BodyParser::MAX_ITEMS + 1);
        }
    }
}

/// Each broken value ends where an event begins, and was read to the end of the body before that.
#[test]
fn events_within_broken_values_cost_no_square_of_the_length() {
    let crumb = r#"{"a":[0,{"uuid":"u","published":"2026-05-04T12:00:00Z"},"#;
    for body in [crumb.repeat(50_000), format!("[{}1]", crumb.repeat(50_000))] {
        let items = read(&body);
        assert!(items.iter().any(Result::is_ok));
        assert!(items.len() <= BodyParser::MAX_ITEMS + 1);
    }
}

fn bytes_of(item: &Result<RawEvent, MalformedEvent>) -> Bytes {
    match item {
        Ok(event) => event.document().clone(),
        Err(bad) => bad.bytes.clone(),
    }
}

proptest! {
    #[test]
    fn any_bytes_give_items(bytes: Vec<u8>) {
        prop_assert!(!BodyParser::default().parse(bytes.into()).is_empty());
    }

    /// Only punctuation between the items is left out.
    #[test]
    fn no_byte_but_punctuation_vanishes(
        parts in prop::collection::vec(prop_oneof![
            Just(BARE.to_owned()), Just(ENVELOPE.to_owned()), r#"[\[\]{},:"a1 \n]{0,12}"#,
        ], 0..8),
        between in prop_oneof![Just(""), Just(","), Just("\n"), Just("]["), Just("}{")],
        in_array: bool,
    ) {
        let inside = parts.join(between);
        let body = Bytes::from(if in_array { format!("[{inside}]") } else { inside });
        let mut at = body.as_ptr() as usize;
        let mut left_out = Vec::new();
        for item in BodyParser::default().parse(body.clone()) {
            let bytes = bytes_of(&item);
            let start = bytes.as_ptr() as usize;
            // If something is missing at the end, the item has the whole body.
            if start >= at {
                left_out.extend_from_slice(&body[at - body.as_ptr() as usize..start - body.as_ptr() as usize]);
                at = start + bytes.len();
            }
        }
        left_out.extend_from_slice(&body[at - body.as_ptr() as usize..]);
        let punctuation = |byte: &u8| b"[], \n\t\r".contains(byte);
        prop_assert!(left_out.iter().all(punctuation), "{}", String::from_utf8_lossy(&left_out));
    }
}
