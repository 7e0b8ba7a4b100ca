//! The scanner, held to `serde_json`: whatever one accepts, the other does, with the same head.

use okta_coralogix_core::{MalformedEvent, Origin, RawEvent};
use std::fs;
use std::sync::Arc;

use bytes::Bytes;
use fastrand::Rng;
use okta_coralogix_core::event::{PageError, split_page};
use okta_coralogix_core::testing::{EventGenerator, reference};

type Items = Result<Vec<Result<RawEvent, MalformedEvent>>, PageError>;

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

/// What stands around an event, in front of it and behind it.
const ENVELOPES: [(&str, &str); 8] = [
    (
        r#"{"version":"0","id":"i","detail-type":"SystemLog","source":"aws.partner/okta.com/acme/audit","time":"2026-05-04T12:00:00Z","resources":[],"detail":"#,
        "}",
    ),
    (
        r#"{"detail":"#,
        r#","source":"x","resources":[{"uuid":"no","detail":{}}]}"#,
    ),
    (r#"{"source":"a","source":"b","detail":{},"detail":"#, "}"),
    (r#"{"source":7,"detail":"#, "}"),
    (r#"{"a":{"detail":{}},"detail":"#, r#","detail":1}"#),
    (r#"{"source":"\u0061","detail":"#, "}"),
    (r#"{"detail":{"uuid":"old"},"detail":"#, r#","k":"v"}"#),
    (r#"{ "source" : "spaced" , "detail" : "#, " }"),
];

/// The same JSON with white space between tokens: here and there some, or between all of them.
fn spaced(json: &[u8], rng: &mut Rng) -> Vec<u8> {
    const MOST: [usize; 4] = [1, 3, 70, 1_100];
    let (often, most) = (rng.u8(1..=8), MOST[rng.usize(0..MOST.len())]);
    let mut space = |out: &mut Vec<u8>| {
        if rng.u8(0..8) < often {
            let white = [b" \t\n\r"[rng.usize(0..4)], b' '];
            let length = rng.usize(1..=most);
            out.extend(white.iter().cycle().take(length));
        }
    };
    let mut out = Vec::new();
    let (mut in_string, mut is_escaped) = (false, false);
    for &byte in json {
        let is_quote = byte == b'"' && !is_escaped;
        let is_token = is_quote || !in_string && b"{}[],:".contains(&byte);
        is_escaped = in_string && byte == b'\\' && !is_escaped;
        if is_token && !in_string {
            space(&mut out);
        }
        out.push(byte);
        in_string ^= is_quote;
        if is_token && !in_string {
            space(&mut out);
        }
    }
    out
}

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

/// Whether the scanner read it. `source` stands for where it comes from.
fn assert_envelope_is_read_alike(document: &Bytes) -> bool {
    let origin = |source: Option<&str>| Some(Arc::new(Origin::org(source.unwrap_or("none"))));
    let text = String::from_utf8_lossy(document);
    match RawEvent::parse_envelope(document.clone(), origin) {
        Ok(event) => {
            let read = reference::parse_envelope(document, origin);
            let read = read.unwrap_or_else(|| panic!("serde_json refuses {text}"));
            assert_eq!(event.json_range(), read.json_range(), "{text}");
            assert_eq!(event.origin(), read.origin(), "{text}");
            assert_eq!(event.document(), document);
            assert_eq!(describe(&event), describe(&read), "{text}");
            true
        }
        Err(left) => {
            assert_eq!(left, document);
            false
        }
    }
}

/// How many the scanner read without help.
struct Counts {
    /// Events and lists of them.
    scanned: usize,
    envelopes: usize,
}

fn check_mutants(count: usize, seed: u64) -> Counts {
    let mut rng = Rng::with_seed(seed);
    let mut generator = EventGenerator::new(seed);
    let now = "2026-05-04T12:00:00Z".parse().unwrap();
    let generated: Vec<Bytes> = generator
        .batch(50, now)
        .into_iter()
        .map(|event| event.json)
        .collect();
    let origin = Arc::new(Origin::org("acme"));
    let (mut scanned, mut envelopes) = (0, 0);
    for _ in 0..count {
        let events: Vec<&[u8]> = (0..rng.usize(1..=2))
            .map(|_| match rng.u8(0..8) {
                0 => &generated[rng.usize(0..generated.len())][..],
                _ => SMALL[rng.usize(0..SMALL.len())].as_bytes(),
            })
            .collect();
        let mut list = events.join(&b',');
        if rng.u8(0..4) == 0 {
            list = spaced(&list, &mut rng);
        }
        let list = mutant(&list, &mut rng);
        let page = Bytes::from([b"[", &list[..], b"]"].concat());
        assert_same(
            &split_page(&page, &origin),
            &reference::split_page(&page, &origin),
            &page,
        );
        let list = Bytes::from(list);
        let alone = Ok(vec![RawEvent::parse(list.clone(), Arc::clone(&origin))]);
        let by_serde_json = Ok(vec![reference::parse(list.clone(), Arc::clone(&origin))]);
        assert_same(&alone, &by_serde_json, &list);
        scanned += usize::from(str::from_utf8(&list).is_ok_and(reference::is_scanned));
        let (before, behind) = ENVELOPES[rng.usize(0..ENVELOPES.len())];
        let mut envelope = [before.as_bytes(), events[0], behind.as_bytes()].concat();
        if rng.u8(0..4) == 0 {
            envelope = spaced(&envelope, &mut rng);
        }
        let envelope = Bytes::from(mutant(&envelope, &mut rng));
        envelopes += usize::from(assert_envelope_is_read_alike(&envelope));
    }
    Counts { scanned, envelopes }
}

#[test]
fn scanner_reads_mutants_as_serde_json_does() {
    let count = 100_000;
    let Counts { scanned, envelopes } = check_mutants(count, 1);
    println!(
        "of {count} mutants the scanner alone read {scanned}, and {envelopes} of as many envelopes"
    );
    // Most are broken. If none were sound, or all, the test would show nothing.
    for (read, least) in [(scanned, count / 20), (envelopes, count / 40)] {
        assert!(read > least && read < count / 2, "{read}");
    }
}

/// `cargo test --release -p okta-coralogix-core --all-features --test it ten_million -- --ignored --nocapture`
#[test]
#[ignore = "takes some minutes"]
fn ten_million_mutants_are_read_as_by_serde_json() {
    for seed in 0..100 {
        let Counts { scanned, envelopes } = check_mutants(100_000, 1_000 + seed);
        println!(
            "{} mutants; of the last 100000 the scanner alone read {scanned}, and {envelopes} of as many envelopes",
            (seed + 1) * 100_000
        );
    }
}

#[test]
fn generated_events_are_read_by_the_scanner_alone() {
    let now = "2026-05-04T12:00:00Z".parse().unwrap();
    for event in EventGenerator::new(3).rare(0.2).batch(2_000, now) {
        let event = str::from_utf8(&event.json).unwrap();
        assert!(reference::is_scanned(event), "{event}");
        let (before, behind) = ENVELOPES[0];
        let envelope = format!("{before}{event}{behind}");
        assert!(assert_envelope_is_read_alike(&envelope.into()));
    }
}

#[test]
fn spaced_events_are_read_by_the_scanner_alone() {
    let now = "2026-05-04T12:00:00Z".parse().unwrap();
    let mut rng = Rng::with_seed(4);
    let origin = Arc::new(Origin::org("acme"));
    let (before, behind) = ENVELOPES[0];
    for pair in EventGenerator::new(4).batch(400, now).chunks(2) {
        let list = [&pair[0].json[..], &pair[1].json].join(&b',');
        let list = spaced(&list, &mut rng);
        assert!(reference::is_scanned(str::from_utf8(&list).unwrap()));
        let page = Bytes::from([b"[", &list[..], b"]"].concat());
        let split = split_page(&page, &origin);
        assert_eq!(split.as_ref().unwrap().len(), 2);
        assert_same(&split, &reference::split_page(&page, &origin), &page);
        let envelope = [before.as_bytes(), &pair[0].json, behind.as_bytes()].concat();
        assert!(assert_envelope_is_read_alike(
            &spaced(&envelope, &mut rng).into()
        ));
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
        .filter(|event| !reference::is_scanned(event))
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
        &reference::split_page(&page, &origin),
        &page,
    );
}

#[test]
fn envelope_is_read_alike_at_every_block_offset() {
    for event in SMALL {
        for (before, behind) in ENVELOPES {
            for padding in (0..70).chain(950..1_030) {
                let pad = "x".repeat(padding);
                let (_, before) = before.split_at(1);
                let envelope = format!(r#"{{"pad":"{pad}",{before}{event}{behind}"#);
                assert_envelope_is_read_alike(&envelope.into());
            }
        }
    }
}

#[test]
fn page_is_read_alike_at_every_block_offset() {
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
                &reference::split_page(&page, &origin),
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
                    &reference::split_page(&page, &origin),
                    &page,
                );
            }
        }
    }
}
