//! Replicas that share several logs, in random worlds and with each fault at each call of a small scenario.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fastrand::Rng;
use okta_coralogix_core::Lease;
use okta_coralogix_core::checkpoint::shared::{HeldCheckpoint, Objects, Replica, SharedStore};
use okta_coralogix_core::checkpoint::{Checkpoint, CheckpointStore, SaveOutcome};
use okta_coralogix_core::filter::DedupSnapshot;
use okta_coralogix_core::testing::{MemoryObjects, ObjectCall, ObjectFault};
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::group::{Process, evened, handed_over, names};
use super::replicas::{
    Ingress, Replica as Sender, World, assert_one_sender_a_term, assert_sound, ended_with, script,
};
use super::{POLL, TTL, replica};

const LOGS: usize = 4;

/// A log of a world.
#[derive(Clone)]
struct Log {
    name: String,
    ingress: Arc<Mutex<Ingress>>,
    done: watch::Sender<bool>,
}

impl Log {
    fn new(name: String) -> Self {
        Self {
            name,
            ingress: Arc::default(),
            done: watch::Sender::new(false),
        }
    }
}

/// What a process does with one log until all of it is sent.
async fn share(replica: Replica, log: Log, mut sender: Sender) {
    let mut done = log.done.subscribe();
    loop {
        let held = tokio::select! {
            held = replica.acquire(&log.name) => held.unwrap(),
            _ = done.wait_for(|done| *done) => return,
        };
        tokio::select! {
            () = sender.hold(&held) => {}
            () = replica.hand_over(&log.name) => {}
        }
        if !sender.world.kills || sender.rng.u8(..) > 16 {
            held.release().await.ok();
        }
    }
}

/// A process, which ends and begins again.
async fn live(world: World, number: u64, objects: MemoryObjects, logs: Vec<Log>, mut rng: Rng) {
    let done = || logs.iter().all(|log| *log.done.borrow());
    let mut life = 0;
    sleep(Duration::from_millis(rng.u64(..20_000))).await;
    while !done() {
        life += 1;
        let rate = 1.0 + world.skew * (2.0 * rng.f64() - 1.0);
        let seed = world.seed ^ (number << 32) ^ (life << 48);
        let store = SharedStore::new(objects.clone())
            .seed(seed)
            .clock_rate(rate);
        let replica = store.join(logs.iter().map(|log| log.name.clone()));
        let tasks: Vec<_> = logs
            .iter()
            .map(|log| {
                let sender = Sender {
                    world,
                    number,
                    log: log.name.clone(),
                    objects: objects.clone(),
                    ingress: Arc::clone(&log.ingress),
                    done: log.done.clone(),
                    rng: rng.fork(),
                };
                tokio::spawn(share(replica.clone(), log.clone(), sender))
            })
            .collect();
        let all_done = async {
            for log in &logs {
                log.done.subscribe().wait_for(|done| *done).await.ok();
            }
        };
        let lifetime = Duration::from_secs(rng.u64(60..1_200));
        let killed = timeout(lifetime, all_done).await.is_err();
        if !killed || rng.bool() {
            replica.leave().await;
        }
        for task in tasks {
            task.abort();
        }
        sleep(Duration::from_millis(rng.u64(..60_000))).await;
    }
}

/// The presence of replicas is removed, or overwritten by something else.
async fn meddle(objects: MemoryObjects, mut rng: Rng) {
    loop {
        sleep(Duration::from_secs(rng.u64(1..60))).await;
        for name in objects.names(".replica-").await.unwrap() {
            match rng.u8(..8) {
                0 => objects.delete(&name).await.unwrap(),
                1 => objects.overwrite(&name, rng.u64(..).to_string()),
                _ => {}
            }
        }
    }
}

/// Runs a world to its end. The last: how many terms there were.
async fn run(world: World) -> usize {
    let objects = MemoryObjects::new();
    let logs: Vec<_> = names(LOGS).into_iter().map(Log::new).collect();
    let mut rng = Rng::with_seed(world.seed);
    let meddler = tokio::spawn(meddle(objects.handle(), rng.fork()));
    let processes: Vec<_> = (0..world.replicas)
        .map(|number| {
            let objects = objects.handle();
            script(&objects, world, rng.fork());
            tokio::spawn(live(world, number, objects, logs.clone(), rng.fork()))
        })
        .collect();
    for process in processes {
        let ended = timeout(Duration::from_secs(24 * 3_600), process).await;
        ended
            .unwrap_or_else(|_| panic!("{world:?}: a day was not enough"))
            .unwrap();
    }
    meddler.abort();
    let mut terms = 0;
    for log in &logs {
        let ended = ended_with(&objects, &log.name, &log.ingress.lock().unwrap());
        assert_sound(world, &ended);
        if !world.pauses && world.skew <= 0.2 {
            assert_one_sender_a_term(world, &ended);
        }
        terms += ended.terms.len();
    }
    terms
}

#[tokio::test(start_paused = true)]
async fn replicas_that_share_logs_lose_nothing_whatever_happens() {
    let mut terms = 0;
    for seed in 0..40 {
        terms += run(World {
            seed,
            replicas: 2 + seed % 2,
            skew: if seed % 5 == 0 { 0.5 } else { 0.2 },
            faults: [0, 20, 150][seed as usize % 3],
            outages: seed % 4 == 0,
            pauses: seed % 2 == 0,
            kills: true,
        })
        .await;
    }
    println!("{terms} terms in 40 worlds of {LOGS} logs");
    assert!(terms > 500, "{terms}");
}

#[tokio::test(start_paused = true)]
async fn shares_become_even_after_any_joins_and_deaths_and_stay_so() {
    for seed in 0..12 {
        let mut rng = Rng::with_seed(seed);
        let logs = names(rng.usize(1..16));
        let objects = MemoryObjects::new();
        let mut processes = Vec::new();
        let begin = |rng: &mut Rng| {
            let store = replica(&objects, rng.u64(..)).clock_rate(0.8 + 0.4 * rng.f64());
            Process::start(&store, &logs)
        };
        processes.push(begin(&mut rng));
        for _ in 0..10 {
            sleep(Duration::from_secs(rng.u64(..200))).await;
            let one = rng.usize(..processes.len());
            match (processes.len(), rng.u8(..4)) {
                (1, _) | (2 | 3, 0 | 1) => processes.push(begin(&mut rng)),
                (_, 0 | 2) => processes.swap_remove(one).kill(),
                (_, _) => processes.swap_remove(one).stop().await,
            }
        }
        // Until those are known that have died without a log, and after a hand-over to one of them.
        sleep(Duration::from_secs(900)).await;
        let most = Duration::from_secs(110) * u32::try_from(logs.len()).unwrap();
        let took = evened(&processes, logs.len(), most).await;
        println!(
            "seed {seed}: {} logs, {} replicas, {took:?} of {most:?}",
            logs.len(),
            processes.len()
        );
        let before = handed_over(&processes);
        sleep(Duration::from_secs(3_600)).await;
        assert_eq!(handed_over(&processes), before, "seed {seed}: it goes on");
        evened(&processes, logs.len(), Duration::ZERO).await;
        assert_no_long_gap(&objects, seed);
    }
}

/// A log without a holder is taken in time: after the TTL in its record, and the looks of all that rank before.
fn assert_no_long_gap(objects: &MemoryObjects, seed: u64) {
    let mut last = BTreeMap::<String, (std::time::Instant, u64, Duration)>::new();
    for put in objects.puts() {
        let Ok(record) = serde_json::from_slice::<Value>(&put.bytes) else {
            continue;
        };
        let (Some(term), Some(ttl)) = (record["term"].as_u64(), record["ttl_ms"].as_u64()) else {
            continue;
        };
        let ttl = Duration::from_millis(ttl);
        if let Some((at, before, ttl)) = last.get(&put.name)
            && *before != term
        {
            let look = POLL.mul_f64(ttl.as_secs_f64() / TTL.as_secs_f64());
            let most = (*ttl + look).mul_f64(1.25)
                + look.mul_f64(1.25 * 1.25) * 6
                + Duration::from_secs(1);
            let gap = put.at - *at;
            assert!(
                gap <= most,
                "seed {seed}: {} was free for {gap:?} of {most:?}",
                put.name
            );
        }
        last.insert(put.name, (put.at, term, ttl));
    }
}

/// What happens to one call.
#[derive(Debug, Clone, Copy)]
enum Fault {
    Of(ObjectFault),
    /// The process stands still, longer than its lease.
    Pause,
}

/// Sends one event and saves the position behind it; false once another one holds the log.
async fn send(held: &HeldCheckpoint, process: u64, log: &Log) -> bool {
    let Ok(stored) = held.load().await else {
        return held.time_left().is_some();
    };
    let from = stored
        .as_ref()
        .map_or(0, |stored| stored.value.cursor.parse().unwrap());
    let Ok(deadline) = held.deadline().await else {
        return false;
    };
    let request = sleep(Duration::from_millis(200));
    if timeout_at(Instant::from_std(deadline), request)
        .await
        .is_err()
    {
        return true;
    }
    let request = (Instant::now(), process, from..from + 1);
    log.ingress.lock().unwrap().requests.push(request);
    let next = Checkpoint::new("acme", (from + 1).to_string(), DedupSnapshot::default());
    let outcome = match &stored {
        Some(stored) => held.replace(&next, &stored.version).await,
        None => held.create(&next).await,
    };
    !matches!(outcome, SaveOutcome::Lost(_))
}

/// Two replicas and two logs: the second joins late, gets a log, and the first ends. Gives how many calls each has made.
async fn scenario(fault: Option<(usize, usize, Fault)>) -> [usize; 2] {
    let objects = MemoryObjects::new();
    let world = World {
        kills: false,
        ..World::default()
    };
    let logs: Vec<_> = names(2).into_iter().map(Log::new).collect();
    let calls = Arc::new(Mutex::new([0, 0]));
    let began = Instant::now();
    let handles = [0, 1].map(|process| {
        let handle = objects.handle();
        let (calls, paused) = (Arc::clone(&calls), handle.clone());
        handle.set_script(move |call: ObjectCall, _| {
            let mut calls = calls.lock().unwrap();
            let number = calls[process];
            calls[process] += 1;
            let (at, which, fault) = fault?;
            if (at, which) != (process, number) {
                return None;
            }
            match fault {
                // Only a put can be stored later.
                Fault::Of(ObjectFault::DoneLate(_)) if call != ObjectCall::Put => {
                    Some(ObjectFault::NotDone)
                }
                Fault::Of(fault) => Some(fault),
                Fault::Pause => {
                    paused.set_frozen(true);
                    let paused = paused.clone();
                    tokio::spawn(async move {
                        sleep(TTL * 3 / 2).await;
                        paused.set_frozen(false);
                    });
                    None
                }
            }
        });
        handle
    });
    let begin = |process: usize| {
        let replica = SharedStore::new(handles[process].clone())
            .seed(process as u64 + 1)
            .join(names(2));
        let tasks = logs.iter().map(|log| {
            let (replica, log) = (replica.clone(), log.clone());
            tokio::spawn(async move {
                loop {
                    let held = replica.acquire(&log.name).await.unwrap();
                    let sending = async {
                        while send(&held, process as u64, &log).await {
                            sleep(Duration::from_secs(9)).await;
                        }
                    };
                    tokio::select! {
                        () = sending => {}
                        () = replica.hand_over(&log.name) => {}
                    }
                    held.release().await.ok();
                }
            })
        });
        let tasks: Vec<_> = tasks.collect();
        (replica, tasks)
    };
    let first = begin(0);
    sleep(Duration::from_secs(20)).await;
    let second = begin(1);
    let held = |replica: &Replica| {
        let status = replica.status();
        status.logs.iter().filter(|log| log.is_own).count()
    };
    while (held(&first.0), held(&second.0)) != (1, 1) {
        sleep(Duration::from_secs(1)).await;
        let is_late = began.elapsed() > Duration::from_secs(500);
        assert!(!is_late, "{fault:?}: the second gets no share");
    }
    sleep(Duration::from_secs(20)).await;
    first.0.leave().await;
    for task in first.1 {
        task.abort();
    }
    drop(first.0);
    sleep((TTL + POLL * 2) * 3).await;
    assert_eq!(held(&second.0), 2, "{fault:?}");
    for task in second.1 {
        task.abort();
    }
    for log in &logs {
        let ended = ended_with(&objects, &log.name, &log.ingress.lock().unwrap());
        assert_one_sender_a_term(world, &ended);
        ended.assert_in_order(&format!("{fault:?}"));
    }
    *calls.lock().unwrap()
}

#[tokio::test(start_paused = true)]
async fn each_fault_at_each_call_of_a_hand_over_is_survived() {
    let calls = scenario(None).await;
    println!("{calls:?} calls");
    let faults = [
        Fault::Of(ObjectFault::NotDone),
        Fault::Of(ObjectFault::DoneWithError),
        Fault::Of(ObjectFault::DoneLate(Duration::from_secs(7))),
        Fault::Pause,
    ];
    for (process, calls) in calls.into_iter().enumerate() {
        for call in 0..calls {
            for fault in faults {
                scenario(Some((process, call, fault))).await;
            }
        }
    }
}
