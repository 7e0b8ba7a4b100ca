//! An account with an hour of events, and a client.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use coralogix_sink::query::{
    Answer, Doubt, EventFilter, EventId, QueryClient, QueryClientBuilder, TimeSlice, UuidCounts,
};
use coralogix_sink::simulator::CoralogixSimulator;
use okta_coralogix_core::testing::TestClock;

pub(super) const APPLICATION: &str = "okta's";
pub(super) const SUBSYSTEM: &str = r"ac\me";

pub(super) fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

pub(super) fn hour() -> TimeSlice {
    TimeSlice::new(time("2026-11-28T07:00:00Z"), time("2026-11-28T08:00:00Z")).unwrap()
}

pub(super) fn filter() -> EventFilter {
    let filter = EventFilter::all().application(APPLICATION).unwrap();
    filter.subsystem(SUBSYSTEM).unwrap()
}

pub(super) fn id(number: usize) -> EventId {
    EventId::new(&format!("3bcf1b0a-0f44-11f1-8de9-{number:012x}"))
}

/// An account with `events` in the hour, each seventh stored twice, and others beside them.
pub(super) fn account(events: usize) -> CoralogixSimulator {
    let clock = TestClock::starting_at(time("2026-11-28T12:00:00Z"));
    let simulator = CoralogixSimulator::builder().clock(clock).build();
    let stored = times(events).enumerate().flat_map(|(number, at)| {
        let copies = if number % 7 == 3 { 2 } else { 1 };
        std::iter::repeat_n((id(number), at), copies)
    });
    simulator.store_events(APPLICATION, SUBSYSTEM, stored);
    let outside = [
        (id(900_000), hour().end()),
        (id(900_001), hour().start() - TimeDelta::nanoseconds(1)),
    ];
    simulator.store_events(APPLICATION, SUBSYSTEM, outside);
    simulator.store_events(APPLICATION, "other", [(id(900_002), hour().start())]);
    simulator.store_events("other", SUBSYSTEM, [(id(900_003), hour().start())]);
    simulator
}

/// The times of the events of [`account`].
pub(super) fn times(events: usize) -> impl Iterator<Item = DateTime<Utc>> {
    let step = TimeDelta::hours(1) / i32::try_from(events.max(1)).unwrap();
    (0..events).map(move |number| hour().start() + step * i32::try_from(number).unwrap())
}

/// What an answer about the hour of [`account`] has to be.
pub(super) fn truth(events: usize) -> BTreeMap<EventId, u32> {
    (0..events)
        .map(|number| (id(number), if number % 7 == 3 { 2 } else { 1 }))
        .collect()
}

pub(super) fn builder(simulator: &CoralogixSimulator) -> QueryClientBuilder {
    let builder = QueryClient::builder().query_endpoint("https://api.eu2.coralogix.com");
    builder
        .query_key(simulator.query_key())
        .transport(simulator.clone())
        .seed(7)
}

pub(super) fn client(simulator: &CoralogixSimulator) -> QueryClient {
    builder(simulator).build().unwrap()
}

/// What an answer says is stored.
pub(super) fn stored(answer: Answer<UuidCounts>) -> BTreeMap<EventId, u32> {
    answer
        .proven()
        .unwrap_or_else(|unproven| panic!("{unproven}"))
        .iter()
        .collect()
}

/// What is asked about the hour of [`account`], and the doubts of the answer.
pub(super) async fn doubts(client: &QueryClient) -> Vec<Doubt> {
    let answer = client.count_by_uuid(&filter(), hour()).await.unwrap();
    answer.proven().unwrap_err().doubts().to_vec()
}
