//! `EntrySender`: entries without a pipeline.

use std::time::Duration;

use bytes::Bytes;
use okta_coralogix_core::dead_letter::DeadLetterReason;
use okta_coralogix_core::sink::{BatchLimits, EntrySender, SendOutcome};
use okta_coralogix_core::testing::{MemorySink, SinkFault};
use okta_coralogix_core::{EntryText, Error, ErrorKind};
use tokio::time::Instant;

use super::{entries, text};

fn sender(sink: &MemorySink) -> EntrySender {
    EntrySender::builder(sink.clone()).seed(7).build()
}

fn accepted(outcomes: &[SendOutcome]) -> usize {
    let accepted = outcomes
        .iter()
        .filter(|fate| **fate == SendOutcome::Accepted);
    accepted.count()
}

#[tokio::test(start_paused = true)]
async fn bad_entries_are_named_and_all_others_arrive_once() {
    let poison = [text(3), text(2999), text(3000), text(7777)];
    let refused = poison.clone();
    let sink = MemorySink::new().refusing(move |text| refused.iter().any(|bad| bad == text));
    sink.script([SinkFault::Refuse(Error::temporary(
        ErrorKind::Network,
        "reset",
    ))]);
    let mut given = entries(10_000);
    let large = Bytes::from(vec![b'x'; 3_000_000]);
    given[5].text = EntryText::Escaped(large);
    let outcomes = sender(&sink).send(given).await.unwrap();
    assert_eq!(outcomes.len(), 10_000);
    assert_eq!(accepted(&outcomes), 9_995);
    for n in [3, 2999, 3000, 7777] {
        let refused = matches!(&outcomes[n], SendOutcome::Refused { reason: DeadLetterReason::Rejected, detail, .. } if detail.contains("refuses"));
        assert!(refused, "{n}: {:?}", outcomes[n]);
    }
    let too_large = matches!(&outcomes[5], SendOutcome::Refused { reason: DeadLetterReason::TooLarge, detail, .. } if detail.contains("3000004"));
    assert!(too_large, "{:?}", outcomes[5]);
    let counts = sink.counts();
    assert_eq!(counts.len(), 9_995);
    assert!(counts.values().all(|count| *count == 1));
}

#[tokio::test(start_paused = true)]
async fn api_key_refusal_ends_sending_with_an_outcome_per_entry() {
    let sink = MemorySink::with_limits(BatchLimits::new(10, 2_000_000));
    let sender = EntrySender::builder(sink.clone())
        .max_in_flight_requests(1)
        .refusal_wait(Duration::ZERO)
        .build();
    sink.script([SinkFault::Accept]);
    sink.script([SinkFault::Refuse(Error::new(
        ErrorKind::Unauthorized,
        "the key is refused",
    ))]);
    let ended = sender.send(entries(100)).await.unwrap_err();
    assert_eq!(ended.error.kind(), ErrorKind::Unauthorized);
    assert_eq!(ended.outcomes.len(), 100);
    assert_eq!(accepted(&ended.outcomes), 10);
    assert!(
        ended.outcomes[10..]
            .iter()
            .all(|fate| *fate == SendOutcome::Unsent)
    );
    assert_eq!(sink.arrived().len(), 10);
    assert_eq!(
        sink.requests().len(),
        2,
        "nothing is sent after the refusal"
    );
    // The key has been put right: what is left can be sent.
    let rest = entries(100).split_off(10);
    assert_eq!(accepted(&sender.send(rest).await.unwrap()), 90);
    assert!(sink.counts().values().all(|count| *count == 1));
}

#[tokio::test(start_paused = true)]
async fn outage_is_waited_out_unless_give_up_after_is_set() {
    let sink = MemorySink::new();
    sink.fail_for(Duration::from_secs(3600));
    let outcomes = sender(&sink).send(entries(2_500)).await.unwrap();
    assert_eq!(accepted(&outcomes), 2_500);
    assert!(sink.counts().values().all(|count| *count == 1));

    sink.fail_for(Duration::from_secs(3600));
    let began = Instant::now();
    let limit = Duration::from_secs(600);
    let hurried = EntrySender::builder(sink.clone())
        .give_up_after(limit)
        .build();
    let ended = hurried.send(entries(2_500)).await.unwrap_err();
    assert_eq!(ended.error.kind(), ErrorKind::GaveUp);
    let detail = ended.error.to_string();
    assert!(
        detail.contains("600 s") && detail.contains("the sink is down"),
        "{detail}"
    );
    assert_eq!(accepted(&ended.outcomes), 0);
    assert!(began.elapsed() >= limit && began.elapsed() < limit + Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn endpoint_that_refuses_everything_is_detected_in_few_requests() {
    let sink = MemorySink::new().refusing(|_| true);
    let ended = sender(&sink).send(entries(10_000)).await.unwrap_err();
    assert_eq!(ended.error.kind(), ErrorKind::WrongEndpoint);
    assert_eq!(accepted(&ended.outcomes), 0);
    let requests = sink.requests().len();
    assert!(requests <= 4 * 5, "{requests}");
}

#[tokio::test(start_paused = true)]
async fn requests_are_sent_concurrently_up_to_the_limit() {
    let limits = BatchLimits::new(10, 2_000_000);
    let sink = MemorySink::with_limits(limits).with_latency(Duration::from_secs(1));
    let sender = EntrySender::builder(sink.clone())
        .max_in_flight_requests(3)
        .build();
    let began = Instant::now();
    assert_eq!(accepted(&sender.send(entries(60)).await.unwrap()), 60);
    assert_eq!(sink.max_in_flight(), 3);
    assert_eq!(began.elapsed(), Duration::from_secs(2));
}

#[tokio::test]
async fn entry_sender_without_entries_sends_no_request() {
    let sink = MemorySink::new();
    assert_eq!(sender(&sink).send(Vec::new()).await.unwrap(), []);
    assert!(sink.requests().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_send_that_progresses_is_not_given_up_however_long_it_takes() {
    let limits = BatchLimits::new(10, 2_000_000);
    let sink = MemorySink::with_limits(limits).with_latency(Duration::from_secs(60));
    let sender = EntrySender::builder(sink.clone())
        .max_in_flight_requests(1)
        .give_up_after(Duration::from_secs(600))
        .build();
    let began = Instant::now();
    assert_eq!(accepted(&sender.send(entries(200)).await.unwrap()), 200);
    assert_eq!(began.elapsed(), Duration::from_secs(20 * 60));
}

/// Forty in a row, of which four would blame an endpoint that has accepted nothing, and sixteen any other.
#[tokio::test(start_paused = true)]
async fn an_endpoint_that_accepted_an_entry_is_not_blamed_for_the_others() {
    let good = text(0);
    let sink = MemorySink::new().refusing(move |text| *text != good);
    let outcomes = sender(&sink).send(entries(41)).await.unwrap();
    assert_eq!(accepted(&outcomes), 1);
    let rejected = |outcome: &&SendOutcome| matches!(outcome, SendOutcome::Refused { reason, .. } if *reason == DeadLetterReason::Rejected);
    assert_eq!(outcomes.iter().filter(rejected).count(), 40);
}

#[tokio::test(start_paused = true)]
async fn an_entry_that_is_answered_400_and_413_in_turns_is_refused_in_the_end() {
    let sink = MemorySink::new();
    let answers = [ErrorKind::Rejected, ErrorKind::TooLarge]
        .into_iter()
        .cycle();
    sink.script(
        answers
            .take(100)
            .map(|kind| SinkFault::Refuse(Error::new(kind, "no"))),
    );
    let outcomes = sender(&sink).send(entries(1)).await.unwrap();
    assert!(
        matches!(outcomes[..], [SendOutcome::Refused { .. }]),
        "{outcomes:?}"
    );
    assert_eq!(sink.requests(), [1; 8]);
}
