//! Whatever happens to the stream: an answer is the truth, or it is no proof.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use coralogix_sink::simulator::QueryFault;
use proptest::prelude::*;
use proptest::sample::Index;

use tokio::time::Instant;

use super::harness::{account, builder, client, filter, hour, times, truth};

/// One change of an answer.
#[derive(Debug, Clone)]
enum Change {
    /// It ends at this byte, and as HTTP demands.
    Cut(Index),
    /// It ends behind a line.
    CutLine(Index),
    Swap(Index, Index),
    Repeat(Index),
    Lose(Index),
    /// A line of another kind.
    Insert(Index, &'static str),
    /// Two lines without a line end between them.
    Join(Index),
    Reverse,
    Unframed,
}

const INSERTED: [&str; 9] = [
    r#"{"error":{"message":"gone"}}"#,
    r#"{"warning":{"blocksLimitWarning":{}}}"#,
    r#"{"progress":{"rows":1}}"#,
    r#"{"result":{"results":[]}}"#,
    r#"{"result":{}}"#,
    r#"{"error":{"message":"slow down","code":{"rateLimitReached":{}}}}"#,
    "{}",
    "",
    "<html>",
];

fn change() -> impl Strategy<Value = Change> {
    let index = any::<Index>;
    prop_oneof![
        index().prop_map(Change::Cut),
        index().prop_map(Change::CutLine),
        (index(), index()).prop_map(|(a, b)| Change::Swap(a, b)),
        index().prop_map(Change::Repeat),
        index().prop_map(Change::Lose),
        (index(), proptest::sample::select(&INSERTED[..]))
            .prop_map(|(place, line)| Change::Insert(place, line)),
        index().prop_map(Change::Join),
        Just(Change::Reverse),
        Just(Change::Unframed),
    ]
}

/// What becomes of one answer. The change is repeated for its second attempt.
fn fault(change: Change) -> QueryFault {
    match change {
        Change::Unframed => QueryFault::Unframed,
        Change::Cut(place) => QueryFault::body(move |mut body| {
            let end = place.index(body.len().max(1));
            body.truncate(end);
            body
        }),
        change => QueryFault::lines(move |lines| {
            if lines.is_empty() {
                return;
            }
            let length = lines.len();
            match &change {
                Change::CutLine(place) => lines.truncate(place.index(length)),
                Change::Swap(a, b) => lines.swap(a.index(length), b.index(length)),
                Change::Repeat(place) => {
                    lines.insert(place.index(length), lines[place.index(length)].clone())
                }
                Change::Lose(place) => drop(lines.remove(place.index(length))),
                Change::Insert(place, line) => {
                    lines.insert(place.index(length + 1), (*line).into())
                }
                Change::Join(place) if length > 1 => {
                    let place = place.index(length - 1);
                    let behind = lines.remove(place + 1);
                    lines[place].push_str(&behind);
                }
                Change::Reverse => lines.reverse(),
                _ => {}
            }
        }),
    }
}

/// Asks with these faults in turn, one for each query, and checks the answer.
fn ask(events: usize, statistics: bool, is_experienced: bool, faults: Vec<QueryFault>) -> bool {
    runtime().block_on(async {
        let simulator = account(events);
        simulator.set_query_account(|account| {
            account.statistics = statistics;
            account.rows_per_line = 3;
        });
        let client = client(&simulator);
        if is_experienced {
            client
                .count(&filter(), hour())
                .await
                .unwrap()
                .proven()
                .unwrap();
        }
        for fault in faults {
            simulator.fail_next_queries(1, fault);
        }
        let Ok(answer) = client.count_by_uuid(&filter(), hour()).await else {
            return false;
        };
        match answer.proven() {
            Ok(counts) => {
                let found: BTreeMap<_, _> = counts.iter().collect();
                assert_eq!(found, truth(events));
                true
            }
            Err(unproven) => {
                assert!(!unproven.doubts().is_empty());
                false
            }
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_change_of_an_answer_makes_it_a_false_proof(
        events in 0..20_usize,
        statistics in any::<bool>(),
        is_experienced in any::<bool>(),
        changes in proptest::collection::vec(proptest::option::of(change()), 1..5),
    ) {
        let unchanged = || QueryFault::lines(|_| {});
        let faults = changes.into_iter().map(|change| change.map_or_else(unchanged, fault)).collect();
        ask(events, statistics, is_experienced, faults);
    }

    #[test]
    fn no_truncation_is_hidden_by_logs_that_arrive(events in 1..40_usize, cap in proptest::option::of(1..40_u64), behind in 0..3_700_u64) {
        ask_while_logs_arrive(events, cap, 4 * 3600 + behind);
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap()
}

/// An account that grows while it is asked: what is proven was all there at one time between the question and the answer.
fn ask_while_logs_arrive(events: usize, cap: Option<u64>, visible_after: u64) {
    runtime().block_on(async {
        let (noon, began) = (hour().start() + TimeDelta::hours(5), Instant::now());
        let now = || noon + TimeDelta::from_std(began.elapsed()).unwrap();
        let simulator = account(events);
        simulator.set_query_account(|account| {
            account.visible_after = Duration::from_secs(visible_after);
            account.max_rows = cap;
            account.warns_at_limits = false;
        });
        // A query a minute: time passes.
        let client = builder(&simulator).queries_per_minute(1).build().unwrap();
        for _ in 0..5 {
            let visible = |at: DateTime<Utc>| {
                let events = truth(events).into_iter().zip(times(events));
                let seen = events
                    .filter(|(_, time)| *time + TimeDelta::seconds(visible_after as i64) <= at);
                seen.map(|(event, _)| event).collect::<BTreeMap<_, _>>()
            };
            let before = visible(now());
            let answer = client.count_by_uuid(&filter(), hour()).await.unwrap();
            let after = visible(now());
            if let Ok(counts) = answer.proven() {
                let found: BTreeMap<_, _> = counts.iter().collect();
                assert!(
                    before
                        .iter()
                        .all(|(id, count)| found.get(id) == Some(count)),
                    "an event is missing"
                );
                assert!(
                    found.iter().all(|(id, count)| after.get(id) == Some(count)),
                    "an event is not there"
                );
            }
        }
    });
}

#[test]
fn answer_that_is_cut_at_any_byte_is_proof_only_without_loss() {
    for statistics in [true, false] {
        let cut_at = |end: usize| {
            runtime().block_on(async {
                let simulator = account(4);
                simulator.set_query_account(|account| account.statistics = statistics);
                let longest = Arc::new(AtomicUsize::new(0));
                let measured = Arc::clone(&longest);
                simulator.fail_all_queries(Some(QueryFault::body(move |mut body| {
                    measured.fetch_max(body.len(), Ordering::Relaxed);
                    body.truncate(end);
                    body
                })));
                let answer = client(&simulator)
                    .count_by_uuid(&filter(), hour())
                    .await
                    .unwrap();
                let counts = answer
                    .proven()
                    .ok()
                    .map(|counts| counts.iter().collect::<BTreeMap<_, _>>());
                (counts, longest.load(Ordering::Relaxed))
            })
        };
        let (whole, length) = cut_at(usize::MAX);
        assert_eq!(whole, Some(truth(4)));
        let mut proofs = 0;
        for end in 0..=length {
            let found = cut_at(end).0;
            proofs += usize::from(found.is_some());
            assert!(
                found.is_none_or(|found| found == truth(4)),
                "{end} of {length}"
            );
        }
        // With and without its last line end, whole or without the statistics, of which this client has seen none.
        assert_eq!(proofs, if statistics { 4 } else { 2 });
    }
}

#[test]
fn harmless_changes_of_an_answer_leave_it_proof() {
    let reversed = || fault(Change::Reverse);
    assert!(ask(10, true, true, vec![reversed(), reversed()]));
    let blank = || QueryFault::lines(|lines| lines.insert(1, String::new()));
    assert!(ask(10, false, false, vec![blank(), blank()]));
}
