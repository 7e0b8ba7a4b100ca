//! Bytes that are not UTF-8, and those that are and do not belong into a page.

use bytes::Bytes;
use okta_coralogix_core::event::MalformedReason;

use super::{assert_nothing_is_lost, between_good_ones, generated, page, split, split_whole};

#[test]
fn byte_order_mark_before_the_page_is_skipped() {
    let good = generated(4, 2);
    let page = Bytes::from([&b"\xEF\xBB\xBF"[..], &page(&good)].concat());
    let items = split(&page).unwrap();
    assert_nothing_is_lost(&page, &items);
    let bytes: Vec<_> = items.into_iter().map(|(bytes, _)| bytes).collect();
    assert_eq!(bytes, good);
}

/// Bytes that are not UTF-8: Latin-1, overlong, half a surrogate pair, cut off, beyond Unicode, no bytes of UTF-8.
const NOT_UTF_8: [&[u8]; 8] = [
    b"\xE9",
    b"\xC0\xAF",
    b"\xE0\x80\xAF",
    b"\xED\xA0\x80",
    b"\xF0\x9F\x98",
    b"\xF4\x90\x80\x80",
    b"\xFF",
    b"\x80",
];

#[test]
fn element_that_is_not_utf_8_leaves_the_other_999() {
    let good = generated(6, 999);
    for bad in NOT_UTF_8 {
        for at in [0, 500, 999] {
            let odd = [
                b"{\"uuid\":\"caf",
                bad,
                b"\",\"published\":\"2026-05-04T12:00:00Z\"}",
            ];
            let mut elements = good.clone();
            elements.insert(at, Bytes::from(odd.concat()));
            let page = page(&elements);
            let items = split(&page).unwrap();
            assert_nothing_is_lost(&page, &items);
            let bytes: Vec<_> = items.iter().map(|(bytes, _)| bytes.clone()).collect();
            assert_eq!(bytes, elements);
            for (index, (_, item)) in items.into_iter().enumerate() {
                let expected = (index == at).then_some(MalformedReason::NotUtf8);
                assert_eq!(item.err(), expected, "{bad:?} at {at}");
            }
        }
    }
}

#[test]
fn byte_that_is_not_utf_8_costs_its_element_wherever_it_stands() {
    let good = generated(4, 3);
    let whole = page(&good);
    for at in 0..whole.len() {
        let mut page = whole.to_vec();
        page[at] = 0xFF;
        let page = Bytes::from(page);
        if at == 0 || at == whole.len() - 1 {
            assert!(split_whole(&page).is_err(), "no array");
            continue;
        }
        let items = split_whole(&page).unwrap_or_else(|error| panic!("{error} at {at}"));
        assert_nothing_is_lost(&page, &items);
        let events = items.iter().filter(|(_, item)| item.is_ok()).count();
        // One in place of a comma costs the elements on either side.
        let is_comma = whole[at] == b',' && whole[at + 1] == b'{' && whole[at - 1] == b'}';
        assert!(events >= if is_comma { 1 } else { 2 }, "{events} at {at}");
        for (bytes, item) in &items {
            let is_text = std::str::from_utf8(bytes).is_ok();
            assert_eq!(item.is_ok(), is_text, "at {at}");
        }
    }
}

#[test]
fn byte_that_is_not_utf_8_between_elements_costs_one() {
    let good = generated(4, 3);
    for odd in [&b"\xFF"[..], b"\xFF{}", b"{}\xE9", b" \xC3 "] {
        let mut elements = good.clone();
        elements.insert(1, Bytes::copy_from_slice(odd));
        let items = split(&page(&elements)).unwrap();
        let good_ones: Vec<_> = items.iter().map(|(_, item)| item.is_ok()).collect();
        assert_eq!(good_ones, [true, false, true, true], "{odd:?}");
        assert_eq!(items[1].1.as_ref().err(), Some(&MalformedReason::NotUtf8));
    }
}

#[test]
fn nul_byte_costs_its_element_only() {
    for odd in ["{\"a\":\"\0\"}", "\0", "{}\0", "\0{}", "{\0}"] {
        let reason = between_good_ones(odd);
        assert!(matches!(reason, MalformedReason::NotJson(_)), "{odd:?}");
    }
}

#[test]
fn half_a_surrogate_pair_in_escapes_is_an_event() {
    let event = r#"{"published":"2026-05-04T12:00:00Z","a":"\ud800","b":"\udc00\ud800"}"#;
    let page = page(&[event.into()]);
    assert!(split(&page).unwrap()[0].1.is_ok());
}
