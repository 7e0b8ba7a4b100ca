//! Whatever the account does to its answers, no stored event is called missing and no lossy log complete.

use std::collections::HashSet;

use chrono::TimeDelta;
use coralogix_sink::audit::AuditVerdict;
use coralogix_sink::query::EventId;
use coralogix_sink::simulator::{Fault, QueryFault};
use proptest::prelude::*;
use serde_json::json;

use super::harness::{Account, day, id, log};

#[derive(Debug, Clone)]
enum Change {
    None,
    DropLine(usize),
    RepeatLine(usize),
    SwapLines(usize),
    CutAt(usize),
    Flip(usize, u8),
    Empty,
    Error,
    Warning(&'static str),
    Status,
    Http(u16),
    RateLimit,
    Half,
    Unframed,
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => Just(Change::None),
        1 => (0..12_usize).prop_map(Change::DropLine),
        1 => (0..12_usize).prop_map(Change::RepeatLine),
        1 => (0..12_usize).prop_map(Change::SwapLines),
        1 => (0..4_000_usize).prop_map(Change::CutAt),
        2 => ((0..4_000_usize), any::<u8>()).prop_map(|(place, bits)| Change::Flip(place, bits)),
        1 => Just(Change::Empty),
        1 => Just(Change::Error),
        1 => prop_oneof![
            Just("numberOfResultsLimitWarning"), Just("bytesScannedLimitWarning"), Just("aggregationBucketsLimitWarning"),
            Just("archiveWarning"), Just("timeRangeWarning"), Just("deprecationWarning"), Just("newWarning"),
        ].prop_map(Change::Warning),
        1 => Just(Change::Status),
        1 => prop_oneof![Just(429_u16), Just(500), Just(504), Just(413)].prop_map(Change::Http),
        1 => Just(Change::RateLimit),
        1 => Just(Change::Half),
        1 => Just(Change::Unframed),
    ]
}

impl Change {
    fn fault(&self) -> QueryFault {
        match *self {
            Self::None => QueryFault::lines(|_| ()),
            Self::DropLine(line) => QueryFault::lines(move |lines| {
                if line < lines.len() {
                    lines.remove(line);
                }
            }),
            Self::RepeatLine(line) => QueryFault::lines(move |lines| {
                if let Some(repeated) = lines.get(line).cloned() {
                    lines.insert(line, repeated);
                }
            }),
            Self::SwapLines(line) => QueryFault::lines(move |lines| {
                if line + 1 < lines.len() {
                    lines.swap(line, line + 1);
                }
            }),
            Self::CutAt(bytes) => QueryFault::cut_at(bytes),
            Self::Flip(place, bits) => QueryFault::body(move |mut body| {
                // Not a digit: a changed count or uuid is another answer, and no fault of transport that HTTP lets pass.
                if let Some(byte) = body.get_mut(place).filter(|byte| !byte.is_ascii_hexdigit()) {
                    *byte ^= bits;
                }
                body
            }),
            Self::Empty => QueryFault::empty(),
            Self::Error => QueryFault::error("boom"),
            Self::Warning(kind) => QueryFault::warning(kind, &json!({})),
            Self::Status => QueryFault::status("CANCELLED"),
            Self::Http(status) => QueryFault::Http(Fault::status(status)),
            Self::RateLimit => QueryFault::rate_limit_line(),
            Self::Half => QueryFault::Http(Fault::HalfAnswer),
            Self::Unframed => QueryFault::Unframed,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]
    #[test]
    fn faults_of_answers_make_no_false_missing_and_no_false_complete(
        events in 1..400_usize,
        lost in proptest::collection::hash_set(0..400_usize, 0..6),
        doubled in proptest::collection::hash_set(0..400_usize, 0..4),
        moved in proptest::collection::hash_set(0..400_usize, 0..4),
        max_rows in prop_oneof![Just(None), (2..200_u64).prop_map(Some)],
        warns in any::<bool>(),
        statistics in any::<bool>(),
        changes in proptest::collection::vec(change(), 0..30),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let log = log(day(), events);
            let is_lost = |number: &usize| lost.contains(number);
            let is_moved = |number: &usize| moved.contains(number) && !is_lost(number);
            let account = Account::new();
            account.simulator.set_query_account(|account| {
                (account.max_rows, account.warns_at_limits, account.statistics) = (max_rows, warns, statistics);
            });
            for (number, event) in log.iter().enumerate() {
                let copies = if doubled.contains(&number) { 2 } else { 1 };
                let at = match is_moved(&number) {
                    true => event.published + TimeDelta::hours(9),
                    false => event.published,
                };
                if !is_lost(&number) {
                    account.store_at((0..copies).map(|_| (event.id.clone().unwrap(), at)));
                }
            }
            for change in &changes {
                account.simulator.fail_next_queries(1, change.fault());
            }
            let report = match account.audit_with(&account.builder().build().unwrap(), &log, |audit| audit).await {
                Ok(report) => report,
                Err(error) => panic!("{error}"),
            };
            let lost: HashSet<EventId> = lost.iter().filter(|number| **number < events).map(|number| id(*number)).collect();
            for event in report.missing() {
                assert!(lost.contains(&event.id), "stored, and called missing: {event:?} {:?}", report.unverified());
            }
            for event in report.doubled() {
                assert!(doubled.iter().any(|number| id(*number) == event.id), "stored once: {event:?}");
            }
            assert!(report.foreign().is_empty(), "{:?}", report.foreign());
            if report.verdict() == AuditVerdict::Complete {
                assert!(lost.is_empty(), "{lost:?} are missing, and it is called complete");
                assert!(!doubled.iter().any(|number| *number < events && !lost.contains(&id(*number))));
            }
            let is_clear = changes.is_empty() && max_rows.is_none() && lost.len() < events;
            if is_clear {
                assert_eq!(report.missing().len(), lost.len());
            }
        });
    }
}
