//! `Retry` and `Limit`.

use std::time::Duration;

use futures::future::join_all;
use okta_coralogix_core::backoff::BackoffPolicy;
use okta_coralogix_core::sink::{Limit, Retry};
use okta_coralogix_core::testing::{MemorySink, SinkFault};
use okta_coralogix_core::{Error, ErrorKind, LogSink, RetryHint};
use tokio::time::Instant;

use super::entries;

fn unavailable() -> SinkFault {
    SinkFault::Refuse(Error::temporary(ErrorKind::Unavailable, "later"))
}

#[tokio::test(start_paused = true)]
async fn what_passes_is_repeated_and_what_does_not_is_returned_at_once() {
    let memory = MemorySink::new();
    let sink = Retry::new(memory.clone(), BackoffPolicy::default(), 7);
    let batch = sink.encode(&entries(3)).unwrap();
    memory.script((0..20).map(|_| unavailable()));
    sink.send(&batch).await.unwrap();
    assert_eq!((memory.arrived().len(), memory.requests().len()), (3, 21));
    memory.script([SinkFault::Refuse(Error::new(ErrorKind::Unauthorized, "no"))]);
    let error = sink.send(&batch).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    assert_eq!(memory.requests().len(), 22);
}

#[tokio::test(start_paused = true)]
async fn it_gives_up_in_time_and_tells_that_an_attempt_may_have_arrived() {
    let memory = MemorySink::new();
    let limit = Duration::from_secs(60);
    let sink = Retry::new(memory.clone(), BackoffPolicy::default(), 7).give_up_after(limit);
    let batch = sink.encode(&entries(3)).unwrap();
    memory.script([SinkFault::LoseAnswer]);
    memory.script((0..1000).map(|_| unavailable()));
    let began = Instant::now();
    let error = sink.send(&batch).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.is_ambiguous()),
        (ErrorKind::Unavailable, true)
    );
    assert!(error.is_temporary());
    assert!(began.elapsed() <= limit, "{:?}", began.elapsed());
    assert!(memory.requests().len() > 3);
}

#[tokio::test(start_paused = true)]
async fn what_the_far_side_asks_for_is_waited_up_to_the_cap() {
    let memory = MemorySink::new();
    let policy = BackoffPolicy::default();
    let sink = Retry::new(memory.clone(), policy, 7);
    let batch = sink.encode(&entries(1)).unwrap();
    let after = |seconds| {
        let hint = RetryHint::After(Duration::from_secs(seconds));
        SinkFault::Refuse(Error::temporary(ErrorKind::RateLimited, "slow down").with_retry(hint))
    };
    memory.script([after(7), after(86_400)]);
    let began = Instant::now();
    sink.send(&batch).await.unwrap();
    let waited = Duration::from_secs(7) + policy.hint_cap;
    assert!(began.elapsed() >= waited && began.elapsed() <= waited + 3 * policy.first);
}

#[tokio::test(start_paused = true)]
async fn requests_wait_for_their_turn_and_fewer_have_one_after_a_503() {
    let memory = MemorySink::new().with_latency(Duration::from_secs(1));
    let sink = Limit::new(memory.clone(), 4);
    let batch = sink.encode(&entries(1)).unwrap();
    let began = Instant::now();
    let sent = join_all((0..12).map(|_| sink.send(&batch))).await;
    assert!(sent.iter().all(Result::is_ok));
    assert_eq!(memory.most_in_flight(), 4);
    assert_eq!(began.elapsed(), Duration::from_secs(3));

    memory.script([unavailable(), unavailable()]);
    for _ in 0..2 {
        sink.send(&batch).await.unwrap_err();
    }
    let began = Instant::now();
    let sent = join_all((0..3).map(|_| sink.send(&batch))).await;
    assert!(sent.iter().all(Result::is_ok));
    // One alone, then two.
    assert_eq!(began.elapsed(), Duration::from_secs(2));
}
