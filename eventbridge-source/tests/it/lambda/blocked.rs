//! Records beside one whose event is refused by its content.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use eventbridge_source::lambda::{LambdaHandler, Reply};
use okta_coralogix_core::Pipeline;
use okta_coralogix_core::sink::SinkState;
use okta_coralogix_core::testing::{MemoryDeadLetters, TestClock};
use tokio::time::{Instant, sleep};

use super::{batch, events, start, within};
use crate::refused_content::{assert_blocked, faults, guilty, ingress, sink};

/// The time of an invocation, and of the queue's visibility timeout, which AWS wants to be six times as long.
const TIMEOUT: u64 = 60;
const VISIBILITY: Duration = Duration::from_secs(6 * TIMEOUT);

/// Invokes the function with messages until none fails, as the queue does; each time with new ones beside. Returns how often.
async fn invoke(handler: &LambdaHandler, mut messages: Vec<Bytes>, new: &mut [Bytes]) -> usize {
    for invocation in 1.. {
        let reply = handler.handle(batch(&messages, None), within(TIMEOUT));
        let Reply::Batch { failures } = reply.await.unwrap() else {
            panic!("it is a batch")
        };
        let failed = |n: usize| failures.contains(&format!("m{n}"));
        let mut left: Vec<_> = messages.iter().enumerate().collect();
        left.retain(|(n, _)| failed(*n));
        messages = left.into_iter().map(|(_, body)| body.clone()).collect();
        if messages.is_empty() {
            return invocation;
        }
        sleep(VISIBILITY).await;
        messages.extend(new.get(invocation).cloned());
    }
    unreachable!()
}

#[tokio::test(start_paused = true)]
async fn records_beside_a_refused_one_are_done_and_it_is_dead_lettered_in_the_end() {
    for fault in faults() {
        let ingress = ingress(&fault);
        let letters = MemoryDeadLetters::default();
        let clock = Arc::new(TestClock::starting_at(start()));
        let (into, opened, state) = (
            Arc::new(sink(&ingress)),
            letters.clone(),
            SinkState::default(),
        );
        let handler = LambdaHandler::builder(move |source| {
            Pipeline::builder(source, Arc::clone(&into))
                .dead_letters(opened.clone())
                .sink_state(state.clone())
                .clock(Arc::clone(&clock))
                .linger(Duration::ZERO)
                .seed(1)
                .build()
        });
        let handler = handler.build();
        let mut all = events(60);
        let refused = guilty(&all[4]);
        all[4] = refused.clone();
        let (first, new) = all.split_at_mut(10);
        let began = Instant::now();
        let invocations = invoke(&handler, first.to_vec(), new).await;
        println!(
            "{fault:?}: {invocations} invocations in {:?}",
            began.elapsed()
        );
        assert!(
            invocations > 1 && invocations < 25,
            "{fault:?}: {invocations}"
        );
        assert_blocked(&letters.records(), &refused, &fault);
        let summary = handler.finish().await;
        assert!(summary.is_balanced(), "{summary:?}");
        let ledger = ingress.ledger();
        // Only the first requests held others with it, unless each takes as long as half of an invocation.
        let others = ledger
            .requests()
            .iter()
            .filter(|seen| !seen.accepted && seen.entries > 1);
        let others = others.count();
        assert!(
            others <= 12,
            "{fault:?}: {others} requests failed with innocent events in them"
        );
        assert_eq!(summary.dead_lettered, 1, "{fault:?}");
        assert_eq!(
            summary.delivered as usize,
            ledger.entries().len(),
            "{fault:?}"
        );
        assert_eq!(ledger.repeats(), 0, "{fault:?}");
    }
}
