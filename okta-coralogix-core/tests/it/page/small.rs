//! Pages of small elements, usual, unusual and broken ones.

use bytes::Bytes;
use okta_coralogix_core::testing::reference;
use proptest::prelude::*;

use super::{assert_end_is_sound_as_serde_json_says, assert_nothing_is_lost, items, origin, split};

/// Elements of which many fit into the kilobyte that the scanner reads at once.
const SMALL: [&[u8]; 14] = [
    br#"{"published":"2026-05-04T12:00:00Z"}"#,
    br#"{"uuid":"a","published":"2026-05-04T12:00:00Z","x":[{"y":{}},[],"z\""]}"#,
    br#"{"published":"2026-05-04T12:00:00Z","pad":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}"#,
    br#"{}"#,
    br#"{ "published":"2026-05-04T12:00:00Z"}"#,
    br#"{"publi\u0073hed":"2026-05-04T12:00:00Z"}"#,
    br#"{"published":"2026-05-04T12:00:00\u005a"}"#,
    b"7",
    b"[]",
    br#"{"uuid":"b","published":"2026-05-04T12:00:00Z""#,
    br#"{"uuid":"b","x":[1"#,
    b"{\"published\":\"2026-05-04T12:00:00Z\",\"a\":\"\xE9\"}",
    b"\xFF",
    b"}",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn page_of_many_small_odd_elements_is_split_as_by_serde_json_alone(
        elements in prop::collection::vec(prop::sample::select(&SMALL[..]), 0..60),
        separators in prop::collection::vec(prop::sample::select(&[",", ", ", ",\n", ",,"][..]), 60),
    ) {
        let mut page = b"[".to_vec();
        for (element, separator) in elements.iter().zip(&separators) {
            if page.len() > 1 {
                page.extend_from_slice(separator.as_bytes());
            }
            page.extend_from_slice(element);
        }
        page.push(b']');
        let page = Bytes::from(page);
        let by_serde_json = reference::split_page(&page, &origin()).map(items);
        match (split(&page), by_serde_json) {
            (Ok(split), Ok(other)) => {
                assert_nothing_is_lost(&page, &split);
                prop_assert_eq!(format!("{split:?}"), format!("{other:?}"));
            }
            (split, other) => prop_assert_eq!(split.err(), other.err()),
        }
        assert_end_is_sound_as_serde_json_says(&page);
    }
}
