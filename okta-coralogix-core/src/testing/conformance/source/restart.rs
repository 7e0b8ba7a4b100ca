//! What a restart finds.

use std::collections::HashSet;
use std::sync::Arc;

use super::opened::{Given, items, uuids};
use super::settling::{overtake, settle_in_part};
use super::{HandedBack, SourceUnderTest};
use crate::testing::conformance::Rule;
use crate::testing::conformance::scripted_checkpoint::ScriptedCheckpoint;

pub(super) async fn what_was_not_settled_is_given_after_a_restart(test: &SourceUnderTest) {
    let store = Arc::default();
    let mut opened = test.open(&store).await;
    let first = opened.some(Rule::GIVEN, "the source gives nothing").await;
    let second = opened.some(Rule::GIVEN, "there is one delivery only").await;
    drop((first, second, opened));
    let mut given = Given::default();
    test.open(&store).await.settle_rest(&mut given).await;
    given.check_is_all_of(
        test,
        Rule::RESTART,
        "after a restart, although nothing was settled",
    );
}

pub(super) async fn what_was_settled_is_not_given_after_a_restart(test: &SourceUnderTest) {
    let store = Arc::default();
    let mut opened = test.open(&store).await;
    let first = opened.some(Rule::GIVEN, "the source gives nothing").await;
    let second = opened.some(Rule::GIVEN, "there is one delivery only").await;
    let mut before = Given::default();
    before.add(&first);
    opened.settle(first).await;
    drop((second, opened));
    let mut after = Given::default();
    test.open(&store).await.settle_rest(&mut after).await;
    let repeated = before.uuids.intersection(&after.uuids).count();
    Rule::RESTART.check(
        repeated == 0,
        format!("{repeated} events are given again after a restart, although they were settled"),
    );
    before.uuids.extend(after.uuids);
    before.malformed.extend(after.malformed);
    before.check_is_all_of(test, Rule::RESTART, "after a restart");
}

pub(super) async fn what_was_settled_in_part_is_given_after_a_restart(
    test: &SourceUnderTest,
    handed_back: HandedBack,
) {
    let store = Arc::default();
    let mut opened = test.open(&store).await;
    let (settled, back) = settle_in_part(&mut opened, handed_back).await;
    let (rule, expected) = match opened.is_cumulative() {
        true => (Rule::ALL_OR_AGAIN, [settled, back].concat()),
        false => (Rule::ONLY_THAT, back),
    };
    drop(opened);
    let missing = missing_after_a_restart(test, &store, &expected).await;
    rule.check(
        missing == 0,
        format!(
            "{missing} items are not given after a restart, although their delivery was not settled"
        ),
    );
}

async fn missing_after_a_restart(
    test: &SourceUnderTest,
    store: &Arc<ScriptedCheckpoint>,
    expected: &[String],
) -> usize {
    let mut opened = test.open(store).await;
    let mut given = HashSet::new();
    while let Some(delivery) = opened.next().await {
        given.extend(items(&delivery));
        opened.settle(delivery).await;
    }
    expected
        .iter()
        .filter(|item| !given.contains(*item))
        .count()
}

pub(super) async fn overtaken_acker_is_without_effect_after_a_restart(
    test: &SourceUnderTest,
    takes_again: bool,
) {
    let store = Arc::default();
    let mut opened = test.open(&store).await;
    let Some(expected) = overtake(&mut opened, takes_again).await else {
        return;
    };
    drop(opened);
    let missing = missing_after_a_restart(test, &store, &expected).await;
    Rule::OVERTAKEN.check(
        missing == 0,
        format!(
            "{missing} items are not given after a restart, since an acker of before a hand-back was settled"
        ),
    );
}

pub(super) async fn window_is_there_after_a_restart(test: &SourceUnderTest) {
    let store = Arc::default();
    let mut opened = test.open(&store).await;
    if !opened.is_cumulative() {
        return;
    }
    let delivery = opened.some(Rule::GIVEN, "the source gives nothing").await;
    let settled = uuids(&delivery);
    opened.settle(delivery).await;
    drop(opened);
    let window = test.open(&store).await.source.dedup_window();
    let missing = settled.iter().filter(|uuid| !window.contains(uuid)).count();
    Rule::WINDOW.check(
        missing == 0,
        format!("{missing} uuids of settled events are not in the window after a restart"),
    );
}

pub(super) async fn window_is_saved_by_close(test: &SourceUnderTest) {
    let store = Arc::default();
    let mut opened = test.open(&store).await;
    if !opened.is_cumulative() {
        return;
    }
    // A position, so that there is one to save the window with.
    let first = opened.some(Rule::GIVEN, "the source gives nothing").await;
    opened.settle(first).await;
    let (settled, _) = settle_in_part(&mut opened, HandedBack::Last).await;
    let closed = opened.source.close().await;
    Rule::WINDOW.ok(closed, "the source cannot be closed");
    drop(opened);
    let window = test.open(&store).await.source.dedup_window();
    // Items without a uuid are in no window.
    let is_missing = |item: &&String| test.uuids.contains(*item) && !window.contains(item);
    let missing = settled.iter().filter(is_missing).count();
    Rule::WINDOW.check(
        missing == 0,
        format!(
            "{missing} uuids that were remembered beyond the position are not saved by `close`"
        ),
    );
}

pub(super) async fn close_passes_nothing_that_is_not_settled(test: &SourceUnderTest) {
    let store = Arc::default();
    let mut opened = test.open(&store).await;
    let first = opened.some(Rule::GIVEN, "the source gives nothing").await;
    let settled = items(&first);
    opened.settle(first).await;
    // Read, and handed back.
    drop(opened.next().await);
    let closed = opened.source.close().await;
    Rule::RESTART.ok(closed, "the source cannot be closed");
    drop(opened);
    let mut given = Given::default();
    test.open(&store).await.settle_rest(&mut given).await;
    let has_come = |uuid: &&String| given.uuids.contains(*uuid) || settled.contains(uuid);
    let missing = test.uuids.len() - test.uuids.iter().filter(has_come).count();
    Rule::RESTART.check(
        missing == 0,
        format!("{missing} events that were not settled are not given after `close` and a restart"),
    );
}
