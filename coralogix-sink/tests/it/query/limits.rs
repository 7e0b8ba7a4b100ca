//! Answers that a limit cuts, with and without a sign, and logs that arrive while they are asked for.

use std::collections::BTreeMap;
use std::time::Duration;

use coralogix_sink::query::{Answer, Doubt, QueryClient};
use coralogix_sink::simulator::CoralogixSimulator;

use super::harness::{account, builder, client, doubts, filter, hour, stored, truth};

const EVENTS: usize = 250;

#[tokio::test(start_paused = true)]
async fn truncation_without_any_sign_is_found_by_the_count() {
    for cap in [1, 100, EVENTS as u64 - 1] {
        let simulator = account(EVENTS);
        simulator.set_query_account(|account| {
            account.max_rows = Some(cap);
            account.warns_at_limits = false;
        });
        let found = doubts(&client(&simulator)).await;
        assert!(
            matches!(found[..], [Doubt::OtherCount { .. }]),
            "{cap}: {found:?}"
        );
    }
}

/// The account of the other tests, of whose events a part is visible at noon. A query a minute sees 4 more each time.
fn filling_account() -> (CoralogixSimulator, QueryClient) {
    let simulator = account(EVENTS);
    let half = Duration::from_secs(5 * 3600 - 1800);
    simulator.set_query_account(|account| account.visible_after = half);
    let client = builder(&simulator).queries_per_minute(1).build().unwrap();
    (simulator, client)
}

#[tokio::test(start_paused = true)]
async fn logs_that_arrive_between_rows_and_count_are_no_proof() {
    let (simulator, client) = filling_account();
    let found = doubts(&client).await;
    assert!(
        matches!(found[..], [Doubt::OtherCount { counted, read, .. }] if counted > read),
        "{found:?}"
    );
    assert_eq!(simulator.queries().len(), 4);
    // All have arrived.
    tokio::time::advance(Duration::from_secs(3600)).await;
    let answer = client.count_by_uuid(&filter(), hour()).await.unwrap();
    assert_eq!(stored(answer), truth(EVENTS));
}

#[tokio::test(start_paused = true)]
async fn logs_that_arrive_once_between_rows_and_count_are_asked_for_again() {
    let (_, client) = filling_account();
    // Up to two minutes before the last.
    tokio::time::advance(Duration::from_secs(1800 - 20)).await;
    let answer = client.count_by_uuid(&filter(), hour()).await.unwrap();
    assert_eq!(stored(answer), truth(EVENTS));
    assert_eq!(client.metrics().queries, 4);
}

#[tokio::test(start_paused = true)]
async fn truncation_is_not_hidden_by_logs_that_arrive_meanwhile() {
    for cap in 100..EVENTS as u64 {
        let (simulator, client) = filling_account();
        simulator.set_query_account(|account| {
            account.max_rows = Some(cap);
            account.warns_at_limits = false;
        });
        tokio::time::advance(Duration::from_secs(900)).await;
        let found = doubts(&client).await;
        assert!(
            matches!(found[..], [Doubt::OtherCount { counted, read, .. }] if counted > read),
            "{cap}: {found:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn limit_that_coralogix_names_is_learned() {
    let simulator = account(EVENTS);
    simulator.set_query_account(|account| account.max_rows = Some(100));
    let client = client(&simulator);
    assert_eq!(client.max_rows(), 49_999);
    let answer = client.count_by_uuid(&filter(), hour()).await.unwrap();
    let unproven = answer.proven().unwrap_err();
    let expected = format!(
        "no proof for {}: Coralogix warns: numberOfResultsLimitWarning (100) (query simulated-0)",
        hour()
    );
    assert_eq!(unproven.to_string(), expected);
    assert_eq!(client.max_rows(), 99);
    assert_eq!(doubts(&client).await, [Doubt::RowLimit(100)]);
}

#[tokio::test(start_paused = true)]
async fn as_many_rows_as_the_limit_are_no_proof() {
    let simulator = account(EVENTS);
    let client = builder(&simulator).max_rows(EVENTS as u32).build().unwrap();
    assert_eq!(doubts(&client).await, [Doubt::RowLimit(EVENTS as u64)]);
    let client = builder(&simulator)
        .max_rows(EVENTS as u32 + 1)
        .build()
        .unwrap();
    assert_eq!(
        stored(client.count_by_uuid(&filter(), hour()).await.unwrap()),
        truth(EVENTS)
    );
}

#[tokio::test(start_paused = true)]
async fn halves_of_an_unproven_slice_are_proof_in_the_end() {
    let simulator = account(EVENTS);
    let client = builder(&simulator).max_rows(60).build().unwrap();
    let (mut slices, mut found) = (vec![hour()], BTreeMap::new());
    while let Some(slice) = slices.pop() {
        match client.count_by_uuid(&filter(), slice).await.unwrap() {
            Answer::Proven(counts) => found.extend(counts.iter()),
            Answer::Unproven(unproven) => slices.extend(unproven.halves().unwrap()),
        }
    }
    assert_eq!(found, truth(EVENTS));
}

#[tokio::test(start_paused = true)]
async fn answer_is_read_to_its_limit_of_bytes_only() {
    let simulator = account(5_000);
    let client = builder(&simulator)
        .max_response_bytes(64 * 1024)
        .build()
        .unwrap();
    assert_eq!(doubts(&client).await, [Doubt::TooLong(64 * 1024)]);
    assert_eq!(client.metrics().retries, 0);
}
