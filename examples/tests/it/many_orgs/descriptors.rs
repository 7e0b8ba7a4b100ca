//! Many orgs under a limit of open files and connections. Linux.

use std::collections::HashSet;

use tokio::process::Child;

use super::{config_file, write};
use crate::harness::{Exit, Harness, terminate};
use crate::limits::{Limit, first_number, start_limited};

const EVENTS: usize = 20;

fn start(harness: &Harness, orgs: usize, limit: Limit) -> Child {
    let variables = write(harness, &config_file(harness, orgs, 0));
    let flags = ["--config", "orgs.toml"];
    start_limited("pull", harness.folder.path(), &variables, &flags, limit)
}

/// Waits until every event of every org is in the ingress.
async fn all_arrived(harness: &mut Harness, orgs: usize) {
    let all = orgs * EVENTS;
    loop {
        let seen = *harness.seen.borrow();
        let ledger = harness.ingress.ledger();
        let arrived = ledger.entries().iter();
        let arrived: HashSet<_> = arrived.map(|entry| (&entry.subsystem, &entry.id)).collect();
        if arrived.len() == all {
            return;
        }
        harness.seen.wait_for(|now| *now > seen).await.unwrap();
    }
}

async fn assert_all_work(orgs: usize, descriptors: usize) {
    let mut harness = Harness::new().await;
    harness.backlog(EVENTS);
    let limit = Limit::Descriptors(descriptors, descriptors);
    let child = start(&harness, orgs, limit);
    all_arrived(&mut harness, orgs).await;
    let threads = first_number(&child, "status", "Threads:");
    println!("{threads} threads");
    assert!(threads < 100, "{threads} threads");
    terminate(&child).await;
    let ended = Exit::of(child).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("`ulimit -n`"), "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orgs_beyond_the_limit_of_descriptors_all_work() {
    // As many for each as 1,024 are for 480.
    assert_all_work(60, 128).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes more descriptors and time than a run for every change has"]
async fn orgs_480_work_under_1024_descriptors() {
    assert_all_work(480, 1024).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limit_of_descriptors_is_raised_as_far_as_allowed() {
    let mut harness = Harness::new().await;
    harness.backlog(EVENTS);
    let child = start(&harness, 10, Limit::Descriptors(24, 400));
    all_arrived(&mut harness, 10).await;
    assert_eq!(first_number(&child, "limits", "Max open files"), 400);
    terminate(&child).await;
    let ended = Exit::of(child).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(!ended.stderr.contains("ulimit"), "{}", ended.stderr);
}
