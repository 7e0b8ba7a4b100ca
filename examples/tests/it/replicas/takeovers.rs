//! Who reads an org after a death, a pause and an orderly end: every event arrives, and few twice.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::cluster::{Cluster, Process};
use super::store::Store;
use crate::harness::{signal, terminate};
use crate::seeds::seeds;

/// Events in flight of one org: 4 deliveries of 1,000.
const MAX_IN_FLIGHT: usize = 4000;

/// How a replica is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Loss {
    /// SIGKILL.
    Killed,
    /// SIGSTOP, and SIGCONT after the log was taken.
    Paused,
    /// SIGTERM.
    Ended,
}

/// What came of it.
#[derive(Default)]
struct Figures {
    takeovers: Vec<(Loss, Duration)>,
}

impl Figures {
    fn line(&self, loss: Loss) -> String {
        let mut times: Vec<_> = self
            .takeovers
            .iter()
            .filter(|(how, _)| *how == loss)
            .map(|(_, time)| time.as_secs_f64())
            .collect();
        times.sort_by(f64::total_cmp);
        let at = |share: f64| {
            let last = times.len().saturating_sub(1);
            times.get((last as f64 * share) as usize).copied()
        };
        let count = times.len();
        match (at(0.0), at(0.5), at(0.95), at(1.0)) {
            (Some(least), Some(half), Some(most), Some(last)) => format!(
                "{loss:?}: {count} take-overs, from {least:.1} s, half within {half:.1} s, 95 % within {most:.1} s, at most {last:.1} s"
            ),
            _ => format!("{loss:?}: none"),
        }
    }
}

/// A run with as many take-overs as `goal`, over `orgs` orgs.
async fn run(seed: u64, orgs: usize, goal: usize, losses: &[Loss], backlog: usize) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut cluster = Cluster::new(Store::start().await, orgs).await;
    cluster.append(backlog);
    let mut processes = Vec::new();
    for _ in 0..3 {
        processes.push(cluster.start().await);
    }
    let limit = cluster.takeover();
    cluster
        .until("every org is read", limit, |cluster| {
            cluster.holders().iter().all(Option::is_some)
        })
        .await;
    let mut figures = Figures::default();
    let mut round = 0;
    while round < losses.len() || figures.takeovers.len() < goal {
        let loss = losses[round % losses.len()];
        round += 1;
        // At some point of the work, not of a clock.
        for _ in 0..rng.usize(1..8) {
            cluster.append(rng.usize(1..20));
            cluster.look().await;
            sleep(Duration::from_millis(rng.u64(1..60))).await;
        }
        lose(&mut cluster, &mut processes, &mut rng, loss, &mut figures).await;
    }
    cluster.all_arrive(limit).await;
    for process in &processes {
        terminate(&process.child).await;
    }
    for process in &mut processes {
        let status = process.child.wait().await.unwrap();
        assert!(status.success(), "{status:?}: {}", process.log());
    }
    let repeats = cluster.ingress.ledger().repeats();
    let changes = &cluster.changes;
    let explained: usize = changes.iter().map(|change| change.repeatable).sum();
    let most = changes.iter().map(|change| change.in_flight).max();
    println!(
        "seed {seed}, {} events of {orgs} orgs at {}: 0 lost, {repeats} repeated, {explained} explained by what was in flight ({most:?} at most) or not in the window, {} changes of hands",
        cluster.events(),
        cluster.store.address,
        changes.len()
    );
    for loss in [Loss::Killed, Loss::Paused, Loss::Ended] {
        println!("  {}", figures.line(loss));
    }
    assert!(
        repeats <= explained,
        "{repeats} repeated, {explained} explained"
    );
    assert!(most.unwrap_or(0) <= MAX_IN_FLIGHT, "{most:?}");
}

/// Takes one replica that reads an org away, and waits until others read its orgs. A new one takes its place.
async fn lose(
    cluster: &mut Cluster,
    processes: &mut Vec<Process>,
    rng: &mut fastrand::Rng,
    loss: Loss,
    figures: &mut Figures,
) {
    let holders: Vec<_> = cluster
        .holders()
        .into_iter()
        .map(|name| name.map(str::to_owned))
        .collect();
    let reads = |name: &str| holders.iter().any(|holder| holder.as_deref() == Some(name));
    let candidates: Vec<_> = (0..processes.len())
        .filter(|n| reads(&processes[*n].name))
        .collect();
    let victim = candidates[rng.usize(..candidates.len())];
    let name = processes[victim].name.clone();
    let orgs: HashSet<_> = (0..holders.len())
        .filter(|n| holders[*n].as_deref() == Some(&name))
        .collect();
    let child = &mut processes[victim].child;
    let began = Instant::now();
    let before = cluster.changes.len();
    match loss {
        Loss::Killed => child.kill().await.unwrap(),
        Loss::Paused => {
            let _quiet = cluster.store.quiet().await;
            signal(child, "-STOP").await;
        }
        Loss::Ended => terminate(child).await,
    }
    let moved = |cluster: &Cluster| -> HashSet<usize> {
        let changes = cluster.changes[before..].iter();
        let to_others = changes.filter(|change| change.to != name && !change.to.is_empty());
        to_others.map(|change| change.org).collect()
    };
    let limit = cluster.takeover();
    cluster
        .until("another replica reads the orgs", limit, |cluster| {
            orgs.is_subset(&moved(cluster))
        })
        .await;
    let mut counted = HashSet::new();
    for change in &cluster.changes[before..] {
        if change.to != name && orgs.contains(&change.org) && counted.insert(change.org) {
            figures.takeovers.push((loss, change.at - began));
        }
    }
    if loss == Loss::Paused {
        signal(&processes[victim].child, "-CONT").await;
        return;
    }
    let mut ended = processes.remove(victim);
    let status = ended.child.wait().await.unwrap();
    assert_eq!(status.success(), loss == Loss::Ended, "{}", ended.log());
    processes.push(cluster.start().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_lose_no_event_over_kills_pauses_and_ends() {
    use Loss::{Ended, Killed, Paused};
    for seed in seeds(5) {
        run(seed, 2, 4, &[Killed, Paused, Ended], 200).await;
    }
}

/// `.ci/full replicas`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes many minutes"]
async fn replicas_lose_no_event_over_200_take_overs() {
    use Loss::{Ended, Killed, Paused};
    let set = |name: &str, usual| std::env::var(name).map_or(usual, |value| value.parse().unwrap());
    let (orgs, goal) = (set("REPLICA_ORGS", 20), set("REPLICA_TAKEOVERS", 200));
    run(6, orgs, goal, &[Killed, Ended, Paused, Killed], 4000).await;
}
