//! What a source does with its checkpoint.

use std::sync::Arc;

use super::SourceUnderTest;
use super::opened::{Given, Opened};
use crate::Error;
use crate::checkpoint::CheckpointStore;
use crate::testing::conformance::Rule;
use crate::testing::conformance::scripted_checkpoint::{SaveFault, ScriptedCheckpoint};

/// Otherwise none of the others shows anything.
pub(super) async fn checkpoint_is_used(test: &SourceUnderTest) {
    let store = Arc::new(ScriptedCheckpoint::default());
    settle_first(test, &store).await;
    Rule::RESTART.check(
        store.loads() > 0 && store.stored().is_some(),
        "the source does not use the checkpoint that it is opened with; if it keeps its position elsewhere, use `SourceUnderTest::new`",
    );
}

async fn settle_first(test: &SourceUnderTest, store: &Arc<ScriptedCheckpoint>) -> Opened {
    let mut opened = test.open(store).await;
    let first = opened.some(Rule::GIVEN, "the source gives nothing").await;
    opened.settle(first).await;
    opened
}

/// Settles the second delivery while the save fails, and then all that comes, also after a restart.
async fn fail_a_save(test: &SourceUnderTest, fault: SaveFault) {
    let store = Arc::new(ScriptedCheckpoint::default());
    let mut opened = test.open(&store).await;
    let mut given = Given::default();
    let first = opened.some(Rule::GIVEN, "the source gives nothing").await;
    given.add(&first);
    opened.settle(first).await;
    let second = opened.some(Rule::GIVEN, "there is one delivery only").await;
    let is_stored = fault != SaveFault::NotStored;
    if is_stored {
        given.add(&second);
    }
    store.fail_next(fault);
    match opened.try_settle(second).await {
        // It has looked, and found the record.
        Ok(()) => Rule::DURABLE.check(is_stored, "`settle` returns `Ok` although the save failed"),
        Err(error) => Rule::DURABLE.check(
            error.is_temporary(),
            format!("a save that failed for a while is a permanent error of `settle`: {error}"),
        ),
    }
    opened.settle_rest(&mut given).await;
    given.check_is_all_of(test, Rule::SETTLED_ANEW, "after a save that failed");
    drop(opened);
    let mut after = Given::default();
    test.open(&store).await.settle_rest(&mut after).await;
    Rule::DURABLE.check(
        after.uuids.is_empty(),
        "what was settled after a save that failed is given again after a restart",
    );
}

pub(super) async fn failed_save_is_an_error_of_settle(test: &SourceUnderTest) {
    fail_a_save(test, SaveFault::NotStored).await;
}

pub(super) async fn failed_save_may_have_been_stored(test: &SourceUnderTest) {
    fail_a_save(test, SaveFault::StoredAllTheSame).await;
}

pub(super) async fn failed_save_may_have_been_stored_unread(test: &SourceUnderTest) {
    fail_a_save(test, SaveFault::StoredUnread).await;
}

/// The error of opening the source, or of its first call.
async fn refusal(test: &SourceUnderTest, store: &Arc<ScriptedCheckpoint>) -> Option<Error> {
    let store = Arc::clone(store) as Arc<dyn CheckpointStore>;
    match (test.open)(store).await {
        Err(error) => Some(error),
        Ok(mut source) => source.next().await.err(),
    }
}

pub(super) async fn foreign_record_is_refused(test: &SourceUnderTest) {
    let store = Arc::new(ScriptedCheckpoint::default());
    drop(settle_first(test, &store).await);
    let Some(mut record) = store.stored() else {
        return;
    };
    record.identity = "another source of another remote".to_owned();
    store.overwrite(&record).await;
    let refusal = refusal(test, &store).await;
    Rule::IDENTITY.check(
        refusal.as_ref().is_some_and(|error| !error.is_temporary()),
        "the source goes on from the record of another identity, and does not end with a permanent error",
    );
    Rule::IDENTITY.check(
        store.stored().as_ref() == Some(&record),
        "the record of another identity is overwritten",
    );
}

pub(super) async fn record_of_another_process_stays(test: &SourceUnderTest) {
    let store = Arc::new(ScriptedCheckpoint::default());
    let mut opened = settle_first(test, &store).await;
    let Some(mut record) = store.stored() else {
        return;
    };
    let second = opened.some(Rule::GIVEN, "there is one delivery only").await;
    record.published_ms = Some(record.published_ms.unwrap_or_default() + 1);
    store.overwrite(&record).await;
    let settled = opened.try_settle(second).await;
    Rule::OVERWRITE.check(
        store.stored().as_ref() == Some(&record),
        "the record that another process has saved meanwhile is overwritten",
    );
    Rule::OVERWRITE.check(
        settled.is_err(),
        "`settle` returns `Ok` although another process has saved the record meanwhile",
    );
}
