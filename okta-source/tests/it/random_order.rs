//! Random steps in random order: the position passes no unsettled event, and no event is lost.

use std::collections::HashSet;
use std::time::Duration;

use okta_coralogix_core::{Delivery, EventSource, Outcome};
use okta_source::OktaSource;
use okta_source::simulator::Fault;
use proptest::prelude::*;
use tokio::time::timeout;

use crate::harness::{Harness, Next, numbers};

#[derive(Debug, Clone)]
enum Step {
    Append(u32),
    Next,
    Settle(usize),
    HandBack(usize),
    Drop(usize),
    CancelSettling(usize, bool),
    Fault(Fault),
    Forget,
    Rest(u64),
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let fault = prop_oneof![
        Just(Fault::Unavailable),
        Just(Fault::HalfBody),
        Just(Fault::Silence),
        Just(Fault::Html),
        Just(Fault::NoNextLink),
        Just(Fault::RateLimited(Duration::from_secs(20))),
        Just(Fault::Status(400, r#"{"errorCode":"E0000001"}"#.into())),
        Just(Fault::web_page(403, "Blocked")),
        Just(Fault::web_page(400, "Blocked")),
        Just(Fault::QueryTimeout),
        Just(Fault::SlowBody(Duration::from_secs(9))),
        Just(Fault::EndlessArray),
        Just(Fault::Concurrency),
        Just(Fault::TruncatedGzip),
        Just(Fault::WrongCharset),
        Just(Fault::NextLink(
            "https://evil.example/api/v1/logs".to_owned()
        )),
    ];
    prop_oneof![
        2 => (1_u32..40).prop_map(Step::Append),
        8 => Just(Step::Next),
        6 => (0_usize..4).prop_map(Step::Settle),
        1 => (0_usize..4).prop_map(Step::HandBack),
        1 => (0_usize..4).prop_map(Step::Drop),
        1 => (0_usize..4, any::<bool>()).prop_map(|(which, saved)| Step::CancelSettling(which, saved)),
        2 => fault.prop_map(Step::Fault),
        1 => Just(Step::Forget),
        1 => (1_u64..400).prop_map(Step::Rest),
        1 => Just(Step::Restart),
    ]
}

struct Walk {
    harness: Harness,
    source: OktaSource,
    open: Vec<Delivery>,
    appended: u32,
    settled: HashSet<u32>,
}

impl Walk {
    async fn new() -> Self {
        let harness = Harness::new();
        let source = open(&harness).await;
        Self {
            harness,
            source,
            open: Vec::new(),
            appended: 0,
            settled: HashSet::new(),
        }
    }

    async fn take(&mut self, step: Step) {
        match step {
            Step::Append(count) => {
                self.harness.append(self.appended..self.appended + count);
                self.appended += count;
            }
            Step::Next => {
                self.next().await;
            }
            Step::Settle(which) => {
                if let Some(delivery) = self.pick(which) {
                    self.settled.extend(numbers(&delivery));
                    let outcomes = vec![Outcome::Settled; delivery.items.len()];
                    delivery.acker.settle(&outcomes).await.unwrap();
                }
            }
            Step::HandBack(which) => {
                if let Some(delivery) = self.pick(which) {
                    let outcomes = vec![Outcome::HandedBack; delivery.items.len()];
                    delivery.acker.settle(&outcomes).await.unwrap();
                }
            }
            Step::Drop(which) => drop(self.pick(which)),
            Step::CancelSettling(which, saved) => {
                if let Some(delivery) = self.pick(which) {
                    self.settled.extend(numbers(&delivery));
                    let hang = if saved {
                        Next::HangAfter
                    } else {
                        Next::HangBefore
                    };
                    self.harness.store.next_save(hang);
                    let outcomes = vec![Outcome::Settled; delivery.items.len()];
                    let settling = delivery.acker.settle(&outcomes);
                    timeout(Duration::from_secs(1), settling).await.ok();
                    self.harness.store.next_save(Next::Save);
                }
            }
            Step::Fault(fault) => self.harness.org.script(fault),
            Step::Forget => self.harness.org.forget_cursors(),
            Step::Rest(seconds) => tokio::time::advance(Duration::from_secs(seconds)).await,
            Step::Restart => self.restart().await,
        }
        self.check_position();
    }

    /// True if there was a delivery.
    async fn next(&mut self) -> bool {
        match timeout(Duration::from_secs(100), self.source.next()).await {
            Ok(Ok(delivery)) => {
                self.open.extend(delivery);
                true
            }
            Ok(Err(error)) if error.is_temporary() => true,
            Ok(Err(_)) => {
                self.restart().await;
                true
            }
            Err(_) => false,
        }
    }

    fn pick(&mut self, which: usize) -> Option<Delivery> {
        (which < self.open.len()).then(|| self.open.remove(which))
    }

    async fn restart(&mut self) {
        self.open.clear();
        self.source = open(&self.harness).await;
    }

    fn check_position(&self) {
        let Some(cursor) = self.harness.store.cursor() else {
            return;
        };
        let (_, position) = cursor.split_once('_').unwrap();
        let position: u32 = position.split(['&', '_']).next().unwrap().parse().unwrap();
        let unsettled = (0..position).find(|number| !self.settled.contains(number));
        assert_eq!(unsettled, None, "the position is {position}");
    }

    async fn finish(mut self) {
        loop {
            while !self.open.is_empty() {
                self.take(Step::Settle(0)).await;
            }
            if !self.next().await {
                break;
            }
        }
        self.check_position();
        assert_eq!(
            self.settled.len(),
            self.appended as usize,
            "every event was settled"
        );
        if let Some(cursor) = self.harness.store.cursor() {
            let end = format!("_{}", self.appended);
            assert!(
                cursor.contains(&format!("{end}&")) || cursor.contains(&format!("{end}_")),
                "{cursor}"
            );
        }
    }
}

async fn open(harness: &Harness) -> OktaSource {
    let builder = harness.builder().page_size(10).max_body_bytes(1_500);
    let builder = builder.reread_every(Duration::from_secs(300));
    builder.open().await.unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn random_events_faults_and_restarts_lose_no_event(steps in prop::collection::vec(step(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let mut walk = Walk::new().await;
            for step in steps {
                walk.take(step).await;
            }
            walk.finish().await;
        });
    }
}
