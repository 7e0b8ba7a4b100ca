//! The conformance suite of checkpoint stores.

use crate::ErrorKind;
use crate::checkpoint::{Checkpoint, CheckpointStore};
use crate::filter::{Claim, DedupWindow};

/// Checks an empty store.
///
/// # Panics
/// If a must of [`CheckpointStore`] is violated.
pub async fn checkpoint_store(store: &dyn CheckpointStore) {
    let first = record("first");
    assert_eq!(
        store.load().await.expect("an empty store loads"),
        None,
        "an empty store has no record"
    );
    let stale = store
        .save(&first, None)
        .await
        .expect("the first record is saved");
    let loaded = store
        .load()
        .await
        .expect("a saved record loads")
        .expect("a saved record is there");
    assert_eq!(
        (&loaded.value, &loaded.version),
        (&first, &stale),
        "the record comes back as it was saved"
    );

    let second = record("second");
    let current = store
        .save(&second, Some(&stale))
        .await
        .expect("the current version may be replaced");
    assert_ne!(current, stale, "every save makes another version");
    for expected in [Some(&stale), None] {
        let refused = store
            .save(&record("third"), expected)
            .await
            .expect_err("a stale version may not be replaced");
        assert_eq!(
            refused.kind(),
            ErrorKind::Conflict,
            "a stale save is a conflict"
        );
    }
    let kept = store
        .load()
        .await
        .expect("the record loads")
        .expect("the record is there");
    assert_eq!(kept.value, second, "a refused save changes nothing");
    assert_eq!(kept.version, current);
}

fn record(cursor: &str) -> Checkpoint {
    let dedup = DedupWindow::new(10);
    for id in [cursor, "c6ed294a-fef4-11ed-a5b1-bbb7c1de1a4b"] {
        if let Claim::New(held) = dedup.claim(id) {
            held.remember();
        }
    }
    let mut record = Checkpoint::new("conformance", cursor, dedup.snapshot());
    record.published_ms = Some(1_700_000_000_000);
    record
}
