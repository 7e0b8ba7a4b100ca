//! What rounds verify, and what they find.

use coralogix_sink::simulator::QueryFault;

use super::*;

#[tokio::test(start_paused = true)]
async fn clean_rounds_move_the_verified_time() {
    let world = World::new(|_| false);
    let _audit = world.start();
    for round in 1..=5 {
        sleep(2 * MINUTE).await;
        assert_eq!(world.rounds(), [round, 0, 0, 0]);
        // The round begins a minute behind the hour.
        assert_eq!(world.verified_through(), (10 + round as i64) * 60 + 1);
        assert_eq!(world.last()["in_okta"], 60);
        sleep(58 * MINUTE).await;
    }
    assert_eq!(world.found(), [0; 3]);
    let proof = world.figures.latest().proof.unwrap();
    assert_eq!(proof.signed_duration_since(noon()).num_hours(), 4);
}

#[tokio::test(start_paused = true)]
async fn gap_is_found_in_the_next_round_and_counted_once() {
    // 12:10 to 12:20, and one more at 12:40.
    let is_lost = |minute| (730..740).contains(&minute) || minute == 760;
    let world = World::new(is_lost);
    world.account.store_events(
        "okta",
        "acme",
        [
            (EventId::new(&world.events[770].uuid), minute(770)),
            (
                EventId::new("00000000-0000-4000-8000-000000000001"),
                minute(771),
            ),
        ],
    );
    let _audit = world.start();
    sleep(HOUR + 5 * MINUTE).await;
    assert_eq!((world.rounds(), world.found()), ([2, 0, 0, 0], [0; 3]));
    sleep(HOUR).await;
    assert_eq!((world.rounds(), world.found()), ([2, 1, 0, 0], [11, 1, 1]));
    let last = world.last();
    assert_eq!(
        (&last["outcome"], &last["first_missing"][0]["uuid"]),
        (&"differences".into(), &(*world.events[730].uuid).into())
    );
    assert_eq!(world.verified_through(), 13 * 60 + 1);
    sleep(2 * HOUR).await;
    assert_eq!((world.rounds(), world.found()), ([4, 1, 0, 0], [11, 1, 1]));
}

#[tokio::test(start_paused = true)]
async fn loss_of_a_whole_window_is_proven_with_the_time_around_it() {
    // All of two windows, and nothing else.
    let world = World::new(|minute| (661..781).contains(&minute));
    let _audit = world.start();
    sleep(5 * MINUTE).await;
    assert_eq!(world.rounds(), [1, 0, 0, 0]);
    assert_eq!(world.verified_through(), 661);
    sleep(HOUR).await;
    // Nothing is found of the window: it may be the wrong setting.
    assert_eq!((world.rounds(), world.found()), ([1, 0, 1, 0], [0; 3]));
    assert_eq!(world.verified_through(), 661);
    sleep(HOUR).await;
    // The first window again, beside what is stored before it.
    assert_eq!((world.rounds(), world.found()), ([1, 1, 2, 0], [60, 0, 0]));
    assert_eq!(world.last()["first_missing"][0]["cause"], "outage");
    assert_eq!(world.verified_through(), 721);
    sleep(HOUR).await;
    assert_eq!((world.rounds(), world.found()), ([2, 2, 2, 0], [120, 0, 0]));
    assert_eq!(world.verified_through(), 841);
}

/// More than a round looks up: the next one goes on behind them, and does not look them up again.
#[tokio::test(start_paused = true)]
async fn sixty_thousand_losses_of_an_hour_are_decided_in_two_rounds() {
    let world = World::with_losses(
        |_| false,
        |minute| i64::from((730..750).contains(&minute)) * 3_000,
    );
    let _audit = world.start();
    // 50,000 take 500 queries, and so 25 minutes.
    sleep(HOUR + 50 * MINUTE).await;
    assert_eq!((world.rounds(), world.found()), ([2, 0, 0, 0], [0; 3]));
    sleep(HOUR).await;
    assert_eq!(world.found(), [50_000, 0, 0]);
    assert_eq!(world.verified_through(), 746, "the last of them");
    let queries = world.account.queries().len();
    sleep(HOUR).await;
    assert_eq!(world.found(), [60_000, 0, 0], "each once");
    assert_eq!(world.verified_through(), 841);
    assert_eq!(world.rounds(), [3, 2, 0, 0]);
    // Two queries for 199 events, of 10,000; and those of the slices.
    let queries = world.account.queries().len() - queries;
    assert!((102..130).contains(&queries), "{queries}");
}

#[tokio::test(start_paused = true)]
async fn restart_goes_on_from_the_stored_time() {
    let world = World::new(|minute| minute == 900);
    let audit = world.start();
    sleep(5 * MINUTE).await;
    assert_eq!(world.verified_through(), 661);
    drop(audit);
    sleep(5 * HOUR).await;
    assert_eq!(world.rounds(), [1, 0, 0, 0]);
    let requests = world.org.request_count();
    let _audit = world.start();
    sleep(5 * MINUTE).await;
    // One round for all that was missed, from the minute on where the first one ended.
    assert_eq!((world.rounds(), world.found()), ([1, 1, 0, 0], [1, 0, 0]));
    assert_eq!(world.last()["from"], "2026-11-30T11:01:00Z");
    assert_eq!(world.verified_through(), (16 * 60) + 6);
    assert_eq!(world.org.request_count() - requests, 1);
}

#[tokio::test(start_paused = true)]
async fn query_service_that_is_down_leaves_the_verified_time_where_it_is() {
    let world = World::new(|minute| minute == 700);
    let _audit = world.start();
    sleep(5 * MINUTE).await;
    world.account.fail_all_queries(Some(QueryFault::Http(
        coralogix_sink::simulator::Fault::status(503),
    )));
    sleep(6 * HOUR).await;
    assert_eq!(world.rounds(), [1, 0, 0, 6]);
    assert_eq!(world.verified_through(), 661);
    assert_eq!(world.last()["outcome"], "failed");
    // The range of the next round is all that was not audited.
    world.account.fail_all_queries(None);
    sleep(HOUR).await;
    assert_eq!((world.rounds(), world.found()), ([1, 1, 0, 6], [1, 0, 0]));
    assert!(
        world.verified_through() > 17 * 60,
        "{}",
        world.verified_through()
    );
}

#[tokio::test(start_paused = true)]
async fn answer_that_is_no_proof_holds_back_the_verified_time_and_nothing_else() {
    let world = World::new(|minute| minute == 800);
    // The parts of the answers about one window are all without proof.
    let _audit = world.start();
    sleep(5 * MINUTE).await;
    world
        .account
        .fail_all_queries(Some(QueryFault::error("out of memory")));
    sleep(HOUR).await;
    assert_eq!(world.rounds(), [1, 0, 1, 0]);
    assert_eq!(world.verified_through(), 661);
    let reason = world.last()["not_verified"].to_string();
    assert!(reason.contains("out of memory"), "{reason}");
    world.account.fail_all_queries(None);
    sleep(HOUR).await;
    assert_eq!((world.rounds(), world.found()), ([3, 0, 1, 0], [0; 3]));
    assert_eq!(world.verified_through(), 781);
    sleep(HOUR).await;
    assert_eq!(world.found(), [1, 0, 0]);
}

/// A stored log without a uuid makes its window unverifiable for ever.
#[tokio::test(start_paused = true)]
async fn time_that_is_never_verified_does_not_hide_later_losses() {
    let world = World::new(|minute| minute == 900);
    world
        .account
        .store_events("okta", "acme", [(EventId::new(""), minute(670))]);
    let _audit = world.start();
    sleep(6 * HOUR).await;
    assert_eq!(world.verified_through(), 661);
    assert_eq!(world.found(), [1, 0, 0]);
}

/// The first time of a program is that of its delivery, and is kept at once.
#[tokio::test(start_paused = true)]
async fn audit_begins_with_the_delivery_and_keeps_that_over_short_lives() {
    // Before the start nothing was to be delivered.
    let world = World::new(|minute| minute < 720 || minute == 730);
    let state = world.parts(OsDisk).state;
    std::fs::remove_file(&state).unwrap();
    let start = || {
        let mut parts = world.parts(OsDisk);
        let log = DeliveredLog::new(HOUR);
        parts.delivered = Some(log.clone());
        (Auditor::start(parts), log)
    };
    let deliver = |log: &DeliveredLog| log.note(world.clock.now());
    let (audit, log) = start();
    sleep(2 * MINUTE).await;
    assert!(!state.exists());
    deliver(&log);
    sleep(5 * MINUTE).await;
    assert_eq!(world.verified_through(), 722);
    drop(audit);
    sleep(3 * HOUR).await;
    world.figures.verified(world.clock.now(), None);
    let (_audit, log) = start();
    sleep(2 * MINUTE).await;
    assert_eq!(world.verified_through(), 722, "the file says it at once");
    for _ in 0..90 {
        deliver(&log);
        sleep(MINUTE).await;
    }
    assert_eq!(world.found(), [1, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn receiver_is_audited_from_its_start_on() {
    let world = World::new(|minute| minute < 720);
    std::fs::remove_file(world.parts(OsDisk).state).unwrap();
    let _audit = world.start();
    sleep(5 * HOUR).await;
    assert_eq!(world.found(), [0; 3]);
    assert!(world.rounds()[0] >= 3, "{:?}", world.rounds());
}
