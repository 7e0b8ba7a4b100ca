//! Each way in which an answer can be less than all there is.

use coralogix_sink::query::{Doubt, QueryClient};
use coralogix_sink::simulator::{CoralogixSimulator, Fault, QueryFault};
use serde_json::json;

use super::harness::{account, builder, client, doubts, filter, hour, stored, truth};

const EVENTS: usize = 250;

/// Asks once with statistics, so that the client knows that the account sends them.
async fn experienced(simulator: &CoralogixSimulator) -> QueryClient {
    let client = client(simulator);
    assert_eq!(
        stored(client.count_by_uuid(&filter(), hour()).await.unwrap()),
        truth(EVENTS)
    );
    client
}

/// The doubts that remain if every answer, or every one but the first, has this fault.
async fn with(fault: QueryFault, is_first_clean: bool) -> Vec<Doubt> {
    let simulator = account(EVENTS);
    let client = experienced(&simulator).await;
    if is_first_clean {
        simulator.fail_next_queries(1, QueryFault::lines(|_| {}));
    }
    simulator.fail_all_queries(Some(fault));
    let doubts = doubts(&client).await;
    simulator.fail_all_queries(None);
    assert_eq!(
        stored(client.count_by_uuid(&filter(), hour()).await.unwrap()),
        truth(EVENTS),
        "the client is none the worse"
    );
    doubts
}

#[tokio::test(start_paused = true)]
async fn whole_answer_is_proof_with_and_without_statistics() {
    for events in [0, 1, EVENTS] {
        for statistics in [true, false] {
            let simulator = account(events);
            simulator.set_query_account(|account| account.statistics = statistics);
            let client = client(&simulator);
            let answer = client.count_by_uuid(&filter(), hour()).await.unwrap();
            assert_eq!(stored(answer), truth(events));
            assert_eq!(client.metrics().queries, 2);
            let count = client
                .count(&filter(), hour())
                .await
                .unwrap()
                .proven()
                .unwrap();
            assert_eq!(
                count,
                truth(events)
                    .values()
                    .map(|count| u64::from(*count))
                    .sum::<u64>()
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn empty_200_is_no_proof() {
    for is_first_clean in [false, true] {
        assert_eq!(
            with(QueryFault::empty(), is_first_clean).await,
            [Doubt::Empty]
        );
        assert_eq!(
            with(QueryFault::body(|_| b"\n\r\n".to_vec()), is_first_clean).await,
            [Doubt::Empty]
        );
    }
}

#[tokio::test(start_paused = true)]
async fn error_line_behind_the_rows_is_no_proof() {
    for is_first_clean in [false, true] {
        let doubts = with(QueryFault::error("out of memory"), is_first_clean).await;
        assert!(
            doubts.contains(&Doubt::ServerError("out of memory".into())),
            "{doubts:?}"
        );
    }
    let swallowed = QueryFault::line(&json!({ "error": { "message": "late" } }));
    assert_eq!(
        with(swallowed, true).await,
        [Doubt::ServerError("late".into())]
    );
}

#[tokio::test(start_paused = true)]
async fn query_that_ends_otherwise_than_completed_is_no_proof() {
    for status in ["FAILED", "CANCELLED", "completed"] {
        assert_eq!(
            with(QueryFault::status(status), true).await,
            [Doubt::Status(status.into())]
        );
    }
}

#[tokio::test(start_paused = true)]
async fn statistics_that_a_client_has_seen_are_required_of_later_answers() {
    for is_first_clean in [false, true] {
        assert_eq!(
            with(QueryFault::without("statistics"), is_first_clean).await,
            [Doubt::NoStatistics]
        );
    }
}

#[tokio::test(start_paused = true)]
async fn answer_without_a_query_id_is_no_proof() {
    assert_eq!(
        with(QueryFault::without("queryId"), true).await,
        [Doubt::NoQueryId]
    );
    let mixed = QueryFault::line(&json!({ "queryId": { "queryId": "another" } }));
    assert_eq!(with(mixed, true).await, [Doubt::SeveralQueries]);
}

#[tokio::test(start_paused = true)]
async fn rows_that_differ_from_the_statistics_are_no_proof() {
    let announced = truth(EVENTS).len() as u64;
    let doubts = with(QueryFault::without("result"), false).await;
    assert!(
        matches!(doubts[..], [Doubt::RowCount { announced: said, read: 0, .. }] if said == announced),
        "{doubts:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn each_warning_but_deprecation_is_no_proof() {
    for (kind, detail) in [
        (
            "compileWarning",
            json!({ "warningMessage": "keypath does not exist '$d.uuid'" }),
        ),
        (
            "timeRangeWarning",
            json!({ "warningMessage": "moved", "startDate": "2026-11-28T07:00:00Z" }),
        ),
        (
            "numberOfResultsLimitWarning",
            json!({ "numberOfResultsLimit": 60_000 }),
        ),
        ("bytesScannedLimitWarning", json!({})),
        ("blocksLimitWarning", json!({})),
        (
            "aggregationBucketsLimitWarning",
            json!({ "aggregationBucketsLimit": 10_000 }),
        ),
        ("archiveWarning", json!({ "noMetastoreData": {} })),
        ("archiveWarning", json!({ "bucketAccessDenied": {} })),
        ("scrollTimeoutWarning", json!({})),
        ("fieldCountLimitWarning", json!({})),
        ("shuffleFileSizeLimitReachedWarning", json!({})),
        ("filesReadLimitWarning", json!({})),
        ("sidebarFilterCardinalityLimitWarning", json!({})),
        ("warningOfNextYear", json!({ "x": 1 })),
    ] {
        for is_first_clean in [false, true] {
            let doubts = with(QueryFault::warning(kind, &detail), is_first_clean).await;
            let [Doubt::Warning(warning)] = &doubts[..] else {
                panic!("{kind}: {doubts:?}");
            };
            assert_eq!(warning.kind(), kind);
        }
    }
    let simulator = account(EVENTS);
    let client = client(&simulator);
    let deprecation = json!({ "warningMessage": "countby" });
    simulator.fail_all_queries(Some(QueryFault::warning(
        "deprecationWarning",
        &deprecation,
    )));
    assert_eq!(
        stored(client.count_by_uuid(&filter(), hour()).await.unwrap()),
        truth(EVENTS)
    );
    assert_eq!(client.metrics().deprecations, 2);
}

#[tokio::test(start_paused = true)]
async fn setting_that_is_wrong_is_not_searched_by_halves() {
    let simulator = account(EVENTS);
    let client = builder(&simulator)
        .uuid_path("$d.detail.uuid")
        .build()
        .unwrap();
    let unproven = client
        .count_by_uuid(&filter(), hour())
        .await
        .unwrap()
        .proven()
        .unwrap_err();
    let logs = truth(EVENTS).values().map(|count| u64::from(*count)).sum();
    assert!(
        unproven.doubts().contains(&Doubt::WithoutUuid(logs)),
        "{unproven}"
    );
    assert!(
        unproven
            .to_string()
            .contains("keypath does not exist '$d.detail.uuid'"),
        "{unproven}"
    );
    assert_eq!(unproven.halves(), None);
    assert!(unproven.query_id().is_some());
}

#[tokio::test(start_paused = true)]
async fn row_that_is_not_as_asked_for_is_no_proof() {
    for (from, to, doubt) in [
        (r#"\"n\":2"#, r#"\"n\":2.5"#, Doubt::BadRow),
        (r#"\"n\":2"#, r#"\"m\":2"#, Doubt::BadRow),
        (r#"\"n\":2"#, r#"\"n\":0"#, Doubt::BadRow),
        (r#"\"u\":\"3bcf"#, r#"\"u\":[],\"x\":\"3bcf"#, Doubt::BadRow),
        (
            r#""userData":"{"#,
            r#""userData":"no JSON {"#,
            Doubt::BadRow,
        ),
        (r#""userData""#, r#""data""#, Doubt::BadLine),
    ] {
        let change = QueryFault::lines(move |lines| {
            for line in lines {
                *line = line.replace(from, to);
            }
        });
        let doubts = with(change, false).await;
        assert!(doubts.contains(&doubt), "{from} to {to}: {doubts:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn row_that_comes_twice_is_no_proof() {
    let simulator = account(EVENTS);
    simulator.set_query_account(|account| account.statistics = false);
    simulator.fail_all_queries(Some(QueryFault::lines(|lines| {
        lines.insert(1, lines[1].clone());
    })));
    assert_eq!(doubts(&client(&simulator)).await, [Doubt::RepeatedRow]);
}

#[tokio::test(start_paused = true)]
async fn count_as_text_or_float_is_read() {
    let simulator = account(EVENTS);
    for (from, to) in [
        (r#"\"n\":2"#, r#"\"n\":\"2\""#),
        (r#"\"n\":1,"#, r#"\"n\":1.0,"#),
    ] {
        simulator.fail_all_queries(Some(QueryFault::lines(move |lines| {
            for line in lines.iter_mut().filter(|line| line.contains(r#"\"u\""#)) {
                *line = line.replace(from, to);
            }
        })));
        let answer = client(&simulator)
            .count_by_uuid(&filter(), hour())
            .await
            .unwrap();
        assert_eq!(stored(answer), truth(EVENTS));
    }
}

#[tokio::test(start_paused = true)]
async fn line_of_an_unknown_kind_is_passed_over_if_all_rows_are_accounted_for() {
    let simulator = account(EVENTS);
    let line = QueryFault::line(&json!({ "progress": { "percent": 50 } }));
    simulator.fail_all_queries(Some(line));
    let experienced = client(&simulator);
    assert_eq!(
        stored(experienced.count_by_uuid(&filter(), hour()).await.unwrap()),
        truth(EVENTS)
    );
    assert_eq!(experienced.metrics().unknown_lines, 2);
    simulator.set_query_account(|account| account.statistics = false);
    assert_eq!(
        doubts(&client(&simulator)).await,
        [Doubt::UnknownLine("progress".into())]
    );
}

#[tokio::test(start_paused = true)]
async fn body_whose_end_http_does_not_show_is_no_proof() {
    assert_eq!(with(QueryFault::Unframed, true).await, [Doubt::CutOff]);
}

#[tokio::test(start_paused = true)]
async fn answer_that_breaks_off_or_stalls_twice_is_no_proof() {
    for fault in [
        Fault::HalfAnswer,
        Fault::StalledAnswer,
        Fault::Silence,
        Fault::ResetAfterAccepting,
        Fault::status(504),
    ] {
        let name = format!("{fault:?}");
        let doubts = with(QueryFault::Http(fault), false).await;
        assert!(
            matches!(doubts[..], [Doubt::NoAnswer(_)]),
            "{name}: {doubts:?}"
        );
    }
}
