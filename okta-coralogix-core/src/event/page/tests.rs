//! What depends on where the splitter stands, and on which way it took.

use super::*;

fn splitter<'a>(array: &'a str, origin: &'a Arc<Origin>) -> Splitter<'a> {
    let text = &array[1..array.len() - 1];
    Splitter {
        text,
        closed: &array[1..],
        page: Bytes::copy_from_slice(text.as_bytes()),
        origin,
        is_whole: false,
        budget: usize::MAX,
    }
}

#[test]
fn a_sound_page_splits_the_same_in_one_go_as_element_by_element() {
    let origin = Arc::new(Origin::org("acme"));
    let event = r#"{ "uuid":"u", "target":[{"uuid":"no"}], "published":"2026-05-04T12:00:00Z"}"#;
    for array in [
        "[ ]".to_owned(),
        format!("[{event}]"),
        format!("[\t{event} ,\n\r {{\n\"uuid\":1}}, {event}\n]"),
    ] {
        let in_one_go = splitter(&array, &origin).split_sound(&array).unwrap();
        let by_element = splitter(&array, &origin).split().unwrap();
        assert_eq!(format!("{in_one_go:?}"), format!("{by_element:?}"));
        let bytes = |all: &[Result<RawEvent, MalformedEvent>]| -> Vec<Bytes> {
            let bytes = |e: &Result<RawEvent, MalformedEvent>| match e {
                Ok(event) => event.json(),
                Err(malformed) => malformed.bytes.clone(),
            };
            all.iter().map(bytes).collect()
        };
        assert_eq!(bytes(&in_one_go), bytes(&by_element));
    }
}

#[test]
fn a_broken_last_element_of_a_whole_page_costs_one_element() {
    let origin = Arc::new(Origin::org("acme"));
    let event = r#"{"uuid":"u","published":"2026-05-04T12:00:00Z"}"#;
    let page = Bytes::from(format!("[{event},{event},{{\"uuid\":\"open]"));
    assert_eq!(
        split_page(&page, &origin).unwrap_err(),
        UnreadablePage::Truncated
    );
    let elements = split_whole_page(&page, &origin).unwrap();
    let good: Vec<_> = elements.iter().map(Result::is_ok).collect();
    assert_eq!(good, [true, true, false]);
    let bad = elements[2].as_ref().unwrap_err();
    assert_eq!(bad.bytes, "{\"uuid\":\"open");
}

#[test]
fn a_page_that_was_cut_off_behind_the_bracket_of_an_element_is_unreadable() {
    let origin = Arc::new(Origin::org("acme"));
    let page = r#"[null,[[1],{}],{"published":"2026-05-04T12:00:00Z"}]"#;
    assert_eq!(split_page(&page.into(), &origin).unwrap().len(), 3);
    for end in page.match_indices(']').map(|(at, _)| at + 1) {
        let cut = split_page(&Bytes::copy_from_slice(&page.as_bytes()[..end]), &origin);
        assert_eq!(
            cut.err(),
            (end < page.len()).then_some(UnreadablePage::Truncated),
            "{end}"
        );
    }
}

#[test]
fn a_page_of_endless_crumbs_is_refused() {
    let origin = Arc::new(Origin::org("acme"));
    let page = Bytes::from(format!("[{}1]", "1,".repeat(MOST_ELEMENTS)));
    assert_eq!(
        split_page(&page, &origin).unwrap_err(),
        UnreadablePage::Unsplittable
    );
}

#[test]
fn what_is_not_sound_is_left_to_the_splitter() {
    let origin = Arc::new(Origin::org("acme"));
    for array in ["[{}]", "[1]", "[{\"a\":1},]", "[{\"a\":1} {}]"] {
        assert!(splitter(array, &origin).split_sound(array).is_none());
    }
    // Keys may be written in any way.
    let array = "[{\"\\u0061\":1}, {\"\\ud800\":1}]";
    let read = splitter(array, &origin).split_sound(array);
    assert_eq!(read.map(|elements| elements.len()), Some(2));
}
