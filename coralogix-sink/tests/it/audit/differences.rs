//! What an audit finds, and what it takes.

use chrono::TimeDelta;
use coralogix_sink::audit::{AuditEvent, AuditPhase, AuditVerdict};
use coralogix_sink::query::{EventFilter, EventId};
use std::sync::Mutex;

use super::harness::{APPLICATION, Account, SUBSYSTEM, day, filter, id, log, missing};

#[tokio::test(start_paused = true)]
async fn audit_of_a_whole_log_is_complete() {
    let log = log(day(), 5_000);
    let account = Account::with(&log);
    let report = account.audit(&log).await;
    assert_eq!(report.verdict(), AuditVerdict::Complete);
    let totals = report.totals();
    assert_eq!(
        (totals.in_log, totals.stored, totals.in_coralogix),
        (5_000, 5_000, 5_000)
    );
    assert_eq!(
        (report.hours().len(), report.queries()),
        (24, 2),
        "one slice is one answer"
    );
    assert!(report.hours().iter().all(|hour| hour.totals.in_log >= 208));
}

#[tokio::test(start_paused = true)]
async fn audit_of_nothing_is_complete_only_by_a_proof() {
    let account = Account::new();
    let report = account.audit(&[]).await;
    assert_eq!(
        (report.verdict(), report.queries()),
        (AuditVerdict::Complete, 2)
    );
}

#[tokio::test(start_paused = true)]
async fn audit_names_what_is_missing_doubled_and_foreign() {
    let log = log(day(), 5_000);
    let account = Account::with(
        log.iter()
            .filter(|event| event.id != Some(id(7)) && event.id != Some(id(4_321))),
    );
    account.store([&log[99], &log[99], &log[2_500]]);
    account.store_at([
        (id(900_000), log[50].published),
        (EventId::new("no uuid"), log[50].published),
    ]);
    let report = account.audit(&log).await;
    assert_eq!(report.verdict(), AuditVerdict::Differences);
    assert_eq!(missing(&report), [id(7), id(4_321)]);
    let first = &report.missing()[0];
    assert_eq!(
        (
            first.event_type.as_str(),
            first.published,
            first.cause.as_str()
        ),
        (log[7].event_type.as_str(), log[7].published, "single")
    );
    let doubled: Vec<_> = report
        .doubled()
        .iter()
        .map(|event| (event.id.clone(), event.copies))
        .collect();
    assert_eq!(doubled, [(id(99), 3), (id(2_500), 2)]);
    let foreign: Vec<_> = report
        .foreign()
        .iter()
        .map(|log| (log.id.clone(), log.hour))
        .collect();
    assert_eq!(foreign.len(), 2);
    assert!(
        foreign.iter().all(|(_, hour)| *hour == day().start()),
        "{foreign:?}"
    );
    let hour = report.hours()[0].totals;
    assert_eq!((hour.missing, hour.doubled, hour.foreign), (1, 1, 2));
    assert_eq!(hour.in_coralogix, hour.in_log - 1 + 2 + 2);
}

#[tokio::test(start_paused = true)]
async fn event_with_another_time_is_stored_and_not_missing() {
    let log = log(day(), 500);
    let restamped = [3, 250];
    let kept = log
        .iter()
        .filter(|event| restamped.iter().all(|number| event.id != Some(id(*number))));
    let account = Account::with(kept);
    // One behind the range, and one within it, which looks foreign there.
    account.store_at([
        (id(3), day().end() + TimeDelta::hours(2)),
        (id(250), day().start() + TimeDelta::hours(20)),
    ]);
    // And a second copy of another one with another time.
    account.store_at([(id(10), day().start() + TimeDelta::hours(20))]);
    let client = account.builder().max_rows(60).build().unwrap();
    // Also when the events are old, and are not looked for in all the time up to now.
    for days in [0, 10] {
        tokio::time::advance(std::time::Duration::from_secs(days * 24 * 3600)).await;
        let report = account
            .audit_with(&client, &log, |audit| audit)
            .await
            .unwrap();
        assert_eq!(
            (report.missing(), report.foreign(), report.moved()),
            (&[][..], &[][..], 2)
        );
        let doubled: Vec<_> = report
            .doubled()
            .iter()
            .map(|event| (event.id.clone(), event.copies))
            .collect();
        assert_eq!(doubled, [(id(10), 2)]);
    }
}

#[tokio::test(start_paused = true)]
async fn event_that_settings_leave_out_is_not_missed() {
    let mut log = log(day(), 300);
    for event in &mut log {
        event.left_out = event.event_type == "user.session.start";
    }
    let account = Account::with(log.iter().filter(|event| !event.left_out));
    let report = account.audit(&log).await;
    assert_eq!(report.verdict(), AuditVerdict::Complete);
    let left_out = log.iter().filter(|event| event.left_out).count() as u64;
    assert!(left_out > 10);
    assert_eq!(report.totals().left_out, left_out);
}

#[tokio::test(start_paused = true)]
async fn event_without_an_id_is_unverifiable() {
    let mut log = log(day(), 300);
    let account = Account::with(&log);
    log.push(AuditEvent::without_id("broken", day().start()));
    let report = account.audit(&log).await;
    assert_eq!(
        (report.verdict(), report.totals().unverifiable),
        (AuditVerdict::Unverified, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn event_behind_its_slice_or_on_two_pages_counts_once() {
    let mut log = log(day(), 2_000);
    let account = Account::with(log.iter().filter(|event| event.id != Some(id(20))));
    let (stored, lost, twice) = (log[10].clone(), log[20].clone(), log[1_000].clone());
    log.retain(|event| ![&stored, &lost].contains(&event));
    log.insert(1_000, twice);
    log.extend([stored.clone(), lost, stored]);
    let client = account.builder().max_rows(200).build().unwrap();
    let report = account
        .audit_with(&client, &log, |audit| audit)
        .await
        .unwrap();
    assert_eq!(missing(&report), [id(20)]);
    assert_eq!(
        (
            report.totals().in_log,
            report.totals().foreign,
            report.totals().doubled
        ),
        (2_000, 0, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn slices_are_as_long_as_one_answer_may_be() {
    let log = log(day(), 12_000);
    let account = Account::with(&log);
    let client = account.builder().max_rows(1_000).build().unwrap();
    let report = account
        .audit_with(&client, &log, |audit| audit)
        .await
        .unwrap();
    assert_eq!(report.verdict(), AuditVerdict::Complete);
    // 500 events an hour: one hour is a slice.
    assert_eq!(report.queries(), 48);
    // 500 events an hour, 79 an answer: every slice is shorter than an hour, and none was asked for in vain.
    let client = account.builder().max_rows(100).build().unwrap();
    let report = account
        .audit_with(&client, &log, |audit| audit)
        .await
        .unwrap();
    assert_eq!(report.verdict(), AuditVerdict::Complete);
    assert!(
        (300..340).contains(&report.queries()),
        "{}",
        report.queries()
    );
}

#[tokio::test(start_paused = true)]
async fn logs_of_others_in_the_same_place_cost_halves_and_no_event() {
    let log = log(day(), 1_000);
    let account = Account::with(log.iter().filter(|event| event.id != Some(id(500))));
    let step = TimeDelta::seconds(4);
    account.store_at(
        (0..20_000).map(|number| (id(1_000_000 + number), day().start() + step * number as i32)),
    );
    let client = account.builder().max_rows(5_000).build().unwrap();
    let report = account
        .audit_with(&client, &log, |audit| audit)
        .await
        .unwrap();
    assert_eq!(missing(&report), [id(500)]);
    assert_eq!(
        (report.totals().foreign, report.totals().unverifiable),
        (20_000, 0)
    );
    assert_eq!(report.hours()[23].totals.foreign, 0, "they end before");
    assert_eq!(report.hours()[1].totals.foreign, 900);
}

#[tokio::test(start_paused = true)]
async fn only_logs_of_the_filter_are_audited() {
    let log = log(day(), 100);
    let account = Account::with(&log);
    let elsewhere = [(id(900_000), log[50].published)];
    account
        .simulator
        .store_events(APPLICATION, "other", elsewhere.clone());
    account
        .simulator
        .store_events("other", SUBSYSTEM, elsewhere);
    assert_eq!(account.audit(&log).await.verdict(), AuditVerdict::Complete);
    let all = EventFilter::all();
    assert_ne!(filter(), all);
}

#[tokio::test(start_paused = true)]
async fn progress_is_told_to_its_end() {
    let log = log(day(), 2_000);
    let account = Account::with(log.iter().skip(10));
    let client = account.builder().max_rows(200).build().unwrap();
    let told = Mutex::new(Vec::new());
    let report = account
        .audit_with(&client, &log, |audit| {
            audit.on_progress(|progress| told.lock().unwrap().push(*progress))
        })
        .await
        .unwrap();
    assert_eq!(report.missing().len(), 10);
    let told = told.into_inner().unwrap();
    let compared: Vec<_> = told
        .iter()
        .filter(|told| told.phase == AuditPhase::Comparing)
        .collect();
    assert!(
        compared
            .windows(2)
            .all(|two| two[0].share < two[1].share && two[0].through < two[1].through)
    );
    let last = compared.last().unwrap();
    assert_eq!((last.share, last.in_log, last.not_found), (1.0, 2_000, 10));
    let last = told.last().unwrap();
    assert_eq!(
        (last.phase, last.share, last.not_found),
        (AuditPhase::LookingUp, 1.0, 10)
    );
    assert_eq!(last.queries, report.queries());
}
