//! Replicas that share several logs: who takes which, and how many.

use std::time::Duration;

use okta_coralogix_core::Lease;
use okta_coralogix_core::checkpoint::shared::{Replica, SharedStore};
use okta_coralogix_core::testing::MemoryObjects;
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::{POLL, TTL, replica};

pub(super) const IDLE_TTL: Duration = SharedStore::DEFAULT_IDLE_TTL;

/// Until all replicas know of one that has joined, or of one that has died: two writes of its presence, and a part of one.
pub(super) const KNOWN: Duration = Duration::from_secs(150);

/// Between two hand-overs: one and a quarter TTLs; the log is finished in 2 s, and found by the others at their looks at an idle log.
pub(super) const HAND_OVER: Duration = Duration::from_secs(90);

pub(super) fn names(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("log-{n}")).collect()
}

/// A process: a replica, and a task for each log as a program has it.
pub(super) struct Process {
    pub(super) replica: Replica,
    tasks: Vec<JoinHandle<()>>,
    is_ending: tokio::sync::watch::Sender<bool>,
}

impl Process {
    pub(super) fn start(store: &SharedStore, logs: &[String]) -> Self {
        let replica = store.join(logs.to_vec());
        let is_ending = tokio::sync::watch::Sender::new(false);
        let tasks = logs
            .iter()
            .map(|log| tokio::spawn(share(replica.clone(), log.clone(), is_ending.subscribe())));
        Self {
            tasks: tasks.collect(),
            replica,
            is_ending,
        }
    }

    pub(super) fn held(&self) -> usize {
        let status = self.replica.status();
        status.logs.iter().filter(|log| log.is_own).count()
    }

    /// All that it does ends at once.
    pub(super) fn kill(self) {
        for task in self.tasks {
            task.abort();
        }
    }

    /// As after a SIGTERM.
    pub(super) async fn stop(self) {
        self.is_ending.send_replace(true);
        self.replica.leave().await;
        for task in self.tasks {
            task.await.unwrap();
        }
    }
}

async fn share(replica: Replica, log: String, mut is_ending: tokio::sync::watch::Receiver<bool>) {
    loop {
        let held = tokio::select! {
            held = replica.acquire(&log) => held,
            _ = is_ending.wait_for(|ends| *ends) => return,
        };
        let Ok(held) = held else {
            // As a program does with an org that is down.
            sleep(TTL).await;
            continue;
        };
        tokio::select! {
            () = held.lost() => continue,
            () = replica.hand_over(&log) => {}
            _ = is_ending.wait_for(|ends| *ends) => {}
        }
        // What is in flight.
        sleep(Duration::from_secs(2)).await;
        held.release().await.ok();
    }
}

pub(super) fn spread(processes: &[Process]) -> Vec<usize> {
    processes.iter().map(Process::held).collect()
}

fn is_even(spread: &[usize], logs: usize) -> bool {
    let (least, most) = (spread.iter().min(), spread.iter().max());
    spread.iter().sum::<usize>() == logs && most.unwrap() - least.unwrap() <= 1
}

/// How often logs were handed over by all of them.
pub(super) fn handed_over(processes: &[Process]) -> u64 {
    let statuses = processes.iter().map(|process| process.replica.status());
    statuses
        .flat_map(|status| status.logs)
        .map(|log| log.handed_over)
        .sum()
}

/// Waits until the logs are spread evenly: how long that took.
pub(super) async fn evened(processes: &[Process], logs: usize, most: Duration) -> Duration {
    let began = Instant::now();
    while !is_even(&spread(processes), logs) {
        assert!(
            began.elapsed() <= most,
            "{:?} after {most:?}",
            spread(processes)
        );
        sleep(Duration::from_secs(1)).await;
    }
    began.elapsed()
}

#[tokio::test(start_paused = true)]
async fn replicas_that_begin_together_share_the_logs_without_a_hand_over() {
    let (objects, logs) = (MemoryObjects::new(), names(20));
    let mut processes = Vec::new();
    for seed in 1..=3 {
        processes.push(Process::start(&replica(&objects, seed), &logs));
        sleep(Duration::from_secs(1)).await;
    }
    sleep(POLL * 6).await;
    let taken = spread(&processes);
    assert!(is_even(&taken, 20), "{taken:?}");
    let status = processes[0].replica.status();
    assert_eq!((status.living, status.quota), (3, 7));
    assert_eq!(status.holder, processes[0].replica.holder());
    sleep(Duration::from_secs(3_600)).await;
    assert_eq!(spread(&processes), taken, "it stays so");
    assert_eq!(handed_over(&processes), 0);
}

#[tokio::test(start_paused = true)]
async fn replica_that_joins_late_gets_its_share_one_log_at_a_time() {
    for (replicas, logs, share) in [(2, 9, 3), (2, 4, 1), (1, 6, 3)] {
        let (objects, logs) = (MemoryObjects::new(), names(logs));
        let begin = |seed| Process::start(&replica(&objects, seed), &logs);
        let mut processes: Vec<_> = (1..=replicas).map(begin).collect();
        sleep(Duration::from_secs(600)).await;
        assert!(is_even(&spread(&processes), logs.len()));
        let before = handed_over(&processes);
        processes.push(begin(3));
        let most = KNOWN + TTL * 2 + HAND_OVER * share;
        let took = evened(&processes, logs.len(), most).await;
        println!("{} logs: {took:?} of {most:?}", logs.len());
        assert_eq!(handed_over(&processes) - before, u64::from(share));
        sleep(Duration::from_secs(4 * 3_600)).await;
        assert_eq!(
            handed_over(&processes) - before,
            u64::from(share),
            "and no more"
        );
        assert_one_at_a_time(&objects);
    }
}

/// Of logs that are released one after another, each is taken before the next one is released.
fn assert_one_at_a_time(objects: &MemoryObjects) {
    let mut free: Option<String> = None;
    for put in objects.puts() {
        let Ok(record) = serde_json::from_slice::<Value>(&put.bytes) else {
            continue;
        };
        let Some(holder) = record.get("term").map(|_| &record["holder"]) else {
            continue;
        };
        if holder.is_null() {
            assert_eq!(free, None, "{} is released too", put.name);
            free = Some(put.name);
        } else if free.as_ref() == Some(&put.name) {
            free = None;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn logs_of_a_replica_that_died_spread_over_the_others() {
    let (objects, logs) = (MemoryObjects::new(), names(12));
    let mut processes: Vec<_> = (1..=3)
        .map(|seed| Process::start(&replica(&objects, seed), &logs))
        .collect();
    // Not idle yet.
    sleep(Duration::from_secs(120)).await;
    assert_eq!(spread(&processes), [4, 4, 4]);
    let dead = processes.remove(1);
    let holder = dead.replica.holder().to_owned();
    let died = Instant::now();
    dead.kill();
    sleep((TTL + POLL).mul_f64(1.25) + POLL * 2 + Duration::from_secs(1)).await;
    let spread_then = spread(&processes);
    assert!(is_even(&spread_then, 12), "{spread_then:?}");
    for put in objects.puts() {
        let is_late = put.at > died.into_std();
        assert!(
            !is_late || !String::from_utf8_lossy(&put.bytes).contains(&holder),
            "{put:?}"
        );
    }
    let status = processes[0].replica.status();
    assert_eq!((status.living, status.quota), (2, 6));
    // What it has left is removed.
    let presence = format!(".replica-{holder}");
    assert!(objects.content(&presence).is_some());
    sleep(IDLE_TTL * 6).await;
    assert_eq!(objects.content(&presence), None);
    assert_eq!(handed_over(&processes), 0);
}

#[tokio::test(start_paused = true)]
async fn replicas_that_stop_in_order_are_replaced_without_a_gap() {
    let (objects, logs) = (MemoryObjects::new(), names(9));
    let mut processes: Vec<_> = (1..=3)
        .map(|seed| Process::start(&replica(&objects, seed), &logs))
        .collect();
    sleep(Duration::from_secs(120)).await;
    for seed in 4..=6 {
        let old = processes.remove(0);
        let presence = format!(".replica-{}", old.replica.holder());
        old.stop().await;
        assert_eq!(objects.content(&presence), None);
        processes.push(Process::start(&replica(&objects, seed), &logs));
        sleep(POLL * 6).await;
        let held = spread(&processes);
        assert_eq!(held.iter().sum::<usize>(), 9, "{held:?}");
        sleep(KNOWN).await;
    }
    evened(&processes, 9, Duration::from_secs(1_800)).await;
}

#[tokio::test(start_paused = true)]
async fn log_that_nobody_takes_is_taken_back_and_kept() {
    let (objects, logs) = (MemoryObjects::new(), names(4));
    let busy = Process::start(&replica(&objects, 1), &logs);
    sleep(Duration::from_secs(60)).await;
    // It says that it shares the logs, and asks for none.
    let idle = replica(&objects, 2).join(logs.clone());
    let mut gaps = 0;
    for _ in 0..4 * 3_600 {
        sleep(Duration::from_secs(1)).await;
        gaps += 4 - busy.held();
    }
    let handed_over = handed_over(std::slice::from_ref(&busy));
    assert!(
        (1..=24).contains(&handed_over),
        "each ten minutes at most: {handed_over}"
    );
    let most = usize::try_from(handed_over).unwrap() * 75;
    assert!(gaps <= most, "two TTLs and some looks each: {gaps} s");
    assert_eq!(
        idle.status().logs.iter().filter(|log| log.is_own).count(),
        0
    );
}

#[tokio::test(start_paused = true)]
async fn log_that_is_not_shared_any_more_is_not_shown() {
    let objects = MemoryObjects::new();
    let (first, second) = (replica(&objects, 1), replica(&objects, 2));
    let (first, second) = (first.join(names(1)), second.join(names(1)));
    let held = first.acquire("log-0").await.unwrap();
    let waiting = tokio::spawn({
        let second = second.clone();
        async move { second.acquire("log-0").await }
    });
    sleep(POLL * 2).await;
    for replica in [&first, &second] {
        replica.set_logs([]);
    }
    assert_eq!(
        first.status().logs.len(),
        1,
        "it is held until it is released"
    );
    assert_eq!(second.status().logs.len(), 0);
    held.release().await.unwrap();
    waiting.abort();
    assert_eq!(first.status().logs.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn release_of_a_log_that_was_lost_counts_as_lost() {
    let objects = MemoryObjects::new();
    let replica_of_it = replica(&objects, 1).join(names(1));
    let held = replica_of_it.acquire("log-0").await.unwrap();
    objects.overwrite("log-0", "another one's");
    held.release().await.unwrap();
    let status = replica_of_it.status();
    assert_eq!((status.logs[0].lost, status.logs[0].released), (1, 0));
}
