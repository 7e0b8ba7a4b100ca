//! A checkpoint that several replicas share, and the lease by which one holds it.

#[cfg(all(feature = "object-store", feature = "reqwest"))]
mod cloud;
mod contract;
mod cost;
mod folder;
mod group;
mod group_faults;
mod group_takeover;
mod group_world;
mod hostile;
mod idle;
mod replicas;

use std::time::Duration;

use okta_coralogix_core::checkpoint::shared::{HeldCheckpoint, SharedStore};
use okta_coralogix_core::checkpoint::{Checkpoint, CheckpointStore, SaveOutcome, Version};
use okta_coralogix_core::filter::{DedupSnapshot, DedupWindow};
use okta_coralogix_core::internal::Claim;
use okta_coralogix_core::testing::{MemoryObjects, ObjectCall, ObjectFault};
use okta_coralogix_core::{ErrorKind, Lease, LeaseLost};
use tokio::time::{Instant, sleep, timeout};

const TTL: Duration = SharedStore::DEFAULT_TTL;
const POLL: Duration = SharedStore::DEFAULT_POLL;

fn replica(objects: &MemoryObjects, seed: u64) -> SharedStore {
    SharedStore::new(objects.clone()).seed(seed)
}

fn window(uuids: &[&str]) -> DedupSnapshot {
    let window = DedupWindow::new(100);
    for uuid in uuids {
        let Claim::New(claim) = window.claim(uuid) else {
            panic!("{uuid}");
        };
        claim.remember();
    }
    window.snapshot()
}

fn checkpoint(cursor: &str, uuids: &[&str]) -> Checkpoint {
    Checkpoint::new("acme", cursor, window(uuids))
}

async fn saved(held: &HeldCheckpoint, cursor: &str, expected: Option<&Version>) -> Version {
    let checkpoint = checkpoint(cursor, &["a"]);
    let outcome = match expected {
        Some(expected) => held.replace(&checkpoint, expected).await,
        None => held.create(&checkpoint).await,
    };
    outcome.saved().unwrap()
}

async fn cursor(held: &HeldCheckpoint) -> Option<String> {
    let loaded = held.load().await.unwrap();
    loaded.map(|loaded| loaded.value.cursor)
}

/// Names of windows that are stored.
fn windows(objects: &MemoryObjects) -> Vec<String> {
    let puts = objects.puts();
    let mut names: Vec<_> = puts.into_iter().map(|put| put.name).collect();
    names.retain(|name| name.contains(".window-") && objects.content(name).is_some());
    names.dedup();
    names
}

#[tokio::test(start_paused = true)]
async fn released_log_is_taken_at_once_with_its_position_and_window() {
    let objects = MemoryObjects::new();
    let first = replica(&objects, 1).acquire("acme").await.unwrap();
    assert_eq!(cursor(&first).await, None);
    let version = saved(&first, "1", None).await;
    let full = checkpoint("2", &["a", "b"]);
    first.replace(&full, &version).await.saved().unwrap();
    first.release().await.unwrap();
    assert_eq!(first.deadline().await, Err(LeaseLost));
    let began = Instant::now();
    let second = replica(&objects, 2).acquire("acme").await.unwrap();
    assert!(
        began.elapsed() < Duration::from_secs(1),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(second.load().await.unwrap().unwrap().value, full);
    // The one before moves nothing any more.
    let late = first.replace(&checkpoint("9", &[]), &version).await;
    assert!(matches!(late, SaveOutcome::Lost(_)), "{late:?}");
    assert_eq!(cursor(&second).await.as_deref(), Some("2"));
}

#[tokio::test(start_paused = true)]
async fn log_of_a_holder_that_died_is_taken_after_its_ttl_and_not_before() {
    let objects = MemoryObjects::new();
    let first = replica(&objects, 1).acquire("acme").await.unwrap();
    saved(&first, "1", None).await;
    let other = replica(&objects, 2);
    let waiting = tokio::spawn(async move { other.acquire("acme").await.unwrap() });
    // Renewals keep it.
    sleep(TTL * 10).await;
    assert!(!waiting.is_finished());
    drop(first);
    let died = Instant::now();
    let second = waiting.await.unwrap();
    let took = died.elapsed();
    assert!(
        took > TTL - TTL / 3 && took <= (TTL + POLL).mul_f64(1.25) + POLL,
        "{took:?}"
    );
    assert_eq!(cursor(&second).await.as_deref(), Some("1"));
}

#[tokio::test(start_paused = true)]
async fn renewal_leaves_the_version_of_the_checkpoint() {
    let objects = MemoryObjects::new();
    let held = replica(&objects, 1).acquire("acme").await.unwrap();
    let version = saved(&held, "1", None).await;
    let puts = objects.puts().len();
    sleep(TTL * 3).await;
    let renewed = objects.puts().len() - puts;
    assert!(
        (8..=10).contains(&renewed),
        "each third of the TTL: {renewed}"
    );
    assert_eq!(held.load().await.unwrap().unwrap().version, version);
    saved(&held, "2", Some(&version)).await;
    let stale = held.replace(&checkpoint("3", &[]), &version).await;
    let SaveOutcome::Lost(Some(found)) = stale else {
        panic!("{stale:?}");
    };
    assert_eq!(found.value.cursor, "2");
}

#[tokio::test(start_paused = true)]
async fn write_whose_answer_was_lost_is_found_to_be_stored() {
    for fault in [
        ObjectFault::DoneWithError,
        ObjectFault::DoneLate(Duration::from_secs(1)),
        ObjectFault::NotDone,
    ] {
        let objects = MemoryObjects::new();
        let held = replica(&objects, 1).acquire("acme").await.unwrap();
        let version = saved(&held, "1", None).await;
        let mut faults = vec![fault];
        objects.set_script(move |call, name| {
            let is_record = call == ObjectCall::Put && name == "acme";
            faults.pop_if(|_| is_record)
        });
        let version = saved(&held, "2", Some(&version)).await;
        assert!(
            held.deadline().await.unwrap() > Instant::now().into_std(),
            "{fault:?}"
        );
        sleep(TTL).await;
        saved(&held, "3", Some(&version)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn own_write_that_comes_late_is_overtaken_by_the_next_one() {
    let objects = MemoryObjects::new();
    let held = replica(&objects, 1).acquire("acme").await.unwrap();
    let version = saved(&held, "1", None).await;
    // All of its attempts come after the next save has begun.
    objects.set_script(|call, name| {
        let late = ObjectFault::DoneLate(Duration::from_secs(16));
        (call == ObjectCall::Put && name == "acme").then_some(late)
    });
    let outcome = held.replace(&checkpoint("2", &[]), &version).await;
    assert!(matches!(outcome, SaveOutcome::Unknown(_)), "{outcome:?}");
    objects.set_script(|call, name| {
        let slow = ObjectFault::Slow(Duration::from_secs(3));
        (call == ObjectCall::Put && name == "acme").then_some(slow)
    });
    saved(&held, "3", Some(&version)).await;
    assert_eq!(cursor(&held).await.as_deref(), Some("3"));
    sleep(TTL).await;
    assert_eq!(
        cursor(&held).await.as_deref(),
        Some("3"),
        "nothing came behind it"
    );
}

#[tokio::test(start_paused = true)]
async fn store_that_is_away_pauses_the_holder_and_ends_nothing() {
    let objects = MemoryObjects::new();
    let held = replica(&objects, 1).acquire("acme").await.unwrap();
    let version = saved(&held, "1", None).await;
    objects.set_script(|_, _| Some(ObjectFault::NotDone));
    let away = Instant::now();
    let outcome = held.replace(&checkpoint("2", &["b"]), &version).await;
    assert!(matches!(outcome, SaveOutcome::Unknown(_)), "{outcome:?}");
    let deadline = held.deadline().await.unwrap();
    assert!(
        deadline <= (away + TTL.mul_f64(0.65)).into_std(),
        "no more than was held before"
    );
    sleep(TTL * 20).await;
    let waiting = timeout(TTL * 20, held.deadline()).await;
    assert!(waiting.is_err(), "nothing may be sent: {waiting:?}");
    objects.set_script(|_, _| None);
    assert!(held.deadline().await.unwrap() > Instant::now().into_std());
    let full = checkpoint("2", &["b"]);
    held.replace(&full, &version).await.saved().unwrap();
    assert_eq!(held.load().await.unwrap().unwrap().value, full);
}

#[tokio::test(start_paused = true)]
async fn holder_that_was_paused_finds_its_log_taken() {
    let objects = MemoryObjects::new();
    let paused = objects.handle();
    let first = replica(&paused, 1).acquire("acme").await.unwrap();
    let version = saved(&first, "1", None).await;
    paused.set_frozen(true);
    let second = replica(&objects, 2).acquire("acme").await.unwrap();
    let version_there = second.load().await.unwrap().unwrap().version;
    saved(&second, "2", Some(&version_there)).await;
    paused.set_frozen(false);
    let outcome = first.replace(&checkpoint("9", &[]), &version).await;
    let SaveOutcome::Lost(Some(found)) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(found.value.cursor, "2");
    first.lost().await;
    assert_eq!(first.deadline().await, Err(LeaseLost));
    assert_eq!(cursor(&second).await.as_deref(), Some("2"));
}

#[tokio::test(start_paused = true)]
async fn window_is_written_before_its_record_once_a_minute_and_at_the_release() {
    let objects = MemoryObjects::new();
    let held = replica(&objects, 1).acquire("acme").await.unwrap();
    let mut version = saved(&held, "0", None).await;
    for n in 1..=180 {
        sleep(Duration::from_secs(1)).await;
        version = saved(&held, &n.to_string(), Some(&version)).await;
    }
    let puts = objects.puts();
    let written = puts.iter().filter(|put| put.name.contains(".window-"));
    assert_eq!(
        written.count(),
        4,
        "at the begin, and after each of three minutes"
    );
    sleep(Duration::from_secs(1)).await;
    assert_eq!(windows(&objects).len(), 2, "the last two stay");
    // A record never names a window that is not there.
    let mut known = Vec::new();
    for put in &puts {
        match put.name.as_str() {
            "acme" => {
                let record: serde_json::Value = serde_json::from_slice(&put.bytes).unwrap();
                if let Some(window) = record["position"]["window"].as_str() {
                    assert!(known.contains(&window), "{window}");
                }
                assert!(put.bytes.len() < 4096);
            }
            name => known.push(name),
        }
    }
    sleep(Duration::from_secs(1)).await;
    let full = checkpoint("181", &["x", "y"]);
    held.replace(&full, &version).await.saved().unwrap();
    held.release().await.unwrap();
    let next = replica(&objects, 2).acquire("acme").await.unwrap();
    assert_eq!(next.load().await.unwrap().unwrap().value, full);
}

#[tokio::test(start_paused = true)]
async fn objects_that_are_no_checkpoint_are_named_with_what_to_do() {
    let objects = MemoryObjects::new();
    let held = replica(&objects, 1).acquire("acme").await.unwrap();
    saved(&held, "1", None).await;
    held.release().await.unwrap();
    let record = objects.content("acme").unwrap();
    let window = windows(&objects).pop().unwrap();
    for (name, content, says) in [
        (
            "acme",
            &b"{}"[..],
            "memory/acme is no shared checkpoint: give the checkpoints a folder",
        ),
        (&window, b"", "which is none (it is empty): restore it"),
        (
            &window,
            b"okta-coralogix",
            "which is none (it is torn, or something else)",
        ),
    ] {
        let before = objects.content(name).unwrap();
        objects.overwrite(name, content);
        let found = match replica(&objects, 2).acquire("acme").await {
            Ok(held) => held.load().await.map(|_| ()),
            Err(error) => Err(error),
        };
        let error = found.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.detail().contains(says), "{error}");
        objects.overwrite(name, before);
        objects.overwrite("acme", record.clone());
    }
}

#[tokio::test(start_paused = true)]
async fn store_is_checked_before_it_is_trusted() {
    let objects = MemoryObjects::new();
    let store = replica(&objects, 1);
    store.check().await.unwrap();
    // Answers may be lost, as long as the conditions hold.
    let mut faults = 0;
    objects.set_script(move |call, _| {
        faults += 1;
        let is_refused = call == ObjectCall::Put && [2, 5].contains(&faults);
        is_refused.then_some(ObjectFault::DoneWithError)
    });
    store.check().await.unwrap();
    objects.set_script(|call, _| {
        let slow = ObjectFault::Slow(Duration::from_millis(4_999));
        (call == ObjectCall::Put).then_some(slow)
    });
    store.check().await.unwrap();
    objects.set_script(|call, _| {
        let slow = ObjectFault::Slow(Duration::from_secs(6));
        (call == ObjectCall::Put).then_some(slow)
    });
    let error = store.check().await.unwrap_err();
    assert!(
        error.detail().contains("a sixth of the lease's time"),
        "{error}"
    );
    objects.set_script(|call, _| (call == ObjectCall::Delete).then_some(ObjectFault::NotDone));
    let error = store.check().await.unwrap_err();
    assert!(
        error.detail().contains("let this user delete objects"),
        "{error}"
    );
    objects.set_script(|_, _| None);
    objects.ignore_conditions();
    let error = store.check().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(
        error.detail().contains("no a store")
            || error
                .detail()
                .contains("is not a store that refuses a second object of the same name"),
        "{error}"
    );
    let error = store.ttl(Duration::from_secs(9)).unwrap_err();
    assert!(error.to_string().contains("at least 10 s"), "{error}");
}
