//! What every checkpoint store must do.

use futures::future::join_all;

use super::rule::Rule;
use crate::ErrorKind;
use crate::checkpoint::{Checkpoint, CheckpointStore, Version};
use crate::filter::{Claim, DedupWindow};

/// How many saves of the same version compete, and how often.
const SAVERS: usize = 8;
const ROUNDS: usize = 5;

/// Checks a store. `open` opens it: the first time empty, later as after a restart, over what was saved.
///
/// # Panics
/// If a rule of [`CheckpointStore`] is violated.
pub async fn checkpoint_store<S, F>(open: impl Fn() -> F)
where
    S: CheckpointStore,
    F: Future<Output = S>,
{
    let store = open().await;
    let loaded = Rule::SAVED.ok(store.load().await, "an empty store does not load");
    Rule::SAVED.check(loaded.is_none(), "an empty store has a record");
    let version = one_of_many_saves_wins(&store, None).await;
    let version = saved_record_is_loaded(&store, version).await;
    drop(store);

    let store = open().await;
    let (record, found) = load(&store).await;
    Rule::SAVED.check(
        (&record, &found) == (&checkpoint("saved"), &version),
        "the record that was saved is not there after a restart",
    );
    let mut version = stale_version_is_refused(&store, version).await;
    for _ in 0..ROUNDS {
        version = one_of_many_saves_wins(&store, Some(version)).await;
    }
}

async fn saved_record_is_loaded(store: &dyn CheckpointStore, version: Version) -> Version {
    let saved = store.save(&checkpoint("saved"), Some(&version)).await;
    let saved = Rule::SAVED.ok(saved, "the current version cannot be replaced");
    let found = load(store).await;
    Rule::SAVED.check(
        found == (checkpoint("saved"), saved.clone()),
        "the record that is loaded is not the one that was saved, with its version",
    );
    Rule::STALE.check(saved != version, "two records have the same version");
    saved
}

async fn stale_version_is_refused(store: &dyn CheckpointStore, stale: Version) -> Version {
    let current = store.save(&checkpoint("current"), Some(&stale)).await;
    let current = Rule::SAVED.ok(current, "the current version cannot be replaced");
    for expected in [Some(&stale), None] {
        let Err(refused) = store.save(&checkpoint("stale"), expected).await else {
            panic!("{}: a save that expects {expected:?} succeeds", Rule::STALE);
        };
        Rule::STALE.check(
            refused.kind() == ErrorKind::Conflict,
            format!("a stale save is no conflict: {refused}"),
        );
    }
    Rule::STALE.check(
        load(store).await == (checkpoint("current"), current.clone()),
        "a save that was refused has changed the record",
    );
    current
}

async fn one_of_many_saves_wins(store: &dyn CheckpointStore, expected: Option<Version>) -> Version {
    let records: Vec<_> = (0..SAVERS).map(|n| checkpoint(&n.to_string())).collect();
    let saves = records
        .iter()
        .map(|record| store.save(record, expected.as_ref()));
    let saved = join_all(saves).await;
    let mut winner = None;
    let mut winners = 0;
    for (record, saved) in records.into_iter().zip(saved) {
        match saved {
            Ok(version) => {
                winners += 1;
                winner = Some((record, version));
            }
            Err(error) => Rule::ONE_WINNER.check(
                error.kind() == ErrorKind::Conflict,
                format!("a save that another one has overtaken is no conflict: {error}"),
            ),
        }
    }
    Rule::ONE_WINNER.check(
        winners == 1,
        format!("{winners} of {SAVERS} concurrent saves succeed that expect the same version"),
    );
    let winner = Rule::ONE_WINNER.some(winner, "no save succeeds");
    Rule::ONE_WINNER.check(
        load(store).await == winner,
        "the record is not the one of the save that succeeded",
    );
    winner.1
}

async fn load(store: &dyn CheckpointStore) -> (Checkpoint, Version) {
    let found = Rule::SAVED.ok(store.load().await, "a saved record does not load");
    let found = Rule::SAVED.some(found, "a saved record is not there");
    (found.value, found.version)
}

fn checkpoint(cursor: &str) -> Checkpoint {
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
