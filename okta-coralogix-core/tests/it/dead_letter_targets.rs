//! Dead letters say where they belong, and are replayed by it.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use okta_coralogix_core::dead_letter::{
    DeadLetter, DeadLetterReason, DeadLetterRecord, DeadLetterSource, DeadLetterTarget,
    DeadLetters, FileDeadLetters,
};
use okta_coralogix_core::filter::{AgeFilter, AgePolicy};
use okta_coralogix_core::mapping::Redaction;
use okta_coralogix_core::testing::EventGenerator;
use okta_coralogix_core::{AckOrder, CoralogixMapping, EventSource, Origin, Outcome};

use crate::pipeline::harness::{Harness, start};

#[tokio::test(start_paused = true)]
async fn dead_letter_names_its_integration_and_the_names_of_its_entry() {
    let old = EventGenerator::new(3).event(start() - chrono::TimeDelta::hours(30));
    let page = vec![old.json.clone(), Bytes::from_static(b"no event")];
    let harness = Harness::new(AckOrder::Cumulative, vec![page]);
    let mapping = CoralogixMapping::builder()
        .application("okta \"production\"")
        .subsystem("acme");
    let keep = AgeFilter::new(AgeFilter::DEFAULT_LIMIT, AgePolicy::DeadLetter);
    let pipeline = harness
        .builder()
        .name("acme-production")
        .mapping(mapping.build().unwrap())
        .age_filter(keep)
        .build();
    pipeline.unwrap().run(std::future::pending()).await.unwrap();
    let records = harness.dead_letters.records();
    assert_eq!(records.len(), 2);
    for letter in records {
        let target = letter.target.unwrap();
        assert_eq!(target.integration, "acme-production");
        assert_eq!(target.application.as_deref(), Some("okta \"production\""));
        assert_eq!(target.subsystem.as_deref(), Some("acme"));
        assert_eq!(target.endpoint, None, "a sink in memory has no address");
    }
}

/// The names are those that the entry would have: of a field that is removed there are none.
#[tokio::test(start_paused = true)]
async fn dead_letter_names_are_those_after_redaction() {
    let old = EventGenerator::new(3).event(start() - chrono::TimeDelta::hours(30));
    let keep = AgeFilter::new(AgeFilter::DEFAULT_LIMIT, AgePolicy::DeadLetter);
    let mut names = Vec::new();
    for is_redacted in [false, true] {
        let harness = Harness::new(AckOrder::Cumulative, vec![vec![old.json.clone()]]);
        let mut mapping = CoralogixMapping::builder()
            .application("okta")
            .subsystem_from("$.actor.alternateId", "none");
        if is_redacted {
            mapping =
                mapping.redaction(Redaction::new().drop_field("$.actor.alternateId").unwrap());
        }
        let builder = harness.builder().name("acme").age_filter(keep);
        let pipeline = builder.mapping(mapping.build().unwrap()).build();
        pipeline.unwrap().run(std::future::pending()).await.unwrap();
        let [letter] = &harness.dead_letters.records()[..] else {
            panic!("one letter");
        };
        names.push(letter.target.clone().unwrap().subsystem.unwrap());
    }
    let document: serde_json::Value = serde_json::from_slice(&old.json).unwrap();
    assert_eq!(names[0], document["actor"]["alternateId"]);
    assert_eq!(names[1], "none");
}

#[test]
fn dead_letter_without_a_target_is_read_and_one_with_it_is_written() {
    let old = r#"{"time":"2026-05-04T12:00:00Z","reason":"malformed","detail":"","origin":{"org":"a"},"event":"[]"}"#;
    let read: DeadLetterRecord = serde_json::from_str(old).unwrap();
    assert_eq!(read.target, None);
    assert_eq!(serde_json::to_string(&read).unwrap(), old);
    let mut letter = letter("acme", "{}".into());
    let target = letter.target.as_mut().unwrap();
    target.endpoint = Some("https://ingress.eu2.coralogix.com".into());
    let written = serde_json::to_string(&DeadLetterRecord::from(&letter)).unwrap();
    let expected =
        r#""target":{"integration":"acme","endpoint":"https://ingress.eu2.coralogix.com"}"#;
    assert!(written.contains(expected), "{written}");
    let read: DeadLetterRecord = serde_json::from_str(&written).unwrap();
    assert_eq!(read.target, letter.target);
}

fn letter(integration: &str, bytes: Bytes) -> DeadLetter {
    let origin = Arc::new(Origin::org("acme"));
    let mut letter = DeadLetter::new(start(), DeadLetterReason::Rejected, "", origin, bytes);
    letter.target = Some(DeadLetterTarget::integration(integration))
        .filter(|target| !target.integration.is_empty());
    letter
}

#[tokio::test]
async fn replay_of_one_integration_leaves_the_letters_of_others() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("letters");
    let store = FileDeadLetters::open(&path).await.unwrap();
    let mut generator = EventGenerator::new(8);
    let letters: Vec<_> = (0..1_200)
        .map(|n| letter(["a", "b", ""][n % 3], generator.event(start()).json))
        .collect();
    store.write(&letters).await.unwrap();
    let mut left = BTreeMap::from([
        (Some("a".to_owned()), 400),
        (Some("b".to_owned()), 400),
        (None, 400),
    ]);
    for integration in ["b", "a", ""] {
        let wanted = move |target: Option<&DeadLetterTarget>| {
            target.map_or("", |target| &target.integration) == integration
        };
        let counted = FileDeadLetters::builder(&path).count().await.unwrap();
        assert_eq!(counted, left);
        let source = DeadLetterSource::open(&store).await.unwrap();
        assert_eq!(source.integrations().await.unwrap(), left);
        let mut source = source.only(wanted);
        let mut given = Vec::new();
        while let Some(delivery) = source.next().await.unwrap() {
            let outcomes = vec![Outcome::Settled; delivery.items.len()];
            given.extend(delivery.items.into_iter().map(Result::unwrap));
            delivery.acker.settle(&outcomes).await.unwrap();
        }
        let expected = letters
            .iter()
            .filter(|letter| wanted(letter.target.as_ref()));
        let expected: Vec<_> = expected.map(|letter| letter.bytes.clone()).collect();
        let given: Vec<_> = given.iter().map(|event| event.document().clone()).collect();
        assert_eq!(given, expected);
        left.remove(&Some(integration.to_owned()).filter(|name| !name.is_empty()));
        let rotated = folder.path().join("letters.1");
        assert_eq!(rotated.exists(), !left.is_empty(), "{integration:?}");
    }
}
