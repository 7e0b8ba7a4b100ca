//! What would make an audit call stored events missing, or a log complete that is not.

use std::time::Duration;

use chrono::TimeDelta;
use coralogix_sink::audit::{AuditEvent, AuditReport, AuditVerdict};
use coralogix_sink::query::{Tier, TimeSlice};
use coralogix_sink::simulator::{QueryAccount, QueryFault};
use okta_coralogix_core::ErrorKind;
use serde_json::json;

use super::harness::{Account, day, id, log, missing};

const EVENTS: usize = 600;
const LOST: usize = 300;

/// An account that lacks one event.
fn with_a_loss() -> (Account, Vec<AuditEvent>) {
    let log = log(day(), EVENTS);
    let account = Account::with(log.iter().filter(|event| event.id != Some(id(LOST))));
    (account, log)
}

fn nothing_is_said_to_be_missing(report: &AuditReport, verdict: AuditVerdict) {
    assert_eq!(
        (missing(report), report.verdict()),
        (vec![], verdict),
        "{report:?}"
    );
    assert!(!report.unverified().is_empty());
}

#[tokio::test(start_paused = true)]
async fn account_that_shows_nothing_makes_nothing_missing() {
    type Change = fn(&mut QueryAccount);
    let changes: [(Change, &str); 2] = [
        (|account| account.scope = Some("other".into()), "scope"),
        (
            |account| account.visible_after = Duration::from_secs(1_000_000),
            "delay",
        ),
    ];
    for (change, what) in changes {
        let (account, log) = with_a_loss();
        account.simulator.set_query_account(change);
        let report = account.audit(&log).await;
        nothing_is_said_to_be_missing(&report, AuditVerdict::NothingFound);
        assert!(
            report.unverified()[0]
                .reason
                .contains("check the scope of the key, the tier, and the names"),
            "{what}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn tier_that_cannot_be_read_makes_nothing_missing() {
    let (account, log) = with_a_loss();
    account
        .simulator
        .set_query_account(|account| account.archive = false);
    let report = account.audit(&log).await;
    nothing_is_said_to_be_missing(&report, AuditVerdict::Unverified);
    assert!(
        report.unverified()[0].reason.contains("archiveWarning"),
        "{report:?}"
    );
    assert_eq!(report.queries(), 1, "no halves are asked about");
}

#[tokio::test(start_paused = true)]
async fn wrong_uuid_path_makes_nothing_missing() {
    let (account, log) = with_a_loss();
    let client = account.builder().uuid_path("$d.id").build().unwrap();
    let report = account
        .audit_with(&client, &log, |audit| audit)
        .await
        .unwrap();
    nothing_is_said_to_be_missing(&report, AuditVerdict::Unverified);
    assert!(
        report.unverified()[0].reason.contains("uuid_path"),
        "{report:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn range_that_was_moved_makes_nothing_missing() {
    let (account, log) = with_a_loss();
    account
        .simulator
        .set_query_account(|account| account.reaches_back = Some(Duration::from_secs(18 * 3600)));
    let report = account.audit(&log).await;
    nothing_is_said_to_be_missing(&report, AuditVerdict::Unverified);
}

#[tokio::test(start_paused = true)]
async fn rows_that_are_cut_off_without_a_sign_are_found_by_halves() {
    for warns in [true, false] {
        let (account, log) = with_a_loss();
        account.simulator.set_query_account(|account| {
            account.max_rows = Some(100);
            account.warns_at_limits = warns;
        });
        let report = account.audit(&log).await;
        assert_eq!(missing(&report), [id(LOST)], "{warns}");
        assert_eq!(
            (report.totals().unverifiable, report.totals().foreign),
            (0, 0)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn minute_that_is_never_proven_is_unverifiable_and_the_rest_is_not() {
    let mut log = log(day(), EVENTS);
    let busy = day().start() + TimeDelta::hours(10);
    let burst = (0..500).map(|number| {
        AuditEvent::new(
            id(10_000 + number),
            "user.session.start",
            busy + TimeDelta::milliseconds(number as i64),
        )
    });
    log.extend(burst);
    log.sort_by_key(|event| event.published);
    let account = Account::with(log.iter().filter(|event| event.id != Some(id(LOST))));
    account
        .simulator
        .set_query_account(|account| account.max_rows = Some(100));
    let report = account.audit(&log).await;
    assert_eq!(
        (missing(&report), report.verdict()),
        (vec![id(LOST)], AuditVerdict::Differences)
    );
    assert!(
        (500..510).contains(&report.totals().unverifiable),
        "{:?}",
        report.totals()
    );
    assert_eq!(
        report
            .hours()
            .iter()
            .filter(|hour| !hour.is_verified)
            .count(),
        1
    );
    assert!(!report.hours()[10].is_verified);
}

#[tokio::test(start_paused = true)]
async fn answers_that_are_no_proof_make_no_event_missing_and_no_log_complete() {
    for fault in [
        QueryFault::empty(),
        QueryFault::cut_at(60),
        QueryFault::error("out of memory"),
        QueryFault::status("FAILED"),
        QueryFault::without("queryId"),
        QueryFault::without("statistics"),
        QueryFault::without("result"),
        QueryFault::warning("unheardOfWarning", &json!({})),
        QueryFault::warning(
            "compileWarning",
            &json!({ "warningMessage": "keypath does not exist" }),
        ),
        QueryFault::warning("blocksLimitWarning", &json!({})),
        QueryFault::Unframed,
    ] {
        let (account, log) = with_a_loss();
        // An account of which it is known that it sends statistics.
        let client = account.builder().build().unwrap();
        client
            .count(&super::harness::filter(), day())
            .await
            .unwrap()
            .proven()
            .unwrap();
        account.simulator.fail_all_queries(Some(fault.clone()));
        let report = account
            .audit_with(&client, &log, |audit| audit)
            .await
            .unwrap();
        nothing_is_said_to_be_missing(&report, AuditVerdict::Unverified);
        assert!(report.queries() < 400, "{fault:?}: {}", report.queries());
    }
}

#[tokio::test(start_paused = true)]
async fn deprecation_is_no_reason_to_doubt() {
    let (account, log) = with_a_loss();
    let warning = QueryFault::warning("deprecationWarning", &json!({ "warningMessage": "use v2" }));
    account.simulator.fail_all_queries(Some(warning));
    let report = account.audit(&log).await;
    assert_eq!(
        (missing(&report), report.totals().unverifiable),
        (vec![id(LOST)], 0)
    );
}

#[tokio::test(start_paused = true)]
async fn log_that_becomes_visible_in_between_is_not_missing() {
    let (account, log) = with_a_loss();
    let client = account.builder().build().unwrap();
    let late = [(id(LOST), log[LOST].published)];
    let report = account
        .audit_with(&client, &log, |audit| {
            // Behind the comparison, and before the lookup.
            audit.on_progress(|_| {
                if account.simulator.queries().len() == 2 {
                    account.store_at(late.clone());
                }
            })
        })
        .await
        .unwrap();
    assert_eq!(report.verdict(), AuditVerdict::Complete);
}

#[tokio::test(start_paused = true)]
async fn lookup_that_sees_nothing_makes_no_event_missing() {
    let (account, log) = with_a_loss();
    let client = account.builder().build().unwrap();
    let report = account
        .audit_with(&client, &log, |audit| {
            audit.on_progress(|_| {
                account
                    .simulator
                    .set_query_account(|account| account.scope = Some("other".into()))
            })
        })
        .await
        .unwrap();
    nothing_is_said_to_be_missing(&report, AuditVerdict::Unverified);
    assert!(
        report.unverified()[0].reason.contains("known to be stored"),
        "{report:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn events_that_are_newer_than_all_that_is_stored_may_be_on_their_way() {
    let log = log(day(), EVENTS);
    let account = Account::with(&log[..EVENTS - 10]);
    let client = account.builder().build().unwrap();
    // The range has ended 12 hours ago.
    let audit = |delay| {
        account.audit_with(&client, &log, move |audit| {
            audit.visibility_delay(Duration::from_secs(delay))
        })
    };
    let report = audit(4 * 3600).await.unwrap();
    nothing_is_said_to_be_missing(&report, AuditVerdict::Unverified);
    assert_eq!(report.totals().unverifiable, 10);
    let report = audit(3 * 3600).await.unwrap();
    assert_eq!(report.missing().len(), 10, "an outage that lasts is one");
}

#[tokio::test(start_paused = true)]
async fn range_that_has_ended_too_late_is_refused() {
    let (account, log) = with_a_loss();
    let client = account.builder().build().unwrap();
    let error = account
        .audit_with(&client, &log, |audit| {
            audit.visibility_delay(Duration::from_secs(12 * 3600 + 1))
        })
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(
        error
            .detail()
            .starts_with("visibility_delay: the range 2026-11-27T00:00:00Z to"),
        "{error}"
    );
    assert!(account.simulator.queries().is_empty());
}

#[tokio::test(start_paused = true)]
async fn more_losses_than_may_be_looked_up_are_unverifiable() {
    let log = log(day(), EVENTS);
    let account = Account::with(log.iter().skip(400));
    let client = account.builder().build().unwrap();
    let report = account
        .audit_with(&client, &log, |audit| audit.max_lookups(300))
        .await
        .unwrap();
    assert_eq!(
        (report.totals().missing, report.totals().unverifiable),
        (300, 100)
    );
    let reason = &report.unverified()[0].reason;
    assert!(
        reason.starts_with("100 further events were not found"),
        "{reason}"
    );
}

/// The part is decided, with the time around it as proof; what is lost there takes no lookup.
#[tokio::test(start_paused = true)]
async fn only_the_part_is_decided() {
    let log = log(day(), EVENTS);
    let is_lost = |number: usize| [10, 20, EVENTS / 2, EVENTS - 10].contains(&number);
    let stored = log.iter().enumerate();
    let account = Account::with(stored.filter(|(n, _)| !is_lost(*n)).map(|(_, event)| event));
    let client = account.builder().build().unwrap();
    let part = TimeSlice::new(log[15].published, log[EVENTS - 10].published).unwrap();
    let report = account
        .audit_with(&client, &log, |audit| audit.decides(part).max_lookups(2))
        .await
        .unwrap();
    assert_eq!(missing(&report), [id(20), id(EVENTS / 2)]);
    assert_eq!(report.totals().unverifiable, 2);
    assert_eq!(report.unverified(), [], "the part is decided whole");
}

#[tokio::test(start_paused = true)]
async fn index_alone_does_not_make_the_archive_missing() {
    let (account, log) = with_a_loss();
    let client = account
        .builder()
        .tier(Tier::FrequentSearch)
        .build()
        .unwrap();
    let report = account
        .audit_with(&client, &log, |audit| audit)
        .await
        .unwrap();
    assert_eq!(missing(&report), [id(LOST)]);
    assert!(
        account
            .simulator
            .queries()
            .iter()
            .all(|query| query.status == Some(200))
    );
}

#[tokio::test(start_paused = true)]
async fn refused_key_ends_the_audit() {
    let (account, log) = with_a_loss();
    let client = account
        .builder()
        .query_key(account.simulator.key())
        .build()
        .unwrap();
    let error = account
        .audit_with(&client, &log, |audit| audit)
        .await
        .unwrap_err();
    assert!(
        [ErrorKind::Unauthorized, ErrorKind::Forbidden].contains(&error.kind()),
        "{error}"
    );
}
