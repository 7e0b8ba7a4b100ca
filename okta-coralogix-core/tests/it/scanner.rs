//! The scanner, held to `serde_json`: whatever one accepts, the other does, with the same head.

use std::fs;
use std::sync::Arc;

use bytes::Bytes;
use fastrand::Rng;
use okta_coralogix_core::event::{MalformedEvent, Origin, RawEvent, UnreadablePage, split_page};
use okta_coralogix_core::testing::{EventGenerator, oracle};

type Items = Result<Vec<Result<RawEvent, MalformedEvent>>, UnreadablePage>;

/// Events in which all that the scanner knows stands close together, so that few changes meet it.
const SMALL: [&str; 12] = [
    r#"{"uuid":"u","published":"2026-05-04T12:00:00.000Z","eventType":"a.b","severity":"INFO"}"#,
    r#"{"published":"2026-05-04T12:00:00Z","a":[{"uuid":"no"},[],{}],"b":{"c":{"d":[[1,2],"x"]}}}"#,
    r#"{"a":null,"b":true,"c":false,"d":0,"e":-1.5e+10,"f":12345678901234567890,"severity":"WARN"}"#,
    r#"{"uuid":"a\"b","x":"\\","y":"\\\"","z":"\u00e9\ud83d\ude00\/","published":"2026-05-04T12:00:00.000Z"}"#,
    r#"{"published":"2026-05-04T12:00:00.000Z","uuid":"first","uuid":"last","severity":"x"}"#,
    r#"{"\u0075uid":"escaped","published":"2026-05-04T12:00:00.000Z"}"#,
    r#"{"":"","s":"ü€😀","published":"2026-05-04T12:00:00.000Z","k":"{[,:]}"}"#,
    r#"{"published":"2024-02-29T23:59:60.123456789+02:00","eventType":"","eventTypes":"x","uui":"d"}"#,
    r#"{}"#,
    r#"{"published":null,"uuid":7,"severity":{"uuid":"x"},"eventType":["published"]}"#,
    r#"{"a":{"b":{"c":{"d":{"e":{"f":{"g":{"h":[[[[[[[{"i":[]}]]]]]]]}}}}}}}},"published":"2026-05-04T12:00:00.000Z"}"#,
    r#"{ "uuid" : "spaced" , "published" : "2026-05-04T12:00:00.000Z" }"#,
];

/// What changes put in: all that means something in JSON, and some that does not.
const PIECES: [&[u8]; 40] = [
    b"\"",
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b",",
    b" ",
    b"\n",
    b"\t",
    b"0",
    b"1",
    b"-",
    b".",
    b"e",
    b"E",
    b"+",
    b"n",
    b"null",
    b"true",
    b"false",
    b"\x00",
    b"\x1f",
    b"\x7f",
    b"\xc3",
    b"\xbc",
    b"\xff",
    b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
    b"\\u",
    b"\\ud83d",
    b"\\\"",
    b"},{",
    b"\":\"",
    b"\",\"",
    b"{}",
    b"[]",
    b"\"uuid\":\"x\",",
    b"u",
];

fn mutant(page: &[u8], rng: &mut Rng) -> Vec<u8> {
    let mut page = page.to_vec();
    for _ in 0..rng.usize(1..=3) {
        let at = rng.usize(0..=page.len());
        let end = page.len().min(at + rng.usize(0..4));
        match rng.u8(0..8) {
            0..3 => drop(page.splice(at..at, PIECES[rng.usize(0..PIECES.len())].to_vec())),
            3..5 => drop(page.splice(at..end, PIECES[rng.usize(0..PIECES.len())].to_vec())),
            5 => drop(page.drain(at..end)),
            6 => {
                // Something that stands elsewhere.
                let from = rng.usize(0..=page.len());
                let part = page[from..page.len().min(from + rng.usize(0..80))].to_vec();
                page.splice(at..at, part);
            }
            _ => page.truncate(page.len() - rng.usize(0..=page.len().min(3))),
        }
    }
    page
}

fn describe(event: &RawEvent) -> impl PartialEq + std::fmt::Debug {
    (
        event.json(),
        event.uuid().map(|uuid| uuid.into_owned()),
        event.published(),
        event.event_type_json(),
        event.severity(),
    )
}

fn assert_same(scanned: &Items, read: &Items, page: &[u8]) {
    let page = String::from_utf8_lossy(page);
    let (scanned, read) = match (scanned, read) {
        (Ok(scanned), Ok(read)) => (scanned, read),
        (Err(one), Err(other)) => return assert_eq!(one, other, "{page}"),
        (one, other) => panic!("{one:?} against {other:?}: {page}"),
    };
    assert_eq!(scanned.len(), read.len(), "{page}");
    for pair in scanned.iter().zip(read) {
        match pair {
            (Ok(one), Ok(other)) => assert_eq!(describe(one), describe(other), "{page}"),
            (Err(one), Err(other)) => {
                assert_eq!(
                    (&one.bytes, &one.reason),
                    (&other.bytes, &other.reason),
                    "{page}"
                );
            }
            (one, other) => panic!("{one:?} against {other:?}: {page}"),
        }
    }
}

/// How many were checked, and how many of them the scanner read without help.
fn check_mutants(count: usize, seed: u64) -> (usize, usize) {
    let mut rng = Rng::with_seed(seed);
    let mut generator = EventGenerator::new(seed);
    let now = "2026-05-04T12:00:00Z".parse().unwrap();
    let generated: Vec<Bytes> = generator
        .batch(50, now)
        .into_iter()
        .map(|event| event.json)
        .collect();
    let origin = Arc::new(Origin::org("acme"));
    let mut scanned = 0;
    for _ in 0..count {
        let events: Vec<&[u8]> = (0..rng.usize(1..=2))
            .map(|_| match rng.u8(0..8) {
                0 => &generated[rng.usize(0..generated.len())][..],
                _ => SMALL[rng.usize(0..SMALL.len())].as_bytes(),
            })
            .collect();
        let list = mutant(&events.join(&b','), &mut rng);
        let page = Bytes::from([b"[", &list[..], b"]"].concat());
        assert_same(
            &split_page(&page, &origin),
            &oracle::split_page(&page, &origin),
            &page,
        );
        let list = Bytes::from(list);
        let alone = Ok(vec![RawEvent::parse(list.clone(), Arc::clone(&origin))]);
        let by_serde_json = Ok(vec![oracle::parse(list.clone(), Arc::clone(&origin))]);
        assert_same(&alone, &by_serde_json, &list);
        scanned += usize::from(str::from_utf8(&list).is_ok_and(oracle::is_scanned));
    }
    (count, scanned)
}

#[test]
fn no_mutant_is_read_otherwise_than_by_serde_json() {
    let (count, scanned) = check_mutants(100_000, 1);
    println!("{count} mutants, {scanned} of them read by the scanner alone");
    // Most are broken. If none were sound, or all, the test would show nothing.
    assert!(scanned > count / 20 && scanned < count / 2, "{scanned}");
}

/// `cargo test --release -p okta-coralogix-core --all-features --test it ten_million -- --ignored --nocapture`
#[test]
#[ignore = "takes some minutes"]
fn ten_million_mutants_are_read_as_by_serde_json() {
    for seed in 0..100 {
        let (count, scanned) = check_mutants(100_000, 1_000 + seed);
        println!(
            "{} mutants, {scanned} of the last {count} read by the scanner alone",
            (seed + 1) * 100_000
        );
    }
}

#[test]
fn generated_events_are_read_by_the_scanner_alone() {
    let now = "2026-05-04T12:00:00Z".parse().unwrap();
    for event in EventGenerator::new(3).batch(2_000, now) {
        let event = str::from_utf8(&event.json).unwrap();
        assert!(oracle::is_scanned(event), "{event}");
    }
}

#[test]
fn public_events_are_read_by_the_scanner_alone() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../shared/corpus/events.ndjson"
    );
    let Ok(corpus) = fs::read_to_string(path) else {
        println!("skipped: the public events are not there");
        return;
    };
    let origin = Arc::new(Origin::org("acme"));
    let events: Vec<&str> = corpus.lines().collect();
    let missed: Vec<&&str> = events
        .iter()
        .filter(|event| !oracle::is_scanned(event))
        .collect();
    println!(
        "{} of {} public events are left to serde_json: {missed:?}",
        missed.len(),
        events.len()
    );
    assert!(missed.is_empty());
    let page = Bytes::from(format!("[{}]", events.join(",")));
    assert_same(
        &split_page(&page, &origin),
        &oracle::split_page(&page, &origin),
        &page,
    );
}

#[test]
fn the_same_is_read_wherever_a_block_begins() {
    let origin = Arc::new(Origin::org("acme"));
    for event in SMALL {
        // A block has 64 bytes, a stretch of them 1,024.
        for padding in (0..200).chain(850..1_050) {
            let pad = "x".repeat(padding);
            let page = Bytes::from(format!(
                r#"[{{"a":"{pad}"}},{event},{event},{{"a":"{pad}"}}]"#
            ));
            assert_same(
                &split_page(&page, &origin),
                &oracle::split_page(&page, &origin),
                &page,
            );
        }
    }
}

#[test]
fn deep_nesting_is_read_alike_at_every_depth() {
    let origin = Arc::new(Origin::org("acme"));
    for depth in (0..140).chain([1_000, 5_000]) {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let inside = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            for end in ["", "}", "]"] {
                let page =
                    format!(r#"[{{"published":"2026-05-04T12:00:00.000Z","a":{inside}{end}}}]"#);
                let page = Bytes::from(page);
                assert_same(
                    &split_page(&page, &origin),
                    &oracle::split_page(&page, &origin),
                    &page,
                );
            }
        }
    }
}
