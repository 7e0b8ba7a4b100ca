//! Replicas that share a log, in random worlds: faults of the store, pauses, clocks that run wrong, kills and releases.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fastrand::Rng;
use okta_coralogix_core::Lease;
use okta_coralogix_core::checkpoint::shared::{HeldCheckpoint, SharedStore};
use okta_coralogix_core::checkpoint::{Checkpoint, CheckpointStore, SaveOutcome, Version};
use okta_coralogix_core::filter::DedupSnapshot;
use okta_coralogix_core::testing::{MemoryObjects, ObjectCall, ObjectFault};
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::{POLL, TTL};

/// Events of the log, and how many are sent at once.
const EVENTS: u64 = 400;
const BATCH: u64 = 10;

/// What happens in a world.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct World {
    pub(super) seed: u64,
    pub(super) replicas: u64,
    /// The clock of a replica runs up to this much faster or slower than it should.
    pub(super) skew: f64,
    /// Of a thousand calls of the store.
    pub(super) faults: u32,
    /// The store is away for minutes.
    pub(super) outages: bool,
    /// Replicas are paused, also between the look at the deadline and the request.
    pub(super) pauses: bool,
    pub(super) kills: bool,
}

/// An ingress that all replicas send to.
#[derive(Debug, Default)]
pub(super) struct Ingress {
    /// Who sent what, and when it arrived.
    pub(super) requests: Vec<(Instant, u64, Range<u64>)>,
    lost_answers: u64,
}

/// How a world has ended.
#[derive(Debug, Default)]
pub(super) struct Ended {
    arrivals: BTreeMap<u64, u64>,
    requests: Vec<(Instant, u64, Range<u64>)>,
    lost_answers: u64,
    /// When each term began, and its number.
    pub(super) terms: Vec<(Instant, u64)>,
    /// Each cursor that was stored.
    cursors: Vec<u64>,
    /// How long a log had no holder after a kill, at most.
    longest_gap: Duration,
}

impl Ended {
    /// The position never goes back, and nothing before it is missing.
    pub(super) fn assert_in_order(&self, what: &str) {
        assert!(self.cursors.is_sorted(), "{what}: the position went back");
        let last = self.cursors.last().copied().unwrap_or(0);
        let missing = (0..last).find(|event| !self.arrivals.contains_key(event));
        assert_eq!(missing, None, "{what}: lost");
    }
}

/// A replica as the sender of one log.
pub(super) struct Replica {
    pub(super) world: World,
    pub(super) number: u64,
    pub(super) log: String,
    pub(super) objects: MemoryObjects,
    pub(super) ingress: Arc<Mutex<Ingress>>,
    pub(super) done: watch::Sender<bool>,
    pub(super) rng: Rng,
}

impl Replica {
    async fn run(mut self) {
        let mut life = 0;
        while !*self.done.borrow() {
            life += 1;
            let rate = 1.0 + self.world.skew * (2.0 * self.rng.f64() - 1.0);
            let seed = self.world.seed ^ (self.number << 32) ^ (life << 48);
            let store = SharedStore::new(self.objects.clone())
                .seed(seed)
                .clock_rate(rate);
            let mut done = self.done.subscribe();
            let held = tokio::select! {
                held = store.acquire(&self.log) => held.unwrap(),
                _ = done.wait_for(|done| *done) => return,
            };
            self.hold(&held).await;
            // Without a release it is a kill.
            if !self.world.kills || self.rng.bool() {
                held.release().await.ok();
            }
            drop(held);
            sleep(Duration::from_millis(self.rng.u64(..5_000))).await;
        }
    }

    /// Sends until the lease is lost, all is sent, or it is time to give up.
    pub(super) async fn hold(&mut self, held: &HeldCheckpoint) {
        let most = self.rng.u64(5..40);
        let mut stored = loop {
            match held.load().await {
                Ok(loaded) => break loaded,
                Err(_) => sleep(POLL).await,
            }
        };
        for _ in 0..most {
            let from = stored
                .as_ref()
                .map_or(0, |stored| stored.value.cursor.parse().unwrap());
            if from >= EVENTS {
                self.done.send_replace(true);
                return;
            }
            let batch = from..(from + BATCH).min(EVENTS);
            let Ok(deadline) = held.deadline().await else {
                return;
            };
            self.pause().await;
            match timeout_at(Instant::from_std(deadline), self.post(batch.clone())).await {
                Ok(true) => {}
                Ok(false) | Err(_) => continue,
            }
            let expected = stored.as_ref().map(|stored| stored.version.clone());
            if !self.save(held, batch.end, expected).await {
                return;
            }
            stored = match held.load().await {
                Ok(loaded) => loaded,
                Err(_) => return,
            };
        }
    }

    /// False if another one has saved.
    async fn save(
        &mut self,
        held: &HeldCheckpoint,
        cursor: u64,
        expected: Option<Version>,
    ) -> bool {
        let record = Checkpoint::new("acme", cursor.to_string(), DedupSnapshot::default());
        loop {
            self.pause().await;
            let outcome = match &expected {
                Some(expected) => held.replace(&record, expected).await,
                None => held.create(&record).await,
            };
            match outcome {
                SaveOutcome::Saved(_) => return true,
                SaveOutcome::Lost(_) => return false,
                SaveOutcome::Unknown(_) => {}
            }
            sleep(POLL).await;
            match held.load().await {
                Ok(Some(found)) if found.value == record => return true,
                Ok(found) if found.as_ref().map(|found| &found.version) == expected.as_ref() => {}
                Ok(_) => return false,
                Err(_) => {}
            }
        }
    }

    /// True if it was accepted, and the answer came.
    async fn post(&mut self, batch: Range<u64>) -> bool {
        sleep(Duration::from_millis(self.rng.u64(10..500))).await;
        let is_answered = self.rng.u8(..) > 8;
        let mut ingress = self.ingress.lock().unwrap();
        ingress.requests.push((Instant::now(), self.number, batch));
        ingress.lost_answers += u64::from(!is_answered);
        is_answered
    }

    /// Sometimes this process stands still for longer than its lease.
    async fn pause(&mut self) {
        if self.world.pauses && self.rng.u8(..) < 4 {
            self.objects.set_frozen(true);
            sleep(TTL.mul_f64(self.rng.f64() * 3.0)).await;
            self.objects.set_frozen(false);
        }
    }
}

/// Faults of the store as one replica sees it.
pub(super) fn script(objects: &MemoryObjects, world: World, mut rng: Rng) {
    let began = Instant::now();
    objects.set_script(move |call, _| {
        // Away for two minutes of each ten.
        let minute = began.elapsed().as_secs() / 60 % 10;
        if world.outages && (3..5).contains(&minute) {
            return Some(ObjectFault::NotDone);
        }
        let late = Duration::from_millis(rng.u64(100..60_000));
        if rng.u32(..1_000) >= world.faults {
            return Some(ObjectFault::Slow(Duration::from_millis(rng.u64(1..300))));
        }
        Some(match rng.u8(..3) {
            0 => ObjectFault::NotDone,
            1 if call == ObjectCall::Put => ObjectFault::DoneLate(late),
            _ => ObjectFault::DoneWithError,
        })
    });
}

async fn run(world: World) -> Ended {
    let objects = MemoryObjects::new();
    let ingress = Arc::new(Mutex::new(Ingress::default()));
    let done = watch::Sender::new(false);
    let mut rng = Rng::with_seed(world.seed);
    let replicas = (0..world.replicas).map(|number| {
        let objects = objects.handle();
        script(&objects, world, rng.fork());
        let replica = Replica {
            world,
            number,
            log: "acme".to_owned(),
            objects,
            ingress: Arc::clone(&ingress),
            done: done.clone(),
            rng: rng.fork(),
        };
        tokio::spawn(replica.run())
    });
    let replicas: Vec<_> = replicas.collect();
    let all = async {
        for replica in replicas {
            replica.await.unwrap();
        }
    };
    let ended = timeout(Duration::from_secs(24 * 3600), all).await;
    ended.unwrap_or_else(|_| panic!("{world:?}: a day was not enough"));
    let ingress = ingress.lock().unwrap();
    ended_with(&objects, "acme", &ingress)
}

/// What became of a log.
pub(super) fn ended_with(objects: &MemoryObjects, log: &str, ingress: &Ingress) -> Ended {
    let mut ended = Ended {
        requests: ingress.requests.clone(),
        lost_answers: ingress.lost_answers,
        ..Ended::default()
    };
    for (_, _, batch) in &ended.requests {
        for event in batch.clone() {
            *ended.arrivals.entry(event).or_default() += 1;
        }
    }
    let mut last = None;
    for put in objects.puts() {
        if put.name != log {
            continue;
        }
        let at = Instant::from_std(put.at);
        let record: Value = serde_json::from_slice(&put.bytes).unwrap();
        let term = record["term"].as_u64().unwrap();
        if ended.terms.last().is_none_or(|(_, last)| *last != term) {
            ended.terms.push((at, term));
            if let Some(last) = last {
                ended.longest_gap = ended.longest_gap.max(at - last);
            }
        }
        last = Some(at);
        if let Some(cursor) = record["position"]["cursor"].as_str() {
            ended.cursors.push(cursor.parse().unwrap());
        }
    }
    ended
}

pub(super) fn assert_sound(world: World, ended: &Ended) {
    let missing: Vec<_> = (0..EVENTS)
        .filter(|event| !ended.arrivals.contains_key(event))
        .collect();
    assert!(missing.is_empty(), "{world:?}: lost {missing:?}");
    assert!(
        ended.cursors.is_sorted(),
        "{world:?}: the position went back"
    );
    let repeats: u64 = ended.arrivals.values().map(|count| count - 1).sum();
    let overs = ended.terms.len() as u64;
    let most = BATCH * (overs + ended.lost_answers);
    assert!(
        repeats <= most,
        "{world:?}: {repeats} repeats, at most {most}"
    );
}

#[tokio::test(start_paused = true)]
async fn replicas_lose_nothing_whatever_the_store_and_their_clocks_do() {
    let mut overs = 0;
    for seed in 0..150 {
        let world = World {
            seed,
            replicas: 2 + seed % 2,
            skew: if seed % 5 == 0 { 0.5 } else { 0.2 },
            faults: [0, 20, 150][seed as usize % 3],
            outages: seed % 4 == 0,
            pauses: seed % 2 == 0,
            kills: true,
        };
        let ended = run(world).await;
        assert_sound(world, &ended);
        overs += ended.terms.len();
    }
    println!("{overs} terms in 150 worlds");
    assert!(overs > 600, "{overs}");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_after_another_replica_has_taken_the_log() {
    for seed in 0..100 {
        let world = World {
            seed,
            replicas: 3,
            skew: 0.2,
            faults: 100,
            outages: seed % 2 == 0,
            kills: true,
            ..World::default()
        };
        let ended = run(world).await;
        assert_sound(world, &ended);
        assert_one_sender_a_term(world, &ended);
    }
}

/// Requests of each replica stand together between two beginnings of terms.
pub(super) fn assert_one_sender_a_term(world: World, ended: &Ended) {
    for terms in ended.terms.windows(2) {
        let is_within = |at: &Instant| terms[0].0 <= *at && *at < terms[1].0;
        let senders = ended.requests.iter().filter(|(at, ..)| is_within(at));
        let mut senders: Vec<_> = senders.map(|(_, sender, _)| sender).collect();
        senders.dedup();
        let term = terms[0].1;
        assert!(senders.len() <= 1, "{world:?}: {senders:?} in term {term}");
    }
}

#[tokio::test(start_paused = true)]
async fn log_of_a_dead_replica_is_taken_within_the_stated_time() {
    for seed in 0..50 {
        let world = World {
            seed,
            replicas: 2,
            skew: 0.2,
            kills: true,
            ..World::default()
        };
        let ended = run(world).await;
        assert_sound(world, &ended);
        let most = (TTL + POLL).mul_f64(1.25) + POLL + Duration::from_secs(1);
        assert!(
            ended.longest_gap <= most,
            "{world:?}: {:?}",
            ended.longest_gap
        );
    }
}
