//! What is asked again, how often, and how a refusal is named.

use std::time::Duration;

use coralogix_sink::query::{QueryClient, Tier};
use coralogix_sink::simulator::{CoralogixSimulator, Fault, QueryFault, RetryAfter};
use okta_coralogix_core::{ErrorKind, Secret};
use tokio::time::Instant;

use super::harness::{account, builder, client, filter, hour, stored, truth};

const EVENTS: usize = 20;

async fn passes(client: &QueryClient) {
    let answer = client.count_by_uuid(&filter(), hour()).await.unwrap();
    assert_eq!(stored(answer), truth(EVENTS));
}

async fn error(client: &QueryClient) -> okta_coralogix_core::Error {
    client.count_by_uuid(&filter(), hour()).await.unwrap_err()
}

#[tokio::test(start_paused = true)]
async fn failure_that_passes_is_asked_again() {
    for fault in [
        QueryFault::Http(Fault::status(500)),
        QueryFault::Http(Fault::status(503)),
        QueryFault::Http(Fault::html(520)),
        QueryFault::Http(Fault::html(200)),
        QueryFault::Http(Fault::HalfAnswer),
        QueryFault::Http(Fault::ResetBeforeReading),
        QueryFault::empty(),
        QueryFault::cut_at(30),
        QueryFault::error("try again"),
        QueryFault::rate_limit_line(),
    ] {
        let name = format!("{fault:?}");
        let simulator = account(EVENTS);
        let client = client(&simulator);
        simulator.fail_next_queries(1, fault);
        passes(&client).await;
        assert_eq!(
            (client.metrics().queries, client.metrics().retries),
            (3, 1),
            "{name}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn rate_limit_is_waited_for() {
    for (fault, seconds) in [
        (QueryFault::Http(Fault::status(429)), 6),
        (QueryFault::rate_limit_line(), 6),
        (
            QueryFault::Http(Fault::retry_after(429, RetryAfter::Seconds(40))),
            40,
        ),
        (
            QueryFault::Http(Fault::retry_after(
                429,
                RetryAfter::Date(Duration::from_secs(30)),
            )),
            30,
        ),
    ] {
        let simulator = account(EVENTS);
        let client = client(&simulator);
        simulator.fail_next_queries(1, fault);
        let began = Instant::now();
        passes(&client).await;
        let waited = began.elapsed().as_secs();
        assert!(
            (seconds..seconds + 2).contains(&waited),
            "{waited} for {seconds}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn queries_keep_to_their_share_of_the_rate_limit() {
    let simulator = account(0);
    simulator.set_query_account(|account| account.queries_per_minute = 20);
    let client = client(&simulator);
    let began = Instant::now();
    let (slice, all) = (hour(), filter());
    let ask = || async {
        for _ in 0..50 {
            client.count(&all, slice).await.unwrap().proven().unwrap();
        }
    };
    futures::join!(ask(), ask());
    assert_eq!(client.metrics().retries, 0);
    let statuses: Vec<_> = simulator
        .queries()
        .iter()
        .map(|query| query.status)
        .collect();
    assert_eq!(statuses, vec![Some(200); 100]);
    assert_eq!(began.elapsed().as_secs(), 4 * 61);
}

#[tokio::test(start_paused = true)]
async fn clients_of_one_team_take_turns() {
    let simulator = account(0);
    simulator.set_query_account(|account| account.queries_per_minute = 20);
    let one = client(&simulator);
    let other = builder(&simulator).in_turn_with(&one).build().unwrap();
    let began = Instant::now();
    let (slice, all) = (hour(), filter());
    let ask = async |client: &QueryClient| {
        for _ in 0..50 {
            client.count(&all, slice).await.unwrap().proven().unwrap();
        }
    };
    futures::join!(ask(&one), ask(&other));
    let metrics = [one.metrics(), other.metrics()];
    assert_eq!(metrics.map(|metrics| metrics.retries), [0; 2]);
    assert_eq!(began.elapsed().as_secs(), 4 * 61);
}

#[tokio::test(start_paused = true)]
async fn outage_is_given_up_after_a_time() {
    let simulator = account(EVENTS);
    let client = builder(&simulator)
        .give_up_after(Duration::from_secs(120))
        .build()
        .unwrap();
    simulator.set_down(true);
    let began = Instant::now();
    let error = error(&client).await;
    assert_eq!(error.kind(), ErrorKind::Network);
    assert!(
        error
            .detail()
            .contains("api.eu2.coralogix.com (region EU2)"),
        "{error}"
    );
    assert!(
        (120..160).contains(&began.elapsed().as_secs()),
        "{:?}",
        began.elapsed()
    );
    simulator.set_down(false);
    passes(&client).await;
}

#[tokio::test(start_paused = true)]
async fn refused_query_key_is_tried_once_and_named() {
    let simulator = account(EVENTS);
    let with = |key: Secret| builder(&simulator).query_key(key).build().unwrap();
    let wrong = error(&with(Secret::from("hunter2"))).await;
    assert_eq!(wrong.kind(), ErrorKind::Unauthorized);
    let named = wrong
        .detail()
        .contains("api.eu2.coralogix.com (region EU2) refused the key of query_key");
    assert!(named && !wrong.detail().contains("hunter2"), "{wrong}");
    let ingest = error(&with(simulator.key())).await;
    assert_eq!(ingest.kind(), ErrorKind::Forbidden);
    assert!(ingest.detail().contains("preset DataQuerying"), "{ingest}");
    assert_eq!(simulator.queries().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn refused_query_key_is_read_again() {
    let simulator = account(EVENTS);
    let current = simulator.clone();
    let config = QueryClient::builder()
        .query_endpoint("https://api.eu2.coralogix.com")
        .transport(simulator.clone());
    let client = config
        .query_key_from(move || Ok(current.query_key()))
        .build()
        .unwrap();
    passes(&client).await;
    simulator.set_query_key("another");
    passes(&client).await;
    assert_eq!(client.metrics().queries, 5);
}

#[tokio::test(start_paused = true)]
async fn query_that_is_refused_is_not_asked_again() {
    for (status, kind) in [
        (400, ErrorKind::Rejected),
        (404, ErrorKind::WrongEndpoint),
        (405, ErrorKind::WrongEndpoint),
    ] {
        let simulator = account(EVENTS);
        simulator.fail_all_queries(Some(QueryFault::Http(Fault::status(status))));
        let client = client(&simulator);
        assert_eq!(error(&client).await.kind(), kind);
        assert_eq!(client.metrics().queries, 1);
    }
}

#[tokio::test]
async fn query_client_asks_over_a_socket() {
    let simulator = account(EVENTS);
    let server = simulator.serve().await.unwrap();
    let client = QueryClient::builder()
        .query_endpoint(server.base_url())
        .query_key(simulator.query_key());
    let client = client.tier(Tier::FrequentSearch).build().unwrap();
    passes(&client).await;
    simulator.fail_next_queries(1, QueryFault::Http(Fault::HalfAnswer));
    passes(&client).await;
    let wrong = QueryClient::builder().query_endpoint(format!("{}/elsewhere", server.base_url()));
    let wrong = wrong.query_key(simulator.query_key()).build().unwrap();
    assert_eq!(error(&wrong).await.kind(), ErrorKind::WrongEndpoint);
}

#[tokio::test(start_paused = true)]
async fn query_key_is_in_no_debug_output() {
    let simulator = CoralogixSimulator::new();
    simulator.set_query_key("hunter2");
    let builder = builder(&simulator).proxy("http://u:hunter2@127.0.0.1:1");
    let client = builder.clone().build().unwrap();
    simulator.fail_all_queries(Some(QueryFault::line(
        &serde_json::json!({ "error": { "message": "hunter2" } }),
    )));
    let answer = client.count(&filter(), hour()).await.unwrap();
    for text in [
        format!("{builder:?}"),
        format!("{client:#?}"),
        format!("{simulator:?}"),
        format!("{answer:?}"),
    ] {
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn query_runs_in_a_task_and_may_be_dropped() {
    let simulator = account(EVENTS);
    let client = std::sync::Arc::new(client(&simulator));
    simulator.fail_next_queries(1, QueryFault::Http(Fault::Silence));
    let asked = std::sync::Arc::clone(&client);
    let task = tokio::spawn(async move { asked.count_by_uuid(&filter(), hour()).await });
    tokio::time::sleep(Duration::from_secs(10)).await;
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    passes(&client).await;
    assert_eq!(client.metrics().queries, 3);
}
