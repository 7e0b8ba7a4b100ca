//! What every checkpoint store must do.

use std::sync::{Arc, Barrier};

use futures::future::join_all;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::rule::Rule;
use crate::checkpoint::{Checkpoint, CheckpointStore, SaveOutcome, Version, Versioned};
use crate::filter::{Claim, DedupWindow};
use crate::{ErrorKind, Result};

/// How many saves of the same version compete: so many threads, with so many each. And how often.
const THREADS: usize = 4;
const SAVES: usize = 4;
const ROUNDS: usize = 5;

/// Checks a store. `open` opens it: the first time empty, later over what was saved, while it is open and as after a restart. A store
/// that has one handle at a time refuses a second one with [`Locked`](ErrorKind::Locked); its handle is then checked alone.
///
/// Saves compete from several threads and, in each of them, in turns.
///
/// # Panics
/// If a rule of [`CheckpointStore`] is violated.
pub async fn checkpoint_store<S, F>(open: impl Fn() -> F)
where
    S: CheckpointStore,
    F: Future<Output = Result<S>>,
{
    let store = Arc::new(first(&open).await);
    let loaded = Rule::SAVED.ok(store.load().await, "an empty store does not load");
    Rule::SAVED.check(loaded.is_none(), "an empty store has a record");
    let second = another(&open).await.map_or(Arc::clone(&store), Arc::new);
    let handles = [store, second];
    let version = one_of_many_saves_wins(&handles, None).await;
    let saved = saved_record_is_loaded(&handles, &version).await;
    if let Some(new) = another(&open).await {
        Rule::SAVED.check(
            load(&new).await == saved,
            "a handle that is opened after `Saved` does not load the record",
        );
    }
    drop(handles);

    let store = Arc::new(first(&open).await);
    Rule::SAVED.check(
        load(&*store).await == saved,
        "the record that was saved is not there after a restart",
    );
    let second = another(&open).await.map_or(Arc::clone(&store), Arc::new);
    let handles = [store, second];
    let version = stale_version_is_refused(&handles, saved.version).await;
    let mut version = each_save_has_its_own_version(&*handles[0], version).await;
    for _ in 0..ROUNDS {
        version = one_of_many_saves_wins(&handles, Some(version)).await;
    }
}

async fn first<S, F>(open: &impl Fn() -> F) -> S
where
    F: Future<Output = Result<S>>,
{
    Rule::SAVED.ok(open().await, "the store cannot be opened")
}

/// Another handle; `None`: the store has one at a time.
async fn another<S, F>(open: &impl Fn() -> F) -> Option<S>
where
    F: Future<Output = Result<S>>,
{
    match open().await {
        Err(error) if error.kind() == ErrorKind::Locked => None,
        opened => Some(Rule::SAVED.ok(opened, "a second handle cannot be opened")),
    }
}

async fn saved_record_is_loaded<S: CheckpointStore>(
    [store, second]: &[Arc<S>; 2],
    version: &Version,
) -> Versioned<Checkpoint> {
    let saved = saved(store.replace(&checkpoint("saved"), version).await);
    for handle in [store, second] {
        Rule::SAVED.check(
            load(&**handle).await == saved_as("saved", &saved),
            "the record that is loaded is not the one that was saved, with its version",
        );
    }
    Rule::VERSION.check(saved != *version, "two records have the same version");
    saved_as("saved", &saved)
}

async fn stale_version_is_refused<S: CheckpointStore>(
    [store, second]: &[Arc<S>; 2],
    stale: Version,
) -> Version {
    let current = saved(store.replace(&checkpoint("current"), &stale).await);
    let there = saved_as("current", &current);
    for handle in [store, second] {
        let record = checkpoint("stale");
        for (outcome, what) in [
            (handle.replace(&record, &stale).await, "of an old version"),
            (handle.create(&record).await, "of none"),
        ] {
            let SaveOutcome::Lost(found) = outcome else {
                panic!("{}: a save is not lost that is {what}", Rule::STALE);
            };
            Rule::STALE.check(
                found.as_ref() == Some(&there),
                "a save that is lost does not answer with what is stored",
            );
        }
        Rule::STALE.check(
            load(&**handle).await == there,
            "a save that was lost has changed the record",
        );
    }
    current
}

/// Also where the bytes come again.
async fn each_save_has_its_own_version(store: &dyn CheckpointStore, current: Version) -> Version {
    let mut versions = vec![current];
    for name in ["one", "one", "other", "one"] {
        let record = checkpoint(name);
        let expected = &versions[versions.len() - 1];
        let version = saved(store.replace(&record, expected).await);
        Rule::VERSION.check(
            !versions.contains(&version),
            "an equal record has the version of an earlier one",
        );
        versions.push(version);
    }
    versions.swap_remove(versions.len() - 1)
}

async fn one_of_many_saves_wins<S: CheckpointStore>(
    handles: &[Arc<S>; 2],
    expected: Option<Version>,
) -> Version {
    let mut winners = Vec::new();
    let mut found = Vec::new();
    for (record, outcome) in many_saves(handles, expected).await {
        match outcome {
            SaveOutcome::Saved(version) => winners.push(Versioned {
                value: record,
                version,
            }),
            SaveOutcome::Lost(there) => found.push(there),
            SaveOutcome::Unknown(error) => panic!(
                "{}: a save that another one has overtaken is not lost: {error}",
                Rule::ONE_WINNER
            ),
        }
    }
    let (count, total) = (winners.len(), THREADS * SAVES);
    Rule::ONE_WINNER.check(
        count == 1,
        format!("{count} of {total} concurrent saves succeed that expect the same version"),
    );
    let winner = winners.swap_remove(0);
    for handle in handles {
        Rule::ONE_WINNER.check(
            load(&**handle).await == winner,
            "the record is not the one of the save that succeeded",
        );
    }
    Rule::STALE.check(
        found.iter().all(|there| there.as_ref() == Some(&winner)),
        "a save that is lost does not answer with what is stored",
    );
    winner.version
}

/// Saves from threads, since a store may do its work without giving way, and several in each of them, since it may give way.
async fn many_saves<S: CheckpointStore>(
    handles: &[Arc<S>; 2],
    expected: Option<Version>,
) -> Vec<(Checkpoint, SaveOutcome)> {
    let start = Arc::new(Barrier::new(THREADS));
    let threads = (0..THREADS).map(|thread| {
        let store = Arc::clone(&handles[thread % handles.len()]);
        let (start, expected) = (Arc::clone(&start), expected.clone());
        let runtime = Handle::current();
        let (done, outcomes) = oneshot::channel();
        std::thread::spawn(move || {
            let saves = (0..SAVES).map(async |n| {
                let record = checkpoint(&format!("{thread} {n}"));
                let outcome = match &expected {
                    Some(expected) => store.replace(&record, expected).await,
                    None => store.create(&record).await,
                };
                (record, outcome)
            });
            start.wait();
            let outcomes = runtime.block_on(join_all(saves));
            // The handle first: the store may be opened again once the outcomes are there.
            drop(store);
            drop(done.send(outcomes));
        });
        outcomes
    });
    let outcomes = join_all(threads.collect::<Vec<_>>()).await;
    let outcomes = outcomes.into_iter().flatten().flatten();
    outcomes.collect()
}

fn saved(outcome: SaveOutcome) -> Version {
    Rule::SAVED.ok(outcome.saved(), "the current version cannot be replaced")
}

async fn load(store: &dyn CheckpointStore) -> Versioned<Checkpoint> {
    let found = Rule::SAVED.ok(store.load().await, "a saved record does not load");
    Rule::SAVED.some(found, "a saved record is not there")
}

fn saved_as(cursor: &str, version: &Version) -> Versioned<Checkpoint> {
    Versioned {
        value: checkpoint(cursor),
        version: version.clone(),
    }
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
