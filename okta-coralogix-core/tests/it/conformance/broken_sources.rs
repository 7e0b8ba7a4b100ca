//! Sources that break one rule each do not pass.

use std::sync::Arc;

use async_trait::async_trait;
use okta_coralogix_core::filter::DedupWindow;
use okta_coralogix_core::testing::MemorySource;
use okta_coralogix_core::testing::conformance::{self, SourceUnderTest};
use okta_coralogix_core::{AckOrder, Acker, Delivery, EventSource, Outcome, Result};

use super::own::memory_source;
use super::page_source::{Flaw, Pages};
use super::violates;
use crate::pipeline::harness::pages;

fn page_source(flaw: Option<Flaw>) -> SourceUnderTest {
    let (mut pages, events) = pages(5, 6);
    pages[2].insert(3, "[1, 2]".into());
    // Empty ones, which commit what is before them when they are settled: that takes its turn.
    for page in [4, 2, 2, 1] {
        pages.insert(page, Vec::new());
    }
    let pages = Pages {
        pages: Arc::new(pages),
        flaw,
    };
    let uuids = events.into_iter().map(|event| event.uuid);
    let open = move |store| pages.clone().open(store);
    SourceUnderTest::with_checkpoint(uuids, open).malformed(["[1, 2]"])
}

async fn suite(flaw: Option<Flaw>) {
    conformance::source(|| async move { page_source(flaw) }).await;
}

#[tokio::test(start_paused = true)]
async fn page_source_without_a_flaw_keeps_the_contract() {
    suite(None).await;
}

#[tokio::test(start_paused = true)]
async fn broken_cumulative_source_fails_with_the_rule_that_it_breaks() {
    for (flaw, of, number) in [
        (Flaw::GenerationUnchecked, "Acker", 6),
        (Flaw::WindowNotStored, "EventSource", 7),
        (Flaw::EndsInFlight, "EventSource", 5),
        (Flaw::NextNotCancelSafe, "EventSource", 4),
        (Flaw::AnySettledCountsAsAll, "Acker", 1),
        (Flaw::MalformedDropped, "EventSource", 2),
        (Flaw::IdentityUnchecked, "EventSource", 8),
        (Flaw::SaveErrorSwallowed, "Acker", 4),
        (Flaw::DropIgnored, "Acker", 3),
        (Flaw::RecordIgnored, "EventSource", 6),
        (Flaw::SavedInTheBackground, "EventSource", 6),
        (Flaw::CloseSavesNothing, "EventSource", 7),
        (Flaw::CloseSavesTheReadPosition, "EventSource", 6),
        (Flaw::RemembersWhatItGives, "EventSource", 7),
        (Flaw::Overwrites, "EventSource", 9),
        (Flaw::FailedSaveForgotten, "Acker", 5),
        (Flaw::FailedSaveUnresolved, "Acker", 4),
    ] {
        violates(of, number, suite(Some(flaw)), &format!("{flaw:?}")).await;
    }
}

#[tokio::test(start_paused = true)]
async fn subset_without_restart_finds_what_shows_in_one_opening() {
    for (flaw, of, number) in [
        (Flaw::GenerationUnchecked, "Acker", 6),
        (Flaw::EndsInFlight, "EventSource", 5),
        (Flaw::NextNotCancelSafe, "EventSource", 4),
        (Flaw::AnySettledCountsAsAll, "Acker", 1),
        (Flaw::MalformedDropped, "EventSource", 2),
        (Flaw::RemembersWhatItGives, "EventSource", 7),
    ] {
        let remote = || async move { page_source(Some(flaw)) };
        let suite = conformance::source_without_restart(remote);
        violates(of, number, suite, &format!("{flaw:?}")).await;
    }
    let keeps_nothing = || async { page_source(Some(Flaw::RecordIgnored)) };
    conformance::source_without_restart(keeps_nothing).await;
}

/// What is wrong with a source that settles each delivery on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AckFlaw {
    AnySettledCountsAsAll,
    AnyHandedBackCountsAsAll,
    DropIgnored,
}

/// A source that is right, with ackers that are not.
#[derive(Debug)]
struct Wrapped(MemorySource, AckFlaw);

#[async_trait]
impl EventSource for Wrapped {
    fn ack_order(&self) -> AckOrder {
        self.0.ack_order()
    }

    fn dedup_window(&self) -> DedupWindow {
        self.0.dedup_window()
    }

    async fn next(&mut self) -> Result<Option<Delivery>> {
        let delivery = self.0.next().await?;
        Ok(delivery.map(|mut delivery| {
            delivery.acker = Box::new(WrappedAcker(Some(delivery.acker), self.1));
            delivery
        }))
    }
}

#[derive(Debug)]
struct WrappedAcker(Option<Box<dyn Acker>>, AckFlaw);

#[async_trait]
impl Acker for WrappedAcker {
    async fn settle(mut self: Box<Self>, outcomes: &[Outcome]) -> Result<()> {
        let mut outcomes = outcomes.to_vec();
        let counts = match self.1 {
            AckFlaw::AnySettledCountsAsAll => Outcome::Settled,
            AckFlaw::AnyHandedBackCountsAsAll | AckFlaw::DropIgnored => Outcome::HandedBack,
        };
        if outcomes.contains(&counts) {
            outcomes.fill(counts);
        }
        self.0.take().unwrap().settle(&outcomes).await
    }
}

impl Drop for WrappedAcker {
    fn drop(&mut self) {
        if self.1 == AckFlaw::DropIgnored {
            std::mem::forget(self.0.take());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn broken_individual_source_fails_with_the_rule_that_it_breaks() {
    for (flaw, of, number) in [
        (AckFlaw::AnySettledCountsAsAll, "Acker", 2),
        (AckFlaw::AnyHandedBackCountsAsAll, "Acker", 2),
        (AckFlaw::DropIgnored, "Acker", 3),
    ] {
        let wrap = move |source| Wrapped(source, flaw);
        let remote = || async move { memory_source(AckOrder::Individual, wrap) };
        let suite = conformance::source(remote);
        violates(of, number, suite, &format!("{flaw:?}")).await;
    }
}
