//! Shared checkpoints in a folder.

use std::time::Duration;

use okta_coralogix_core::ErrorKind;
use okta_coralogix_core::checkpoint::shared::{FolderObjects, Objects, SharedStore};
use okta_coralogix_core::testing::MemoryObjects;
use tokio::time::{Instant, sleep};

use super::contract::keeps_the_contract;
use super::group::{Process, names, spread};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn folder_keeps_the_contract_of_objects() {
    let folder = tempfile::tempdir().unwrap();
    let objects = FolderObjects::open(folder.path()).await.unwrap();
    keeps_the_contract(objects.clone()).await;
    let error = FolderObjects::open(folder.path().join("no"))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(
        error.detail().contains("does not exist: create it"),
        "{error}"
    );
    // What a crash has left is no object.
    std::fs::write(folder.path().join("acme.window-1.tmp"), "half").unwrap();
    assert!(
        !objects
            .names("")
            .await
            .unwrap()
            .iter()
            .any(|name| name.contains("tmp"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn replicas_share_the_logs_of_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let (mut processes, logs) = (Vec::new(), names(6));
    for _ in 0..2 {
        let objects = FolderObjects::open(folder.path()).await.unwrap();
        let store = SharedStore::new(objects).poll(Duration::from_millis(200));
        processes.push(Process::start(&store, &logs));
    }
    until(|| spread(&processes).iter().sum::<usize>() == 6).await;
    let first = processes.remove(0);
    assert!(first.held() > 0 && first.held() < 6, "{}", first.held());
    first.stop().await;
    until(|| processes[0].held() == 6).await;
    processes.remove(0).stop().await;
    let mut left: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    left.retain(|name| name != ".lock");
    left.sort();
    assert_eq!(left, logs);
}

/// A minute is for machines that are busy: it takes some looks.
async fn until(holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(60));
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn memory_keeps_the_contract_of_objects() {
    keeps_the_contract(MemoryObjects::new()).await;
    SharedStore::new(MemoryObjects::new())
        .check()
        .await
        .unwrap();
}
