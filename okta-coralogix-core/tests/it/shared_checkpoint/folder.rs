//! Shared checkpoints in a folder.

use okta_coralogix_core::ErrorKind;
use okta_coralogix_core::checkpoint::shared::{FolderObjects, Objects, SharedStore};
use okta_coralogix_core::testing::MemoryObjects;

use super::contract::keeps_the_contract;

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

#[tokio::test(start_paused = true)]
async fn memory_keeps_the_contract_of_objects() {
    keeps_the_contract(MemoryObjects::new()).await;
    SharedStore::new(MemoryObjects::new())
        .check()
        .await
        .unwrap();
}
