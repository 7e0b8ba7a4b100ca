//! Checkpoint files that are torn, altered or something else.

use okta_coralogix_core::ErrorKind;
use okta_coralogix_core::checkpoint::{CheckpointStore, Version};

use crate::file_checkpoint::{checkpoint, error_naming, folder, open, save, stored};

#[tokio::test]
async fn checkpoint_file_truncated_anywhere_is_corrupt() {
    let (_folder, path) = folder();
    let store = open(&path).await;
    store.create(&checkpoint("a")).await.saved().unwrap();
    let whole = std::fs::read(&path).unwrap();
    for length in 0..whole.len() {
        std::fs::write(&path, &whole[..length]).unwrap();
        let error = error_naming(store.load().await, &path);
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{length} bytes");
    }
    std::fs::write(&path, &whole).unwrap();
    assert_eq!(stored(&store).await.value, checkpoint("a"));
}

#[tokio::test]
async fn torn_checkpoint_is_overwritten_only_with_its_known_version() {
    let (_folder, path) = folder();
    let store = open(&path).await;
    let version = store.create(&checkpoint("a")).await.saved().unwrap();
    let whole = std::fs::read(&path).unwrap();
    let head = whole.iter().position(|&byte| byte == b'\n').unwrap();
    for length in [0, 1, head] {
        std::fs::write(&path, &whole[..length]).unwrap();
        for expected in [None, Some(&version)] {
            let error = error_naming(
                save(&store, &checkpoint("b"), expected).await.saved(),
                &path,
            );
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{length} bytes");
        }
        assert_eq!(std::fs::read(&path).unwrap(), whole[..length]);
    }
    std::fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    let error = error_naming(store.create(&checkpoint("b")).await.saved(), &path);
    assert_eq!(error.kind(), ErrorKind::Corrupt, "it is no fresh start");
    let saved = store.replace(&checkpoint("b"), &version).await.saved();
    saved.unwrap();
    assert_eq!(stored(&store).await.value, checkpoint("b"));
}

#[tokio::test]
async fn checkpoint_file_with_any_bit_flipped_is_corrupt() {
    let (_folder, path) = folder();
    let store = open(&path).await;
    store.create(&checkpoint("a")).await.saved().unwrap();
    let whole = std::fs::read(&path).unwrap();
    for bit in 0..whole.len() * 8 {
        let mut altered = whole.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        std::fs::write(&path, &altered).unwrap();
        let error = error_naming(store.load().await, &path);
        assert_eq!(error.kind(), ErrorKind::Corrupt, "bit {bit}");
    }
}

#[tokio::test]
async fn checkpoint_file_of_another_format_is_corrupt_with_advice() {
    let (_folder, path) = folder();
    let store = open(&path).await;
    for foreign in [
        "",
        "{}",
        "null",
        "<html></html>",
        r#"{"cursor":"a"}"#,
        "\u{0}\u{0}\u{0}",
        "{\"format\":\"okta-coralogix checkpoint\",\"version\":2,\"generation\":1,\"crc32\":\"\"}\n{}",
    ] {
        std::fs::write(&path, foreign).unwrap();
        let error = error_naming(store.load().await, &path);
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        let detail = error.detail();
        assert!(
            detail.contains("move it away") && detail.contains("before the new start"),
            "{detail}"
        );
        assert!(!error.is_temporary());
    }
}

#[tokio::test]
async fn checkpoint_error_names_an_unsupported_format_version() {
    let (_folder, path) = folder();
    let store = open(&path).await;
    let ours = env!("CARGO_PKG_VERSION");
    for (version, needs, said) in [
        (
            3,
            r#""needs":"0.9.1","#,
            "needs version 0.9.1 of this program or a later one",
        ),
        (
            7,
            "",
            "needs a later version of this program, the one that wrote it",
        ),
        (0, "", "of which no program is known"),
    ] {
        let other = format!(
            r#"{{"format":"okta-coralogix checkpoint","version":{version},{needs}"other":[],"checkpoint":{{}}}}"#
        );
        std::fs::write(&path, &other).unwrap();
        let version = Version::new("1");
        for error in [
            store.load().await.map(drop),
            store
                .replace(&checkpoint("a"), &version)
                .await
                .saved()
                .map(drop),
        ] {
            let error = error_naming(error, &path);
            assert_eq!(error.kind(), ErrorKind::Corrupt);
            assert!(error.detail().contains(said), "{}", error.detail());
            assert!(error.detail().contains(ours), "{}", error.detail());
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), other);
    }
}
