//! `FileCheckpoint`: never two at once.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use okta_coralogix_core::ErrorKind;
use okta_coralogix_core::checkpoint::{CheckpointStore, FileCheckpoint};

use crate::file_checkpoint::{checkpoint, error_naming, folder, open, stored};

#[tokio::test]
async fn checkpoint_file_opened_twice_is_locked() {
    let (_folder, path) = folder();
    let first = open(&path).await;
    let error = error_naming(FileCheckpoint::open(&path).await, &path);
    assert_eq!(error.kind(), ErrorKind::Locked);
    assert!(error.detail().contains("in use"), "{}", error.detail());
    drop(first);
    open(&path).await;
}

/// Holds the checkpoint named in the environment until its standard input ends.
#[tokio::test]
#[ignore = "the other process of checkpoint_lock_of_a_killed_process_is_released"]
async fn other_process() {
    let path = std::env::var_os("OTHER_PROCESS_CHECKPOINT").expect("a checkpoint to hold");
    let _store = open(Path::new(&path)).await;
    writeln!(std::io::stderr(), "held").unwrap();
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).unwrap();
}

#[tokio::test]
async fn checkpoint_lock_of_a_killed_process_is_released() {
    let (_folder, path) = folder();
    let mut other = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "checkpoint_lock::other_process", "--ignored"])
        .env("OTHER_PROCESS_CHECKPOINT", &path)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(other.stderr.take().unwrap()).lines().next();
    assert_eq!(said.unwrap().unwrap(), "held");
    let error = error_naming(FileCheckpoint::open(&path).await, &path);
    assert_eq!(error.kind(), ErrorKind::Locked);
    other.kill().unwrap();
    other.wait().unwrap();
    open(&path).await;
}

#[cfg(unix)]
#[tokio::test]
async fn checkpoint_lock_covers_a_symlink_to_the_file() {
    let (folder, path) = folder();
    let first = open(&path).await;
    first.create(&checkpoint("a")).await.saved().unwrap();
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    let error = FileCheckpoint::open(&link).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Locked);
    drop(first);
    let second = open(&link).await;
    let version = stored(&second).await.version;
    let saved = second.replace(&checkpoint("b"), &version).await.saved();
    saved.unwrap();
    assert!(link.is_symlink(), "the link was not replaced by a file");
}

#[cfg(unix)]
#[tokio::test]
async fn lock_that_is_a_link_is_refused_and_what_it_leads_to_stays() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let (path, foreign) = (folder.path().join("cp"), folder.path().join("foreign"));
    std::fs::write(&foreign, "of another program").unwrap();
    std::fs::set_permissions(&foreign, PermissionsExt::from_mode(0o644)).unwrap();
    std::os::unix::fs::symlink(&foreign, folder.path().join("cp.lock")).unwrap();
    let error = FileCheckpoint::open(&path).await.unwrap_err();
    assert!(
        error.to_string().contains("it is a link; remove it"),
        "{error}"
    );
    let mode = std::fs::metadata(&foreign).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o644);
}
