//! How often an event is sent, and what a kill leaves behind.

use std::collections::HashMap;

use coralogix_sink::audit::{AuditReport, AuditVerdict};
use coralogix_sink::simulator::{Fault, Priority};

use super::super::Refilled;
use super::{LATER, Steps, World, hour, some};

#[tokio::test(start_paused = true)]
async fn refill_sends_what_is_missing_once_and_the_next_audit_is_clean() {
    let world = World::new(hour(), some);
    let (report, refilled) = world.round().await;
    assert_eq!(report.totals().missing, 148);
    assert_eq!(
        refilled,
        Refilled {
            accepted: 148,
            ..Refilled::default()
        }
    );
    assert_eq!(world.arrivals(), vec![1; 148]);
    tokio::time::advance(LATER).await;
    let (report, refilled) = world.round().await;
    assert_eq!(
        (report.verdict(), refilled),
        (AuditVerdict::Complete, Refilled::default())
    );
    let entries = world.account.ledger();
    for (entry, event) in entries.entries().iter().zip(&world.lost) {
        assert_eq!(entry.text.as_bytes(), &event.json[..], "as Okta has it");
    }
}

#[tokio::test(start_paused = true)]
async fn kill_at_every_step_of_a_refill_sends_no_event_twice_and_loses_none() {
    let mut kills = 0;
    for steps in 0.. {
        let world = World::new(hour(), some);
        let allowed = Steps::allow(steps);
        let none = HashMap::new();
        let ended = tokio::select! {
            biased;
            () = allowed.killed() => false,
            _ = world.process(&allowed, &none) => true,
        };
        let before = world.arrivals();
        for round in 0..5 {
            tokio::time::advance(LATER).await;
            let (report, refilled) = world.round().await;
            if report.missing().is_empty() {
                break;
            }
            assert!(
                round < 4,
                "killed at step {steps}: {refilled:?}, {:?}",
                report.totals()
            );
            assert_eq!(refilled.error, None);
        }
        assert_eq!(
            world.arrivals(),
            vec![1; 148],
            "killed at step {steps}, behind {before:?}"
        );
        if ended {
            break;
        }
        kills += 1;
    }
    assert!((20..80).contains(&kills), "{kills}");
}

#[tokio::test(start_paused = true)]
async fn event_whose_answer_is_lost_is_sent_once_more_only_after_two_lookups() {
    let world = World::new(hour(), some);
    world.account.set_policy(|_, _, _| Priority::Block);
    world.account.fail_next(1, Fault::ResetAfterAccepting);
    let (_, refilled) = world.round().await;
    assert!(
        refilled
            .error
            .as_ref()
            .is_some_and(|error| error.contains("may have arrived")),
        "{refilled:?}"
    );
    assert_eq!(
        (refilled.unknown, refilled.left),
        (100, 48),
        "those of the request, and those that were not sent"
    );
    let arrived = world.arrivals();
    assert_eq!(
        arrived.iter().filter(|count| **count == 1).count(),
        100,
        "a chunk"
    );
    let (report, _) = world.round().await;
    let causes = |report: &AuditReport, name: &str| {
        report
            .missing()
            .iter()
            .filter(|event| event.cause.as_str() == name)
            .count()
    };
    assert_eq!(causes(&report, "answer_lost"), 100);
    assert_eq!(world.arrivals(), vec![1; 148], "those of the others");
    tokio::time::advance(LATER).await;
    let (_, refilled) = world.round().await;
    assert_eq!(
        (refilled.unknown, refilled.accepted_before),
        (100, 48),
        "one lookup denies them"
    );
    tokio::time::advance(LATER).await;
    let (_, refilled) = world.round().await;
    assert_eq!(
        (refilled.accepted, refilled.accepted_before),
        (100, 48),
        "two do"
    );
    for _ in 0..3 {
        tokio::time::advance(LATER).await;
        let (report, refilled) = world.round().await;
        assert_eq!(
            refilled,
            Refilled {
                accepted_before: 148,
                ..Refilled::default()
            }
        );
        assert_eq!(causes(&report, "accepted_not_stored"), 148);
    }
    let arrivals = world.arrivals();
    assert_eq!(arrivals.iter().filter(|count| **count == 2).count(), 100);
    assert_eq!(arrivals.iter().max(), Some(&2));
}

#[tokio::test(start_paused = true)]
async fn lost_answer_of_events_that_are_stored_sends_none_again() {
    let world = World::new(hour(), some);
    world.account.fail_next(1, Fault::ResetAfterAccepting);
    world.round().await;
    for _ in 0..3 {
        tokio::time::advance(LATER).await;
        world.round().await;
    }
    assert_eq!(world.arrivals(), vec![1; 148]);
}

#[tokio::test(start_paused = true)]
async fn event_whose_answer_is_lost_twice_is_not_sent_a_third_time() {
    let world = World::new(hour(), |number| number == 400);
    world.account.set_policy(|_, _, _| Priority::Block);
    for sent in 1..=2 {
        world.account.fail_next(1, Fault::ResetAfterAccepting);
        let (_, refilled) = world.round().await;
        assert_eq!((refilled.accepted, refilled.unknown), (0, 1));
        assert_eq!(world.arrivals(), vec![sent]);
        tokio::time::advance(LATER).await;
        let (_, refilled) = world.round().await;
        assert_eq!(
            (refilled.unknown, refilled.spent),
            (1, 0),
            "one lookup denies it"
        );
        tokio::time::advance(LATER).await;
    }
    let (_, refilled) = world.round().await;
    assert_eq!((refilled.unknown, refilled.spent), (0, 1));
    assert_eq!(world.arrivals(), vec![2]);
}

#[tokio::test(start_paused = true)]
async fn refusal_that_accepts_nothing_is_retried_in_the_same_run() {
    let world = World::new(hour(), some);
    world.account.fail_next(2, Fault::status(503));
    let (_, refilled) = world.round().await;
    assert_eq!((refilled.accepted, refilled.left), (148, 0));
    assert_eq!(world.arrivals(), vec![1; 148]);
}

#[tokio::test(start_paused = true)]
async fn refused_key_sends_nothing_and_leaves_all_for_the_next_refill() {
    let world = World::new(hour(), some);
    world.account.fail_always(Some(Fault::status(401)));
    let (_, refilled) = world.round().await;
    assert_eq!((refilled.accepted, refilled.left), (0, 148));
    assert!(refilled.error.is_some());
    world.account.fail_always(None);
    let (_, refilled) = world.round().await;
    assert_eq!(
        refilled,
        Refilled {
            accepted: 148,
            ..Refilled::default()
        }
    );
}
