//! How long a log has no holder while replicas die, end and begin one after the other, and leave their presences.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use fastrand::Rng;
use okta_coralogix_core::checkpoint::shared::SharedStore;
use okta_coralogix_core::testing::MemoryObjects;
use serde_json::Value;
use tokio::time::sleep;

use super::group::{Process, names, spread};
use super::replica;

const LOGS: usize = 20;

/// With the shortest lease, so that replicas die before they have written their presence a third time.
fn store(objects: &MemoryObjects, rng: &mut Rng) -> SharedStore {
    let store = replica(objects, rng.u64(..)).clock_rate(0.85 + 0.3 * rng.f64());
    store
        .ttl(Duration::from_secs(10))
        .unwrap()
        .poll(Duration::from_secs(1))
}

/// The longest time without a holder, of each log and change of hands: from the last record of one term to the first of the next.
fn gaps(objects: &MemoryObjects) -> Vec<(String, Duration, Duration)> {
    let mut last = BTreeMap::<String, (Instant, u64, Duration)>::new();
    let mut gaps = Vec::new();
    for put in objects.puts() {
        let record = serde_json::from_slice::<Value>(&put.bytes).unwrap_or_default();
        let (Some(term), Some(ttl)) = (record["term"].as_u64(), record["ttl_ms"].as_u64()) else {
            continue;
        };
        let ttl = Duration::from_millis(ttl);
        let before = last.insert(put.name.clone(), (put.at, term, ttl));
        if let Some((at, before, ttl)) = before
            && before != term
        {
            gaps.push((put.name, put.at - at, ttl));
        }
    }
    gaps
}

#[tokio::test(start_paused = true)]
async fn each_log_has_a_holder_in_time_however_many_replicas_have_died() {
    let mut longest = Duration::ZERO;
    for seed in 0..4 {
        let mut rng = Rng::with_seed(seed);
        let (objects, logs) = (MemoryObjects::new(), names(LOGS));
        let mut processes: Vec<_> = (0..3)
            .map(|_| Process::start(&store(&objects, &mut rng), &logs))
            .collect();
        let limit = |ttl| store(&objects, &mut Rng::new()).takeover_by_group(ttl);
        for _ in 0..40 {
            sleep(Duration::from_millis(rng.u64(5_000..25_000))).await;
            let one = processes.swap_remove(rng.usize(..processes.len()));
            match rng.u8(..4) {
                0 => one.stop().await,
                _ => one.kill(),
            }
            processes.push(Process::start(&store(&objects, &mut rng), &logs));
        }
        sleep(limit(Duration::ZERO)).await;
        let held = spread(&processes);
        assert_eq!(held.iter().sum::<usize>(), LOGS, "seed {seed}: {held:?}");
        let gaps = gaps(&objects);
        assert!(gaps.len() > LOGS * 10, "{}", gaps.len());
        for (log, gap, ttl) in gaps {
            let limit = limit(ttl);
            assert!(
                gap <= limit,
                "seed {seed}: {log} had no holder for {gap:?} of {limit:?}"
            );
            longest = longest.max(gap);
        }
    }
    println!("{longest:?} at most");
}

#[tokio::test(start_paused = true)]
async fn presences_that_dead_replicas_have_left_hold_up_no_log() {
    let (objects, logs, mut rng) = (MemoryObjects::new(), names(LOGS), Rng::with_seed(1));
    // Each has written its presence twice, and no log.
    for _ in 0..30 {
        let dead = store(&objects, &mut rng).join(logs.clone());
        sleep(Duration::from_secs(5)).await;
        drop(dead);
    }
    let first = Process::start(&store(&objects, &mut rng), &logs);
    sleep(Duration::from_secs(5)).await;
    assert_eq!(first.held(), LOGS);
    let status = first.replica.status();
    assert_eq!((status.living, status.quota), (1, LOGS));
}

#[tokio::test(start_paused = true)]
async fn presences_that_only_seem_to_live_hold_up_no_log_for_long() {
    let (objects, logs, mut rng) = (MemoryObjects::new(), names(LOGS), Rng::with_seed(2));
    let first = Process::start(&store(&objects, &mut rng), &logs);
    let second = Process::start(&store(&objects, &mut rng), &logs);
    sleep(Duration::from_secs(5)).await;
    let presence = objects.content(&format!(".replica-{}", first.replica.holder()));
    let presence: Value = serde_json::from_slice(&presence.unwrap()).unwrap();
    // Fifty replicas that take nothing, written again as those of living ones are.
    let people = objects.handle();
    let write = move |beat: u64| {
        for n in 0..50 {
            let mut fake = presence.clone();
            fake["holder"] = format!("fake-{n}").into();
            fake["beat"] = beat.into();
            people.overwrite(&format!(".replica-fake-{n}"), fake.to_string());
        }
    };
    for beat in 1..6 {
        write(beat);
        sleep(Duration::from_secs(60)).await;
    }
    assert_eq!(first.replica.status().living, 52);
    let limit = |ttl| store(&objects, &mut Rng::new()).takeover_by_group(ttl);
    let longest = limit(SharedStore::DEFAULT_IDLE_TTL);
    second.kill();
    let died = tokio::time::Instant::now();
    for beat in 6.. {
        write(beat);
        sleep(Duration::from_secs(30)).await;
        if died.elapsed() >= longest {
            break;
        }
    }
    // One may be on its way to one of them, and back.
    assert!(first.held() + 1 >= LOGS, "{}", first.held());
    for (log, gap, ttl) in gaps(&objects) {
        let limit = limit(ttl);
        assert!(gap <= limit, "{log} had no holder for {gap:?} of {limit:?}");
    }
}
