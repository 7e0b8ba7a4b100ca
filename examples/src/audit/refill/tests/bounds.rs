//! What is not sent.

use std::collections::HashMap;

use chrono::TimeDelta;
use coralogix_sink::audit::Cause;
use coralogix_sink::query::EventId;
use okta_coralogix_core::Error;
use okta_coralogix_core::filter::AgePolicy;

use super::{LATER, Steps, World, hour, some};

async fn refused(world: &World) -> Error {
    let steps = Steps::allow(usize::MAX);
    let processed = world.process(&steps, &HashMap::new()).await;
    processed.unwrap().1.unwrap_err()
}

#[tokio::test(start_paused = true)]
async fn more_than_500_events_are_sent_only_by_force() {
    let mut world = World::new(hour(), |number| (100..601).contains(&number));
    let refused = refused(&world).await;
    assert!(
        refused
            .detail()
            .starts_with("--refill: nothing is sent, since 501 events would be"),
        "{refused}"
    );
    assert_eq!(world.account.ledger().entries().len(), 0);
    world.force = true;
    assert_eq!(world.round().await.1.accepted, 501);
}

#[tokio::test(start_paused = true)]
async fn events_older_than_a_day_are_reported_and_sent_only_restamped() {
    let mut world = World::new(TimeDelta::hours(21), some);
    let (report, refilled) = world.round().await;
    assert_eq!(report.totals().missing, 148);
    // Of six hours the last three are no older than 24 hours.
    assert_eq!((refilled.accepted, refilled.too_old), (2, 146));
    world.too_old = Some(AgePolicy::Restamp);
    tokio::time::advance(LATER).await;
    assert_eq!(world.round().await.1.accepted, 146);
    tokio::time::advance(LATER).await;
    let (report, _) = world.round().await;
    assert_eq!((report.totals().missing, report.moved()), (0, 146));
    assert_eq!(world.arrivals(), vec![1; 148]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_where_not_one_event_was_found() {
    let world = World::new(hour(), some);
    world
        .account
        .set_query_account(|account| account.scope = Some("other".into()));
    let refused = refused(&world).await;
    assert!(
        refused.detail().contains("not one event was found"),
        "{refused}"
    );
    assert_eq!(world.account.ledger().entries().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn events_in_the_dead_letters_are_left_to_the_replay() {
    let world = World::new(hour(), some);
    let letters = [(
        EventId::new(&world.lost[0].uuid),
        Cause::DeadLettered("rejected".into()),
    )];
    let (_, refilled) = world
        .process(&Steps::allow(usize::MAX), &letters.into())
        .await
        .unwrap();
    let refilled = refilled.unwrap();
    assert_eq!((refilled.accepted, refilled.in_dead_letters), (147, 1));
}
