//! Dead letters as objects beside shared checkpoints, and their replay.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use okta_coralogix_core::checkpoint::shared::{FolderObjects, Objects, SharedStore};
use okta_coralogix_core::dead_letter::{
    DeadLetter, DeadLetterReason, DeadLetterRecord, DeadLetterTarget, DeadLetters,
    ObjectDeadLetters, StoredLetterSource,
};
use okta_coralogix_core::testing::conformance::{self, DeadLettersUnderTest};
use okta_coralogix_core::testing::{MemoryObjects, MemorySink, ObjectCall, ObjectFault};
use okta_coralogix_core::{
    AckOrder, Clock, CoralogixMapping, ErrorKind, EventSource, Origin, Outcome, Pipeline,
    SystemClock,
};
use tokio::time::{Instant, sleep};

fn shared(objects: impl Objects, seed: u64) -> SharedStore {
    SharedStore::new(objects).seed(seed)
}

pub(crate) fn letter(integration: &str, uuid: &str) -> DeadLetter {
    let now = SystemClock.now();
    let event = format!(
        r#"{{"uuid":"{uuid}","published":"{}","eventType":"a.b"}}"#,
        now.format("%Y-%m-%dT%H:%M:%S%.3fZ")
    );
    let origin = Arc::new(Origin::default());
    let mut letter = DeadLetter::new(now, DeadLetterReason::Rejected, "no", origin, event.into());
    letter.target = Some(DeadLetterTarget::integration(integration));
    letter
}

async fn records(objects: &dyn Objects) -> Vec<DeadLetterRecord> {
    let mut names = objects.names(".letters-").await.unwrap();
    names.sort();
    let mut records = Vec::new();
    for name in names {
        let found = objects.get(&name).await.unwrap().unwrap();
        let lines = found.bytes.split(|byte| *byte == b'\n');
        let lines = lines.filter(|line| !line.is_empty());
        records.extend(lines.map(|line| DeadLetterRecord::from_line(line).unwrap()));
    }
    records
}

/// Each uuid that is in the letters, and how often.
async fn uuids(objects: &dyn Objects) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for record in records(objects).await {
        let event: serde_json::Value = serde_json::from_slice(&record.bytes).unwrap();
        let uuid = event["uuid"].as_str().unwrap().to_owned();
        *counts.entry(uuid).or_default() += 1;
    }
    counts
}

#[tokio::test(start_paused = true)]
async fn dead_letters_in_objects_keep_the_contract() {
    let objects = MemoryObjects::new();
    let (store, seen) = (objects.clone(), objects.handle());
    let open = || {
        let letters = ObjectDeadLetters::new(&shared(store.clone(), 1));
        async { Box::new(letters) as Box<dyn DeadLetters> }.boxed_local()
    };
    let kept = || {
        let seen = seen.clone();
        async move { records(&seen).await }.boxed()
    };
    let fail = |fails: bool| {
        objects.set_script(move |call, _| {
            (fails && call == ObjectCall::Put).then_some(ObjectFault::NotDone)
        });
    };
    let test = DeadLettersUnderTest::new(&open, &kept).fail(&fail);
    conformance::dead_letters(&test).await;
}

#[tokio::test]
async fn dead_letters_in_a_folder_keep_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let objects = FolderObjects::open(folder.path()).await.unwrap();
    let open = || {
        let letters = ObjectDeadLetters::new(&shared(objects.clone(), 1));
        async { Box::new(letters) as Box<dyn DeadLetters> }.boxed_local()
    };
    let kept = || async { records(&objects).await }.boxed();
    conformance::dead_letters(&DeadLettersUnderTest::new(&open, &kept)).await;
}

/// Each letter is kept once, whatever becomes of one call, and of the one after it.
#[tokio::test(start_paused = true)]
async fn letter_is_kept_once_with_each_fault_at_each_call_of_its_write() {
    let late = ObjectFault::DoneLate(Duration::from_secs(3));
    for fault in [
        ObjectFault::NotDone,
        ObjectFault::DoneWithError,
        late,
        ObjectFault::Slow(Duration::from_secs(60)),
    ] {
        for from in 0..4 {
            for count in 1..4 {
                let objects = MemoryObjects::new();
                let store = objects.handle();
                let letters = ObjectDeadLetters::new(&shared(store.clone(), 1));
                let mut call = 0;
                store.set_script(move |kind, _| {
                    let is_faulty = (from..from + count).contains(&call);
                    call += 1;
                    match (is_faulty, kind, fault) {
                        (true, ObjectCall::Read, ObjectFault::DoneLate(_)) => {
                            Some(ObjectFault::NotDone)
                        }
                        (true, ..) => Some(fault),
                        (false, ..) => None,
                    }
                });
                let batch = [letter("acme", "a"), letter("acme", "b")];
                while let Err(error) = letters.write(&batch).await {
                    assert!(error.is_temporary(), "{error}");
                    sleep(Duration::from_secs(1)).await;
                }
                letters
                    .write(&[letter("acme", "c")])
                    .await
                    .unwrap_or_default();
                sleep(Duration::from_secs(60)).await;
                let kept = uuids(&objects).await;
                for uuid in ["a", "b"] {
                    assert_eq!(
                        kept.get(uuid),
                        Some(&1),
                        "{fault:?} {from} {count}: {kept:?}"
                    );
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn letters_of_two_replicas_are_objects_of_their_own() {
    let objects = MemoryObjects::new();
    for seed in [1, 2] {
        let letters = ObjectDeadLetters::new(&shared(objects.clone(), seed));
        for n in 0..3 {
            letters
                .write(&[letter("acme", &format!("{seed}-{n}"))])
                .await
                .unwrap();
        }
    }
    assert_eq!(objects.names(".letters-").await.unwrap().len(), 6);
    assert_eq!(uuids(&objects).await.len(), 6);
    // A log cannot have such a name, and the checks of the store leave them alone.
    let store = shared(objects.clone(), 3);
    store.check().await.unwrap();
    assert!(store.acquire(".letters-1").await.is_err());
    assert_eq!(uuids(&objects).await.len(), 6);
}

#[tokio::test(start_paused = true)]
async fn many_letters_are_objects_of_a_thousand() {
    let objects = MemoryObjects::new();
    let letters = ObjectDeadLetters::new(&shared(objects.clone(), 1));
    let batch: Vec<_> = (0..2_500).map(|n| letter("acme", &n.to_string())).collect();
    letters.write(&batch).await.unwrap();
    assert_eq!(objects.names(".letters-").await.unwrap().len(), 3);
    assert_eq!(
        letters.count().await.unwrap()[&Some("acme".to_owned())],
        2_500
    );
    assert_eq!(uuids(&objects).await.len(), 2_500);
}

/// Of two in one process, which begin at one moment under one name.
#[tokio::test(start_paused = true)]
async fn stores_of_one_replica_write_objects_of_their_own() {
    let objects = MemoryObjects::new();
    let store = shared(objects.clone(), 1);
    for n in 0..100 {
        let letters = ObjectDeadLetters::new(&store);
        letters
            .write(&[letter("acme", &n.to_string())])
            .await
            .unwrap();
    }
    assert_eq!(uuids(&objects).await.len(), 100);
}

/// The first object is stored, and the second one is not: the letters of both are written again.
#[tokio::test(start_paused = true)]
async fn letters_of_several_objects_are_kept_once_over_retries() {
    let objects = MemoryObjects::new();
    let store = objects.handle();
    let letters = ObjectDeadLetters::new(&shared(store.clone(), 1));
    let batch: Vec<_> = (0..2_500).map(|n| letter("acme", &n.to_string())).collect();
    let mut puts = 0;
    store.set_script(move |call, _| {
        puts += usize::from(call == ObjectCall::Put);
        (call == ObjectCall::Put && (2..5).contains(&puts)).then_some(ObjectFault::NotDone)
    });
    let mut failed = 0;
    while let Err(error) = letters.write(&batch).await {
        assert!(error.is_temporary(), "{error}");
        failed += 1;
    }
    assert!(failed > 1, "{failed}");
    let kept = uuids(&objects).await;
    assert_eq!(kept.len(), 2_500);
    assert!(kept.values().all(|count| *count == 1));
}

/// Another program's object under such a name: nothing of it is sent, and nothing is taken away.
#[tokio::test(start_paused = true)]
async fn object_without_letters_is_left_alone() {
    let objects = MemoryObjects::new();
    let people = objects.handle();
    people.overwrite(".letters-of-people", "dear all\n".to_owned());
    let store = shared(objects.clone(), 1);
    let letters = ObjectDeadLetters::new(&store);
    letters.write(&[letter("acme", "a")]).await.unwrap();
    assert_eq!(letters.count().await.unwrap().values().sum::<u64>(), 1);
    let sink = MemorySink::new();
    replay(&store, &sink).await;
    assert_eq!(sink.arrived().len(), 1);
    assert_eq!(
        objects.names(".letters-").await.unwrap(),
        [".letters-of-people"]
    );
}

async fn replay(store: &SharedStore, sink: &MemorySink) {
    let letters = ObjectDeadLetters::new(store);
    let source = StoredLetterSource::open(&letters).await.unwrap();
    let mapping = CoralogixMapping::builder()
        .application("okta")
        .subsystem("acme");
    let pipeline = Pipeline::builder(source, sink.clone())
        .mapping(mapping.build().unwrap())
        .dead_letters(letters)
        .build()
        .unwrap();
    pipeline.run(std::future::pending()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn replay_sends_each_letter_once_and_removes_its_object() {
    let objects = MemoryObjects::new();
    let store = shared(objects.clone(), 1);
    let letters = ObjectDeadLetters::new(&store);
    for n in 0..3 {
        let batch = [
            letter("acme", &format!("{n}-a")),
            letter("acme", &format!("{n}-b")),
        ];
        letters.write(&batch).await.unwrap();
    }
    let sink = MemorySink::new();
    replay(&store, &sink).await;
    assert_eq!(sink.arrived().len(), 6);
    assert!(objects.names(".letters-").await.unwrap().is_empty());
    replay(&store, &sink).await;
    assert_eq!(sink.arrived().len(), 6);
}

#[tokio::test(start_paused = true)]
async fn letters_that_are_handed_back_or_of_others_stay_and_the_settled_ones_are_gone() {
    let objects = MemoryObjects::new();
    let store = shared(objects.handle(), 1);
    let letters = ObjectDeadLetters::new(&store);
    let batch = [letter("a", "1"), letter("b", "2"), letter("a", "3")];
    letters.write(&batch).await.unwrap();
    let open = async || StoredLetterSource::open(&letters).await.unwrap();
    let mut source = open()
        .await
        .only(|target| target.unwrap().integration == "a");
    assert_eq!(source.ack_order(), AckOrder::Individual);
    let delivery = source.next().await.unwrap().unwrap();
    assert_eq!(delivery.items.len(), 2);
    delivery
        .acker
        .settle(&[Outcome::Settled, Outcome::HandedBack])
        .await
        .unwrap();
    assert_eq!(
        uuids(&objects).await.into_keys().collect::<Vec<_>>(),
        ["2", "3"]
    );
    // It is given again, and by a replay that begins anew.
    for mut source in [
        source,
        open()
            .await
            .only(|target| target.unwrap().integration == "a"),
    ] {
        let delivery = source.next().await.unwrap().unwrap();
        assert_eq!(delivery.items.len(), 1);
    }
    assert_eq!(letters.count().await.unwrap().len(), 2);
}

/// A settled letter is in the store no more, or the settlement is an error and the letter is given again.
#[tokio::test(start_paused = true)]
async fn settlement_is_confirmed_with_each_fault_at_each_call() {
    let late = ObjectFault::DoneLate(Duration::from_secs(3));
    for fault in [ObjectFault::NotDone, ObjectFault::DoneWithError, late] {
        for (from, settles_all) in [(0, true), (0, false), (1, false)] {
            let objects = MemoryObjects::new();
            let store = objects.handle();
            let letters = ObjectDeadLetters::new(&shared(store.clone(), 1));
            letters
                .write(&[letter("a", "1"), letter("a", "2")])
                .await
                .unwrap();
            let mut source = StoredLetterSource::open(&letters).await.unwrap();
            let delivery = source.next().await.unwrap().unwrap();
            let mut call = 0;
            store.set_script(move |kind, _| {
                call += 1;
                let fault = match (kind, fault) {
                    (ObjectCall::Put, fault)
                    | (_, fault @ (ObjectFault::NotDone | ObjectFault::DoneWithError)) => fault,
                    _ => ObjectFault::NotDone,
                };
                (call == from + 1).then_some(fault)
            });
            let second = if settles_all {
                Outcome::Settled
            } else {
                Outcome::HandedBack
            };
            let settled = delivery.acker.settle(&[Outcome::Settled, second]).await;
            let kept = uuids(&objects).await;
            let case = format!("{fault:?} at call {from}, all: {settles_all}: {kept:?}");
            if settled.is_ok() {
                assert!(!kept.contains_key("1"), "{case}");
            }
            if !settles_all {
                assert!(kept.contains_key("2"), "{case}");
            }
            let given = source.next().now_or_never().unwrap().unwrap();
            let given = given.map_or(0, |delivery| delivery.items.len());
            assert_eq!(
                given,
                if settled.is_err() {
                    2
                } else {
                    usize::from(!settles_all)
                },
                "{case}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn second_replay_is_refused_while_one_runs_and_not_after_it() {
    let objects = MemoryObjects::new();
    let [first, second, third] = [1, 2, 3].map(|seed| shared(objects.clone(), seed));
    let held = first.acquire_replay().await.unwrap();
    for _ in 0..2 {
        let began = Instant::now();
        let error = second.acquire_replay().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Locked, "{error}");
        assert!(error.to_string().contains(first.holder()), "{error}");
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "{:?}",
            began.elapsed()
        );
        // Then it is idle, and renews its lease more seldom.
        sleep(Duration::from_secs(600)).await;
    }
    held.release().await.unwrap();
    let held = second.acquire_replay().await.unwrap();
    // It dies.
    drop(held);
    let began = Instant::now();
    third.acquire_replay().await.unwrap();
    assert!(
        began.elapsed() >= Duration::from_secs(20),
        "{:?}",
        began.elapsed()
    );
}
