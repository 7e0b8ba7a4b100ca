//! `split_page` and `split_whole_page` against a plain reading of the same page by serde_json.

#![no_main]

use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use libfuzzer_sys::fuzz_target;
use okta_coralogix_core::event::{
    MalformedReason, OktaSeverity, PageEnd, PageError, split_page, split_whole_page,
};
use okta_coralogix_core::internal::json::{Members, masked_utf8, strip_byte_order_mark};
use okta_coralogix_core::testing::reference;
use okta_coralogix_core::{MalformedEvent, Origin, RawEvent};
use serde_json::value::RawValue;

type Items = Vec<Result<RawEvent, MalformedEvent>>;

/// Up to this length a page is cut off at every byte, a longer one at one of them.
const SHORT: usize = 64;

fuzz_target!(|data: &[u8]| {
    let page = Bytes::copy_from_slice(data);
    let origin = Arc::new(Origin::org("example.okta.com"));
    let split = split_page(&page, &origin);
    let whole = split_whole_page(&page, &origin);
    let (elements, end) = match &whole {
        Ok(whole) => (Some(&whole.elements), Some(whole.end)),
        Err(_) => (None, None),
    };
    for items in split.as_ref().ok().into_iter().chain(elements) {
        nothing_is_lost(&page, items);
        every_item_stands_for_itself(items, &origin);
    }
    if let (Ok(split), Some(elements)) = (&split, elements) {
        assert_eq!(bytes_of(split), bytes_of(elements));
    }
    let masked = masked_utf8(&page);
    let text = strip_byte_order_mark(&masked);
    if let Err(PageError::NotAnArray(_)) = &split {
        assert!(!text.trim_start_matches(WHITE_SPACE).starts_with('['));
    }
    let read = serde_json::from_str::<Vec<&RawValue>>(text);
    assert_eq!(read.is_ok(), end == Some(PageEnd::Sound));
    if let Ok(read) = read {
        as_serde_json_reads_it(&read, split.as_ref().expect("a sound array"));
        no_part_of_it_is_a_page(&page, &masked, &origin);
    }
    the_scanner_changes_nothing(&split, &reference::split_page(&page, &origin));
    if split.is_ok() {
        assert!(whole.is_ok(), "what may be whole is refused as a whole");
    }
});

const WHITE_SPACE: [char; 4] = [' ', '\t', '\n', '\r'];

/// By `serde_json` alone it would have come out the same.
fn the_scanner_changes_nothing(
    split: &Result<Items, PageError>,
    by_serde_json: &Result<Items, PageError>,
) {
    let (items, others) = match (split, by_serde_json) {
        (Ok(items), Ok(others)) => (items, others),
        (Err(error), Err(other)) => return assert_eq!(error, other),
        (split, other) => panic!("{split:?} and not {other:?}"),
    };
    assert_eq!(bytes_of(items), bytes_of(others));
    for pair in items.iter().zip(others) {
        match pair {
            (Ok(event), Ok(other)) => assert_eq!(head(event), head(other)),
            (Err(malformed), Err(other)) => assert_eq!(malformed.reason, other.reason),
            (item, other) => panic!("{item:?} and not {other:?}"),
        }
    }
}

fn bytes(item: &Result<RawEvent, MalformedEvent>) -> Bytes {
    match item {
        Ok(event) => event.json(),
        Err(malformed) => malformed.bytes.clone(),
    }
}

fn bytes_of(items: &Items) -> Vec<Bytes> {
    items.iter().map(bytes).collect()
}

/// Every byte but white space and commas between elements stands in exactly one item, which is a slice of the page.
fn nothing_is_lost(page: &Bytes, items: &Items) {
    let is_gap = |byte: &u8| b" \t\n\r,".contains(byte);
    let mut at = page
        .iter()
        .position(|byte| *byte == b'[')
        .expect("an array")
        + 1;
    for item in items {
        let bytes = bytes(item);
        // An item without bytes is a slice of nowhere.
        let start = match bytes.is_empty() {
            true => at,
            false => bytes.as_ptr() as usize - page.as_ptr() as usize,
        };
        assert!(page[at..start].iter().all(is_gap), "lost before {start}");
        at = start + bytes.len();
        assert_eq!(page[start..at], bytes);
    }
    let end = page
        .iter()
        .rposition(|byte| *byte == b']')
        .expect("an array");
    assert!(page[at..end].iter().all(is_gap), "lost behind {at}");
}

/// What was taken is an event by itself too, with the same head; what was refused is none.
fn every_item_stands_for_itself(items: &Items, origin: &Arc<Origin>) {
    for item in items {
        let alone = RawEvent::parse(bytes(item), Arc::clone(origin));
        match (item, alone) {
            (Ok(event), Ok(alone)) => assert_eq!(head(event), head(&alone)),
            (Err(malformed), Err(alone)) => {
                assert_eq!(kind(&malformed.reason), kind(&alone.reason));
            }
            (item, alone) => panic!("{item:?} is {alone:?} by itself"),
        }
    }
}

type Head = (
    DateTime<Utc>,
    Option<String>,
    Option<String>,
    Option<OktaSeverity>,
);

fn head(event: &RawEvent) -> Head {
    (
        event.published(),
        event.uuid().map(Into::into),
        event.event_type().map(Into::into),
        event.severity(),
    )
}

fn kind(reason: &MalformedReason) -> std::mem::Discriminant<MalformedReason> {
    std::mem::discriminant(reason)
}

/// The same elements, each taken or refused for the same reason, with the same head.
fn as_serde_json_reads_it(elements: &[&RawValue], items: &Items) {
    assert_eq!(items.len(), elements.len());
    for (item, element) in items.iter().zip(elements) {
        let json = element.get();
        if let Err(malformed) = item
            && malformed.reason == MalformedReason::NotUtf8
        {
            assert_eq!(masked_utf8(&malformed.bytes), json);
            assert!(std::str::from_utf8(&malformed.bytes).is_err());
            continue;
        }
        assert_eq!(bytes(item), json);
        match (item, plain_head(json)) {
            (Ok(event), Ok(plain)) => assert_eq!(head(event), plain),
            (Err(malformed), Err(Some(plain))) => {
                assert_eq!(kind(&malformed.reason), kind(&plain), "{json}");
            }
            // A bare string or number may be beyond what serde_json keeps.
            (Err(_), Err(None)) => {}
            (item, plain) => panic!("{json} is {plain:?} and not {item:?}"),
        }
    }
}

/// The head, read member by member into a map.
fn plain_head(json: &str) -> Result<Head, Option<MalformedReason>> {
    if !json.starts_with('{') {
        return Err(None);
    }
    let members = Members::of(json).ok_or(Some(MalformedReason::NotJson(String::new())))?;
    let member = |key: &str| members.values(key).next_back();
    let published = match member("published") {
        None | Some("null") => return Err(Some(MalformedReason::NoPublished)),
        Some(value) => serde_json::from_str::<String>(value)
            .ok()
            .and_then(|text| DateTime::parse_from_rfc3339(&text).ok())
            .ok_or(Some(MalformedReason::BadPublished))?,
    };
    // What is between the quotes of a string with something in it.
    let inside = |key: &str| {
        let value = member(key)?.strip_prefix('"')?.strip_suffix('"')?;
        (!value.is_empty()).then_some(value)
    };
    let text = |key: &str| serde_json::from_str::<String>(member(key)?).ok();
    let uuid = inside("uuid").and_then(|_| text("uuid"));
    let event_type = inside("eventType").map(|raw| text("eventType").unwrap_or_else(|| raw.into()));
    let severity = text("severity").and_then(|text| match &*text {
        "DEBUG" => Some(OktaSeverity::Debug),
        "INFO" => Some(OktaSeverity::Info),
        "WARN" => Some(OktaSeverity::Warn),
        "ERROR" => Some(OktaSeverity::Error),
        _ => None,
    });
    Ok((published.to_utc(), uuid, event_type, severity))
}

/// A page that is cut off anywhere before its last bracket is unreadable.
fn no_part_of_it_is_a_page(page: &Bytes, text: &str, origin: &Arc<Origin>) {
    let end = text.rfind(']').expect("an array");
    let cuts = match end {
        0..=SHORT => 0..end,
        _ => {
            let at = page
                .iter()
                .fold(end, |sum, byte| sum.wrapping_mul(31) ^ usize::from(*byte))
                % end;
            at..at + 1
        }
    };
    for cut in cuts {
        let part = page.slice(..cut);
        assert!(
            split_page(&part, origin).is_err(),
            "taken though cut at {cut}"
        );
    }
}
