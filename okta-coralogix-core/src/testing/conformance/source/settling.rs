//! What becomes of a delivery that is settled, handed back or dropped, within one opening.

use std::collections::HashSet;
use std::sync::Arc;

use super::opened::{Given, Opened, interrupted, items, uuids};
use super::{HandedBack, SourceUnderTest};
use crate::Outcome;
use crate::testing::conformance::Rule;

impl HandedBack {
    /// The outcomes of so many items, of which this one is handed back.
    pub(super) fn outcomes(self, items: usize) -> Vec<Outcome> {
        let mut outcomes = vec![Outcome::Settled; items];
        let index = match self {
            Self::First => 0,
            Self::Last => items - 1,
        };
        outcomes[index] = Outcome::HandedBack;
        outcomes
    }
}

/// Takes deliveries until these items were given, and hands all of it back after that. What is given in place of them is returned.
async fn take_again(opened: &mut Opened, expected: &[String], rule: Rule) -> Vec<String> {
    let mut missing: HashSet<_> = expected.iter().collect();
    let mut held = Vec::new();
    let mut given = Vec::new();
    while !missing.is_empty() {
        let otherwise = "the source ends, and does not give again what was not settled";
        let delivery = opened.some(rule, otherwise).await;
        let again = items(&delivery);
        if opened.is_cumulative() {
            let goes_back = given.is_empty() && again.first() == expected.first();
            rule.check(
                goes_back || !given.is_empty(),
                "the source goes on behind what was not settled",
            );
        }
        missing.retain(|item| !again.contains(item));
        given.extend(again);
        held.push(delivery);
        rule.check(
            held.len() < 1_000,
            "what was not settled is not given again",
        );
    }
    given
}

pub(super) async fn what_is_dropped_is_given_again(test: &SourceUnderTest) {
    let mut opened = test.open_new().await;
    let delivery = opened.some(Rule::GIVEN, "the source gives nothing").await;
    let expected = items(&delivery);
    drop(delivery);
    take_again(&mut opened, &expected, Rule::DROPPED).await;
}

pub(super) async fn what_is_handed_back_is_given_again(test: &SourceUnderTest) {
    let mut opened = test.open_new().await;
    let delivery = opened.some(Rule::GIVEN, "the source gives nothing").await;
    let expected = items(&delivery);
    let outcomes = vec![Outcome::HandedBack; expected.len()];
    let settled = opened.settle_with(delivery, &outcomes).await;
    Rule::GIVEN.ok(settled, "a delivery cannot be handed back");
    take_again(&mut opened, &expected, Rule::GIVEN).await;
}

pub(super) async fn what_is_settled_in_part_is_given_again(
    test: &SourceUnderTest,
    handed_back: HandedBack,
) {
    let mut opened = test.open_new().await;
    let (settled, back) = settle_in_part(&mut opened, handed_back).await;
    if opened.is_cumulative() {
        let mut whole = [settled, back].concat();
        if handed_back == HandedBack::First {
            whole.rotate_right(1);
        }
        take_again(&mut opened, &whole, Rule::ALL_OR_AGAIN).await;
        return;
    }
    let given = take_again(&mut opened, &back, Rule::ONLY_THAT).await;
    let repeated = given.iter().find(|item| settled.contains(item));
    if let Some(item) = repeated {
        Rule::ONLY_THAT.check(
            false,
            format!("{item} is given again, although it is settled"),
        );
    }
}

/// Settles a delivery of several items but for one. Returns the items that are settled, and the other one.
pub(super) async fn settle_in_part(
    opened: &mut Opened,
    handed_back: HandedBack,
) -> (Vec<String>, Vec<String>) {
    let rule = match opened.is_cumulative() {
        true => Rule::ALL_OR_AGAIN,
        false => Rule::ONLY_THAT,
    };
    loop {
        let delivery = opened.some(Rule::GIVEN, "the source gives nothing").await;
        if delivery.items.len() < 2 {
            opened.settle(delivery).await;
            continue;
        }
        let mut settled = items(&delivery);
        let outcomes = handed_back.outcomes(settled.len());
        let result = opened.settle_with(delivery, &outcomes).await;
        rule.ok(result, "a delivery cannot be handed back in part");
        let back = match handed_back {
            HandedBack::First => settled.remove(0),
            HandedBack::Last => settled.pop().unwrap_or_default(),
        };
        return (settled, vec![back]);
    }
}

/// Two deliveries; the first is dropped, and the second is settled after that. Returns the items of both. `None`: the source
/// settles each delivery on its own.
pub(super) async fn overtake(opened: &mut Opened, takes_again: bool) -> Option<Vec<String>> {
    if !opened.is_cumulative() {
        return None;
    }
    let first = opened.some(Rule::GIVEN, "the source gives nothing").await;
    let second = opened.some(Rule::GIVEN, "there is one delivery only").await;
    let expected = [items(&first), items(&second)].concat();
    drop(first);
    let again = match takes_again {
        true => Some(opened.some(Rule::DROPPED, "the source ends").await),
        false => None,
    };
    // An error says no more than that it has no effect.
    opened.try_settle(second).await.ok();
    drop(again);
    Some(expected)
}

pub(super) async fn overtaken_acker_is_without_effect(test: &SourceUnderTest, takes_again: bool) {
    let mut opened = test.open_new().await;
    if let Some(expected) = overtake(&mut opened, takes_again).await {
        take_again(&mut opened, &expected, Rule::OVERTAKEN).await;
    }
}

/// A settlement that is dropped after it was polled a few times has settled what was settled, or handed all back.
pub(super) async fn interrupted_settlement_loses_nothing(test: &SourceUnderTest) {
    let store = Arc::default();
    let mut opened = test.open(&store).await;
    let mut expected = HashSet::new();
    for polls in 1..=4 {
        let Some(delivery) = opened.next().await else {
            break;
        };
        let mut back = items(&delivery);
        let outcomes = HandedBack::Last.outcomes(back.len());
        let settling = opened.settle_with(delivery, &outcomes);
        if let Some(settled) = interrupted(settling, polls).await {
            Rule::DURABLE.ok(settled, "a settlement fails although nothing is wrong");
        }
        expected.extend(back.pop());
        let Some(delivery) = opened.next().await else {
            break;
        };
        expected.retain(|item| !items(&delivery).contains(item));
        interrupted(opened.try_settle(delivery), polls).await;
    }
    while let Some(delivery) = opened.next().await {
        expected.retain(|item| !items(&delivery).contains(item));
        opened.settle(delivery).await;
    }
    let missing = expected.len();
    Rule::DURABLE.check(
        missing == 0,
        format!("{missing} items are not given again that were handed back by a settlement that was dropped"),
    );
    drop(opened);
    let mut after = Given::default();
    test.open(&store).await.settle_rest(&mut after).await;
    Rule::DURABLE.check(
        after.uuids.is_empty(),
        "what was settled after a settlement that was dropped is given again after a restart",
    );
}

pub(super) async fn what_is_not_settled_is_not_in_the_window(test: &SourceUnderTest) {
    let mut opened = test.open(&Arc::default()).await;
    let window = opened.source.dedup_window();
    for _ in 0..2 {
        let delivery = opened.some(Rule::GIVEN, "the source gives nothing").await;
        let uuids = uuids(&delivery);
        let known = uuids.iter().filter(|uuid| window.contains(uuid)).count();
        Rule::WINDOW.check(
            known == 0,
            format!(
                "{known} uuids are in the window although none of their events was settled: a pipeline takes those for duplicates"
            ),
        );
        // It comes again, unless its remote gives something else first.
        let outcomes = vec![Outcome::HandedBack; delivery.items.len()];
        let settled = opened.settle_with(delivery, &outcomes).await;
        Rule::DURABLE.ok(settled, "a delivery cannot be handed back");
    }
}
