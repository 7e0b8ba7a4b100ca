//! Why events are missing.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use coralogix_sink::audit::{AuditEvent, AuditReport, Cause};
use okta_coralogix_core::Severity;

use super::harness::{Account, day, id, log};

fn causes(report: &AuditReport) -> BTreeMap<&'static str, usize> {
    let mut causes = BTreeMap::new();
    for event in report.missing() {
        *causes.entry(event.cause.as_str()).or_default() += 1;
    }
    causes
}

async fn audited(is_lost: impl Fn(usize, &AuditEvent) -> bool) -> (AuditReport, usize) {
    let log = log(day(), 4_800);
    let kept = log
        .iter()
        .enumerate()
        .filter(|(number, event)| !is_lost(*number, event));
    let kept: Vec<_> = kept.map(|(_, event)| event).collect();
    let account = Account::with(kept.iter().copied());
    let report = account.audit(&log).await;
    assert_eq!(report.missing().len(), log.len() - kept.len());
    (report, log.len() - kept.len())
}

#[tokio::test(start_paused = true)]
async fn hours_without_any_event_are_an_outage() {
    let (from, to) = (
        day().start() + TimeDelta::hours(9),
        day().start() + TimeDelta::hours(12),
    );
    let (report, lost) =
        audited(|number, event| event.published >= from && event.published < to || number == 7)
            .await;
    assert_eq!(
        causes(&report),
        BTreeMap::from([("outage", lost - 1), ("single", 1)])
    );
    let Cause::Outage {
        from: first,
        to: last,
        ..
    } = report.missing()[1].cause
    else {
        panic!("{:?}", report.missing()[1]);
    };
    assert_eq!((first, last), (from, to - TimeDelta::seconds(18)));
    assert!(
        report.missing()[1]
            .cause
            .to_string()
            .contains("nothing from 2026-11-27T09:00:00Z to")
    );
}

#[tokio::test(start_paused = true)]
async fn type_that_is_gone_shows_the_pattern_of_a_rule() {
    let (report, lost) =
        audited(|number, event| number > 1_000 && event.event_type == "user.session.end").await;
    assert_eq!(causes(&report), BTreeMap::from([("rule_pattern", lost)]));
}

#[tokio::test(start_paused = true)]
async fn severity_that_is_gone_shows_a_policy() {
    let (report, lost) = audited(|_, event| event.severity == Severity::Warn).await;
    assert_eq!(causes(&report), BTreeMap::from([("policy", lost)]));
}

#[tokio::test(start_paused = true)]
async fn what_the_caller_knows_of_an_event_comes_first() {
    let log = log(day(), 400);
    let account = Account::with(log.iter().skip(50));
    let client = account.builder().build().unwrap();
    let known = |event: &coralogix_sink::query::EventId| match event {
        event if *event == id(3) => Some(Cause::DeadLettered("too_large".into())),
        event if *event == id(4) => Some(Cause::TooOld),
        event if *event == id(60) => Some(Cause::TooOld),
        _ => None,
    };
    let report = account
        .audit_with(&client, &log, |audit| audit.known(known))
        .await
        .unwrap();
    let expected = [("dead_lettered", 1), ("outage", 48), ("too_old", 1)];
    assert_eq!(causes(&report), BTreeMap::from(expected));
}
