//! What is stored and not found, found elsewhere, or found twice.

use std::time::Duration;

use chrono::TimeDelta;
use coralogix_sink::CoralogixSink;
use coralogix_sink::query::{Doubt, EventFilter, EventId, Lookup, Tier, TimeSlice};
use coralogix_sink::simulator::{CoralogixSimulator, Priority, QueryAccount};
use okta_coralogix_core::testing::TestClock;
use okta_coralogix_core::{Clock, LogEntry, LogSink, Names};

use super::harness::{
    APPLICATION, SUBSYSTEM, account, builder, client, doubts, filter, hour, id, stored, time, truth,
};

const EVENTS: usize = 20;

/// Sends an event at the simulator's noon.
async fn send(simulator: &CoralogixSimulator, uuid: &str, at: &str) {
    let names = Names::new(APPLICATION, SUBSYSTEM);
    let text = serde_json::json!({ "uuid": uuid, "detail": { "uuid": "inner" } }).to_string();
    let mut entry = LogEntry::new(
        names.into(),
        okta_coralogix_core::EntryText::Embedded(text.into()),
    );
    entry.timestamp = Some(time(at));
    let sink = CoralogixSink::builder()
        .endpoint("https://ingress.eu2.coralogix.com")
        .api_key(simulator.key());
    let sink = sink.transport(simulator.clone()).build().unwrap();
    sink.send(&sink.encode(&[entry]).unwrap()).await.unwrap();
}

fn empty_account() -> (CoralogixSimulator, std::sync::Arc<TestClock>) {
    let clock = std::sync::Arc::new(TestClock::starting_at(time("2026-11-28T12:00:00Z")));
    (
        CoralogixSimulator::builder()
            .clock(std::sync::Arc::clone(&clock))
            .build(),
        clock,
    )
}

#[tokio::test(start_paused = true)]
async fn sent_event_is_found_by_its_uuid_time_and_names() {
    let (simulator, _) = empty_account();
    send(
        &simulator,
        "3bcf1b0a-0f44-11f1-8de9-000000000007",
        "2026-11-28T07:30:00Z",
    )
    .await;
    send(&simulator, "no UUID: 'x'", "2026-11-28T07:59:59.999Z").await;
    send(&simulator, "no UUID: 'x'", "2026-11-28T08:00:00Z").await;
    let client = client(&simulator);
    let counts = client
        .count_by_uuid(&filter(), hour())
        .await
        .unwrap()
        .proven()
        .unwrap();
    assert_eq!((counts.len(), counts.logs()), (2, 2));
    assert_eq!(
        (
            counts.get(&id(7)),
            counts.get(&EventId::new("no UUID: 'x'")),
            counts.get(&id(8))
        ),
        (1, 1, 0)
    );
    let elsewhere = EventFilter::all().application("elsewhere").unwrap();
    assert!(
        client
            .count_by_uuid(&elsewhere, hour())
            .await
            .unwrap()
            .proven()
            .unwrap()
            .is_empty()
    );
    let inner = builder(&simulator)
        .uuid_path("detail.uuid")
        .build()
        .unwrap();
    let counts = inner
        .count_by_uuid(&filter(), hour())
        .await
        .unwrap()
        .proven()
        .unwrap();
    assert_eq!(counts.get(&EventId::new("inner")), 2);
}

#[tokio::test(start_paused = true)]
async fn event_is_found_after_the_delay_until_it_is_visible() {
    let (simulator, clock) = empty_account();
    simulator.set_query_account(|account| account.visible_after = Duration::from_secs(600));
    send(
        &simulator,
        "3bcf1b0a-0f44-11f1-8de9-000000000007",
        "2026-11-28T07:30:00Z",
    )
    .await;
    let client = client(&simulator);
    let ids = [id(7)];
    let day = TimeSlice::new(hour().start(), clock.now()).unwrap();
    let found = || async {
        client
            .lookup(&filter(), &Lookup::new(day, &ids))
            .await
            .unwrap()
            .proven()
            .unwrap()
            .get(&id(7))
    };
    assert_eq!(found().await, 0, "what is proven is what is visible now");
    tokio::time::advance(Duration::from_secs(600)).await;
    assert_eq!(found().await, 1);
}

#[tokio::test(start_paused = true)]
async fn event_with_another_time_is_found_by_a_wider_lookup() {
    let (simulator, _) = empty_account();
    simulator
        .set_query_account(|account| account.restamp_older_than = Some(Duration::from_secs(3600)));
    send(
        &simulator,
        "3bcf1b0a-0f44-11f1-8de9-000000000007",
        "2026-11-28T07:30:00Z",
    )
    .await;
    let client = client(&simulator);
    assert!(
        client
            .count_by_uuid(&filter(), hour())
            .await
            .unwrap()
            .proven()
            .unwrap()
            .is_empty()
    );
    let ids = [id(7)];
    let wide = TimeSlice::new(hour().start(), time("2026-11-28T13:00:00Z")).unwrap();
    let found = client
        .lookup(&filter(), &Lookup::new(wide, &ids))
        .await
        .unwrap()
        .proven()
        .unwrap();
    assert_eq!(found.get(&id(7)), 1);
}

#[tokio::test(start_paused = true)]
async fn frequent_search_lacks_what_a_policy_sends_to_the_archive() {
    let (simulator, _) = empty_account();
    simulator.set_policy(|_, _, text| match text {
        text if text.contains("000a") => Priority::Low,
        text if text.contains("000b") => Priority::Block,
        _ => Priority::High,
    });
    for digit in ["a", "b", "c"] {
        send(
            &simulator,
            &format!("3bcf1b0a-0f44-11f1-8de9-00000000000{digit}"),
            "2026-11-28T07:30:00Z",
        )
        .await;
    }
    for (tier, expected) in [
        (Tier::Archive, &[10, 12][..]),
        (Tier::FrequentSearch, &[12]),
    ] {
        let client = builder(&simulator).tier(tier).build().unwrap();
        let found = stored(client.count_by_uuid(&filter(), hour()).await.unwrap());
        assert_eq!(
            found.into_keys().collect::<Vec<_>>(),
            expected
                .iter()
                .map(|number| id(*number))
                .collect::<Vec<_>>()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn archive_that_is_not_connected_is_no_proof() {
    let simulator = account(EVENTS);
    simulator.set_query_account(|account| account.archive = false);
    let client = client(&simulator);
    let unproven = client
        .count_by_uuid(&filter(), hour())
        .await
        .unwrap()
        .proven()
        .unwrap_err();
    assert!(
        unproven
            .to_string()
            .contains("archiveWarning; check in Coralogix that the archive is connected"),
        "{unproven}"
    );
    assert_eq!(unproven.halves(), None);
}

#[tokio::test(start_paused = true)]
async fn range_that_coralogix_moved_is_no_proof() {
    let simulator = account(EVENTS);
    simulator.set_query_account(|account| {
        account.reaches_back = Some(Duration::from_secs(4 * 3600 + 1800))
    });
    let found = doubts(&client(&simulator)).await;
    assert!(
        matches!(&found[..], [Doubt::Warning(warning)] if warning.kind() == "timeRangeWarning"),
        "{found:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn lookup_finds_each_id_and_says_how_often_it_is_stored() {
    let simulator = account(1_000);
    let client = client(&simulator);
    let ids: Vec<_> = (0..450)
        .step_by(1)
        .map(id)
        .chain([id(700_000), id(3)])
        .collect();
    let lookup = Lookup::new(hour(), &ids);
    let found = stored(client.lookup(&filter(), &lookup).await.unwrap());
    assert_eq!(
        found,
        truth(1_000)
            .into_iter()
            .filter(|(found, _)| *found < id(450))
            .collect()
    );
    assert_eq!(client.metrics().queries, 6);
    let none = client
        .lookup(&filter(), &Lookup::new(hour(), &[]))
        .await
        .unwrap();
    assert!(stored(none).is_empty());
}

#[tokio::test(start_paused = true)]
async fn lookup_proves_no_absence_if_a_stored_event_is_not_found_either() {
    let simulator = account(EVENTS);
    let (missing, control) = ([id(700_000)], id(3));
    let lookup = Lookup::new(hour(), &missing).control(&control);
    let client = client(&simulator);
    assert!(stored(client.lookup(&filter(), &lookup).await.unwrap()).is_empty());
    type Change = fn(&mut QueryAccount);
    let blind: [Change; 2] = [
        |account| account.scope = Some("other".into()),
        |account| account.visible_after = Duration::from_secs(1_000_000),
    ];
    for change in blind {
        simulator.set_query_account(change);
        let answer = client.lookup(&filter(), &lookup).await.unwrap();
        let unproven = answer.proven().unwrap_err();
        assert_eq!(unproven.doubts(), [Doubt::ControlMissing]);
        assert_eq!(unproven.halves(), None);
        let nothing = Lookup::new(hour(), &[]).control(&control);
        let answer = client.lookup(&filter(), &nothing).await.unwrap();
        assert!(
            answer.proven().is_err(),
            "the control is looked for all the same"
        );
        simulator.set_query_account(|account| *account = QueryAccount::default());
    }
    let wrong_path = builder(&simulator).uuid_path("$d.id").build().unwrap();
    let answer = wrong_path.lookup(&filter(), &lookup).await.unwrap();
    assert_eq!(
        answer.proven().unwrap_err().doubts(),
        [Doubt::ControlMissing]
    );
}

#[tokio::test(start_paused = true)]
async fn key_that_sees_a_part_proves_that_part_only() {
    let simulator = account(EVENTS);
    simulator.set_query_account(|account| account.scope = Some("other".into()));
    let client = client(&simulator);
    assert!(stored(client.count_by_uuid(&filter(), hour()).await.unwrap()).is_empty());
    let all = client
        .count(&EventFilter::all(), hour())
        .await
        .unwrap()
        .proven()
        .unwrap();
    assert_eq!(all, 1);
}

#[tokio::test(start_paused = true)]
async fn logs_that_get_lost_are_missing_from_the_next_answer() {
    let simulator = account(EVENTS);
    simulator.lose_events(|uuid| uuid.ends_with('3'));
    let found = stored(
        client(&simulator)
            .count_by_uuid(&filter(), hour())
            .await
            .unwrap(),
    );
    let mut expected = truth(EVENTS);
    expected.retain(|id, _| !id.to_string().ends_with('3'));
    assert_eq!(found, expected);
}

#[tokio::test(start_paused = true)]
async fn slice_of_40000_uuids_is_read_in_two_queries() {
    let simulator = account(40_000);
    let client = client(&simulator);
    let counts = client
        .count_by_uuid(&filter(), hour())
        .await
        .unwrap()
        .proven()
        .unwrap();
    assert_eq!(counts.len(), 40_000);
    assert_eq!(client.metrics().queries, 2);
    let minute = TimeSlice::new(hour().start(), hour().start() + TimeDelta::minutes(1)).unwrap();
    let counts = client
        .count_by_uuid(&filter(), minute)
        .await
        .unwrap()
        .proven()
        .unwrap();
    assert!(counts.len() < 1_000, "{}", counts.len());
}
