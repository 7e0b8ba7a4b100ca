//! `split_page`: one bad element never takes another along, and no byte is lost.

mod small;
mod spelling;
mod utf8;

use okta_coralogix_core::{MalformedEvent, Origin, RawEvent};
use std::sync::Arc;

use bytes::Bytes;
use chrono::DateTime;
use okta_coralogix_core::event::{
    MalformedReason, PageEnd, PageError, split_page, split_whole_page,
};
use okta_coralogix_core::internal::json::masked_utf8;
use okta_coralogix_core::testing::{EventGenerator, page_of};
use proptest::prelude::*;
use serde_json::Value;
use serde_json::value::RawValue;

/// The bytes of each element, and what became of it.
type Items = Vec<(Bytes, Result<RawEvent, MalformedReason>)>;

fn split(page: &Bytes) -> Result<Items, PageError> {
    split_page(page, &origin()).map(items)
}

/// The same for a page that is known to be whole.
fn split_whole(page: &Bytes) -> Result<Items, PageError> {
    split_whole_page(page, &origin()).map(|page| items(page.elements))
}

fn origin() -> Arc<Origin> {
    Arc::new(Origin::org("example.okta.com"))
}

fn items(elements: Vec<Result<RawEvent, MalformedEvent>>) -> Items {
    let taken = elements.into_iter().map(|item| match item {
        Ok(event) => (event.json(), Ok(event)),
        Err(malformed) => (malformed.bytes, Err(malformed.reason)),
    });
    taken.collect()
}

fn generated(seed: u64, count: usize) -> Vec<Bytes> {
    let now = "2026-05-04T12:00:00Z".parse().expect("a time");
    let events = EventGenerator::new(seed).size(600).batch(count, now);
    events.into_iter().map(|event| event.json).collect()
}

fn page(elements: &[Bytes]) -> Bytes {
    [&b"["[..], &elements.join(&b','), b"]"].concat().into()
}

/// Every byte but white space and commas between elements stands in exactly one item, which is a slice of the page.
fn assert_nothing_is_lost(page: &Bytes, items: &Items) {
    let is_gap = |byte: &u8| b" \t\n\r,".contains(byte);
    let mut at = page
        .iter()
        .position(|&byte| byte == b'[')
        .expect("an array")
        + 1;
    for (bytes, _) in items {
        let start = bytes.as_ptr() as usize - page.as_ptr() as usize;
        assert!(start >= at, "{start} is before {at}");
        assert!(page[at..start].iter().all(is_gap), "lost before {start}");
        at = start + bytes.len();
        assert_eq!(&page[start..at], bytes);
    }
    let end = page
        .iter()
        .rposition(|&byte| byte == b']')
        .expect("an array");
    assert!(page[at..end].iter().all(is_gap), "lost behind {at}");
}

/// What `serde_json` says to a page that it can read.
fn assert_as_serde_json(page: &Bytes, items: &Items) {
    let Ok(text) = std::str::from_utf8(page) else {
        return;
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let Ok(elements) = serde_json::from_str::<Vec<&RawValue>>(text) else {
        return;
    };
    assert_eq!(items.len(), elements.len());
    for ((bytes, item), element) in items.iter().zip(elements) {
        assert_eq!(bytes, element.get());
        let Ok(value) = serde_json::from_str::<Value>(element.get()) else {
            continue;
        };
        let published = value["published"].as_str();
        let published = published.and_then(|text| DateTime::parse_from_rfc3339(text).ok());
        assert_eq!(
            published.map(|time| time.to_utc()),
            item.as_ref().ok().map(RawEvent::published)
        );
        if let Ok(event) = item {
            let text = |key: &str| value[key].as_str().filter(|text| !text.is_empty());
            assert_eq!(event.uuid().as_deref(), text("uuid"));
            assert_eq!(event.event_type().as_deref(), text("eventType"));
        }
    }
}

/// One good event on either side of `odd`, which both arrive.
#[track_caller]
fn between_good_ones(odd: &str) -> MalformedReason {
    let good = generated(1, 2);
    let odd = Bytes::copy_from_slice(odd.as_bytes());
    let page = page(&[good[0].clone(), odd.clone(), good[1].clone()]);
    let mut items = split(&page).unwrap_or_else(|error| panic!("{error}: {odd:?}"));
    assert_nothing_is_lost(&page, &items);
    assert_eq!(items.len(), 3, "{odd:?} gave {items:?}");
    for (index, good) in [(0, &good[0]), (2, &good[1])] {
        assert_eq!(&items[index].0, good, "{odd:?}");
        assert!(items[index].1.is_ok(), "{odd:?}");
    }
    assert_eq!(items[1].0, odd);
    items.remove(1).1.expect_err("a bad element")
}

#[test]
fn broken_json_is_reported_and_its_neighbours_are_read() {
    for odd in [
        r#"{"uuid":"a","published":"2026-05-04T12:00:00Z""#,
        r#"{"uuid":"a","published":"2026-05-04T12:00:00Z}"#,
        r#"{"uuid":"a,"published":"2026-05-04T12:00:00Z"}"#,
        r#"{"uuid":"a","target":[{"id":1}"#,
        r#"{"uuid":"a","target":[{"id":1},{"id":2}}"#,
        r#"{"uuid":"a","target":[{"id":1},{"id":2"#,
        r#"{"uuid":"a"}}"#,
        r#"{"uuid":"a"}]"#,
        r#"{"uuid":"a"} {"uuid":"b"}"#,
        r#"{"uuid":"\q"}"#,
        r#"{"uuid":01}"#,
        r#"{uuid:"a"}"#,
        r#"{"uuid":"a",}"#,
        r#"{"a":"#,
        "{",
        "}",
        "]",
        "[",
        "\"",
        "\\",
        "nul",
        "1.",
        "<html>",
        "",
        "{\"a\":\"\u{1}\"}",
    ] {
        let reason = between_good_ones(odd);
        assert!(
            matches!(reason, MalformedReason::NotJson(_)),
            "{odd:?}: {reason}"
        );
    }
}

#[test]
fn json_that_is_no_event_is_reported_with_the_reason() {
    for odd in ["null", "true", "-1.5e3", "\"text\"", "[]", "[[1],{}]"] {
        assert_eq!(between_good_ones(odd), MalformedReason::NotAnObject);
    }
    for odd in [
        "{}",
        r#"{"uuid":"a"}"#,
        r#"{"published":null}"#,
        r#"{"x":{"published":"2026-05-04T12:00:00Z"}}"#,
        r#"{"published":"2026-05-04T12:00:00Z","published":null}"#,
    ] {
        assert_eq!(between_good_ones(odd), MalformedReason::NoPublished);
    }
    for odd in [
        r#"{"published":1777896000}"#,
        r#"{"published":""}"#,
        r#"{"published":"yesterday"}"#,
        r#"{"published":"2026-05-04"}"#,
        r#"{"published":"2026-02-30T12:00:00Z"}"#,
        r#"{"published":["2026-05-04T12:00:00Z"]}"#,
        r#"{"published":"\ud800"}"#,
    ] {
        assert_eq!(between_good_ones(odd), MalformedReason::BadPublished);
    }
}

#[test]
fn malformed_element_at_either_end_loses_no_neighbour() {
    let good = generated(2, 2);
    for odd in ["{\"a\":", "{\"uuid\":\"x\"", "}", "", "nul", "{]"] {
        let odd = Bytes::copy_from_slice(odd.as_bytes());
        for at in [0, 2] {
            let mut elements = good.clone();
            elements.insert(at, odd.clone());
            let page = page(&elements);
            let items = split(&page).unwrap();
            assert_nothing_is_lost(&page, &items);
            let good_ones = items.iter().filter(|(_, item)| item.is_ok()).count();
            assert_eq!((items.len(), good_ones), (3, 2), "{odd:?} at {at}");
        }
    }
}

#[test]
fn malformed_element_leaves_the_other_999() {
    let mut elements = generated(3, 1_000);
    elements[500].truncate(300);
    let page = page(&elements);
    let items = split(&page).unwrap();
    assert_nothing_is_lost(&page, &items);
    assert_eq!(items.len(), 1_000);
    let bad: Vec<_> = items.iter().filter(|(_, item)| item.is_err()).collect();
    assert_eq!(bad.len(), 1);
    assert_eq!(bad[0].0, elements[500]);
}

#[test]
fn page_truncated_anywhere_is_unreadable() {
    for seed in 0..3 {
        let now = "2026-05-04T12:00:00Z".parse().unwrap();
        let whole = page_of(&EventGenerator::new(seed).size(2_000).batch(2, now));
        assert_eq!(split(&whole).unwrap().len(), 2);
        for length in 0..whole.len() {
            let cut = whole.slice(..length);
            assert!(
                split(&cut).is_err(),
                "{length} of {} bytes: {cut:?}",
                whole.len()
            );
        }
    }
}

#[test]
fn page_with_bytes_after_the_array_is_unreadable() {
    for behind in ["x", ",", "[", "null"] {
        let page = Bytes::from(format!("[]{behind}"));
        assert_eq!(split(&page).unwrap_err(), PageError::Truncated);
    }
}

#[test]
fn page_that_is_no_array_is_quoted_in_the_error() {
    let html =
        Bytes::from_static(b"\n<!DOCTYPE html><html><body>Okta is under maintenance</body></html>");
    let PageError::NotAnArray(start) = split(&html).unwrap_err() else {
        panic!("another error");
    };
    assert!(start.starts_with("<!DOCTYPE html>"), "{start}");
    for page in [
        "",
        " ",
        "{}",
        "null",
        r#"{"errorCode":"E0000009"}"#,
        "\u{feff}\u{feff}[]",
        "\u{feff}",
    ] {
        let page = Bytes::from(page);
        assert!(
            matches!(split(&page), Err(PageError::NotAnArray(_))),
            "{page:?}"
        );
    }
}

#[test]
fn white_space_between_elements_does_not_matter() {
    let good = generated(5, 3);
    for space in ["", " ", "\n", "\r\n\t ", "    "] {
        let text: Vec<_> = good
            .iter()
            .map(|json| std::str::from_utf8(json).unwrap())
            .collect();
        let inside = text.join(&format!("{space},{space}"));
        let page = Bytes::from(format!("{space}[{space}{inside}{space}]{space}"));
        let items = split(&page).unwrap();
        let bytes: Vec<_> = items.iter().map(|(bytes, _)| bytes.clone()).collect();
        assert_eq!(bytes, good);
        assert_eq!(
            split(&format!("{space}[{space}]{space}").into())
                .unwrap()
                .len(),
            0
        );
    }
}

#[test]
fn hostile_page_is_not_split_in_quadratic_time() {
    let nested = r#"x,{"a":[1"#.to_owned() + &r#",{"a":[1"#.repeat(100_000);
    let unended = "x".to_owned() + &r#",{"uuid":"#.repeat(100_000);
    // Each broken element ends where an event begins, and was read to the end of the page before that.
    let event = r#"{"uuid":"u","published":"2026-05-04T12:00:00Z"}"#;
    let events_within = format!(r#"{{"a":[0,{event},"#).repeat(50_000) + "1";
    for inside in [nested, unended, events_within, ",".repeat(100_000)] {
        let page = Bytes::from(format!("[{inside}]"));
        if let Ok(items) = split(&page) {
            assert_nothing_is_lost(&page, &items);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn page_is_read_as_serde_json_reads_it(seed in any::<u64>(), count in 0..20_usize) {
        let page = page(&generated(seed, count));
        let items = split(&page).unwrap();
        prop_assert!(items.iter().all(|(_, item)| item.is_ok()));
        assert_nothing_is_lost(&page, &items);
        assert_as_serde_json(&page, &items);
    }

    #[test]
    fn damaged_page_loses_no_byte(
        seed in any::<u64>(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), 0..4_usize, "[\\[\\]{}\",:\\\\ a0]{0,3}"), 1..6),
    ) {
        let mut text = String::from_utf8(page(&generated(seed, 4)).into()).unwrap();
        for (at, removed, put) in damage {
            let places: Vec<_> = text.char_indices().map(|(at, _)| at).collect();
            let at = at.index(places.len());
            let end = places.get(at + removed).copied().unwrap_or(text.len());
            text.replace_range(places[at]..end, &put);
        }
        let page = Bytes::from(text);
        if let Ok(items) = split(&page) {
            assert_nothing_is_lost(&page, &items);
            assert_as_serde_json(&page, &items);
        }
    }

    #[test]
    fn page_of_arbitrary_bytes_causes_no_panic(bytes in prop::collection::vec(prop_oneof![
        any::<u8>(), prop::sample::select(&b"[]{},:\"\\ n1"[..]),
    ], 0..60)) {
        let page = Bytes::from([b"[", &bytes[..], b"]"].concat());
        if let Ok(items) = split(&page) {
            assert_nothing_is_lost(&page, &items);
            assert_as_serde_json(&page, &items);
        }
        assert_end_is_sound_as_serde_json_says(&page);
    }
}

/// A page has a sound end exactly if it is a sound array, whatever its strings are.
fn assert_end_is_sound_as_serde_json_says(page: &Bytes) {
    let text = masked_utf8(page);
    let is_array = serde_json::from_str::<Vec<&RawValue>>(&text).is_ok();
    let end = split_whole_page(page, &origin()).map(|page| page.end);
    assert_eq!(end == Ok(PageEnd::Sound), is_array, "{text}: {end:?}");
}
