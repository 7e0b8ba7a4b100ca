//! How many requests an hour an org costs: idle, busy and catching up. `docs/okta.md` has the figures.
//!
//! They do not depend on the machine: time is paused.

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use okta_coralogix_core::transport::{Body, Transport, TransportError};
use okta_coralogix_core::{Error, EventSource};
use okta_source::OktaSourceBuilder;
use okta_source::simulator::OktaSimulator;
use tokio::time::{Instant, sleep, timeout_at};

use crate::harness::{Harness, event, given, numbers, remember, settle};

/// What some time of an org was like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cost {
    requests: usize,
    events: usize,
}

/// Reads for so long from an org.
async fn read(harness: &Harness, builder: OktaSourceBuilder, seconds: u64) -> Cost {
    let mut source = builder.open().await.unwrap();
    // The moment of the next poll belongs to the time behind.
    let until = Instant::now() + Duration::from_secs(seconds) - Duration::from_millis(1);
    let mut events = 0;
    let reading = async {
        while let Some(delivery) = source.next().await? {
            events += delivery.items.len();
            remember(&source, delivery).await;
        }
        Ok::<_, Error>(())
    };
    assert!(
        timeout_at(until, reading).await.is_err(),
        "polling has no end"
    );
    Cost {
        requests: harness.org.request_count(),
        events,
    }
}

/// An org that grants 120 requests a minute, half of them to this source.
fn org() -> Harness {
    Harness::with(|org| org.rate_limit(120))
}

/// Stores `per_second` events each second, for so long.
fn store(org: &OktaSimulator, per_second: u32, seconds: u32) {
    let org = org.clone();
    tokio::spawn(async move {
        for second in 0..seconds {
            let numbers = second * per_second..(second + 1) * per_second;
            org.append_all(numbers.map(|number| event(number, org.now())));
            sleep(Duration::from_secs(1)).await;
        }
    });
}

/// A backlog of `count` events of two hours ago, one in 10 ms.
fn backlog(harness: &Harness, count: u32) {
    let oldest = harness.org.now() - TimeDelta::hours(2);
    let at = |number: u32| oldest + TimeDelta::milliseconds(10) * i32::try_from(number).unwrap();
    let events = (0..count).map(|number| event(number, at(number)));
    harness.org.append_at(at(count), events);
}

/// An org that has one to five new events with each request.
#[derive(Debug)]
struct Busy(OktaSimulator);

#[async_trait::async_trait]
impl Transport for Busy {
    async fn call(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<Body>, TransportError> {
        let turn = u32::try_from(self.0.request_count()).unwrap();
        let first = 5 * turn;
        let now: DateTime<Utc> = self.0.now();
        let numbers = first..first + 1 + turn % 5;
        self.0.append_all(numbers.map(|number| event(number, now)));
        self.0.call(request).await
    }
}

#[expect(
    clippy::print_stdout,
    reason = "the requests of an hour are what the test is for"
)]
fn is(org: &str, cost: Cost, requests: usize, events: usize) {
    println!("{org}: {cost:?}");
    assert_eq!(cost, Cost { requests, events }, "{org}");
}

#[tokio::test(start_paused = true)]
async fn requests_per_hour_of_idle_busy_and_catching_up_orgs() {
    let harness = org();
    let idle = read(&harness, harness.builder(), 3_600).await;
    is("idle", idle, 120, 0);

    let harness = org();
    harness.org.move_empty_links(true);
    let idle = read(&harness, harness.builder(), 3_600).await;
    is("idle, its links move", idle, 477, 0);

    let harness = org();
    let builder = harness.builder().transport(Busy(harness.org.clone()));
    let busy = read(&harness, builder, 3_600).await;
    is("1 to 5 new events", busy, 120, 360);

    // Parts of an hour, which are the same in each: 2 and 16 requests a poll, but for the first.
    for (per_second, seconds, requests) in [
        (1, 3_600, 120),
        (50, 600, 1 + 19 * 2),
        (500, 300, 1 + 9 * 16),
    ] {
        let harness = org();
        store(&harness.org, per_second, seconds);
        let busy = read(&harness, harness.builder(), seconds.into()).await;
        // Without those of the last half minute.
        let events = usize::try_from(per_second * (seconds - 30)).unwrap();
        let name = format!("{per_second} a second, {seconds} s");
        is(&name, busy, requests, events);
    }

    for (cap, requests) in [(1_000, 218), (100, 1_088)] {
        let harness = org();
        harness.org.cap_pages(Some(cap));
        backlog(&harness, 100_000);
        let catching_up = read(&harness, harness.builder(), 3_600).await;
        let name = format!("a backlog of 100,000, {cap} a page");
        is(&name, catching_up, requests, 100_000);
    }
}

/// Reading the last ten minutes again costs as much in an hour as its second turn; the first one finds the log of half a minute.
#[tokio::test(start_paused = true)]
async fn requests_per_hour_of_reading_the_overlap_again() {
    for (per_second, seconds, first, second) in [(1, 700, 1, 1), (50, 400, 2, 3), (500, 400, 3, 3)]
    {
        let cost = |every: Option<Duration>| async move {
            let harness = org();
            store(&harness.org, per_second, seconds);
            let builder = every.iter().fold(harness.builder(), |builder, every| {
                builder.reread_every(*every)
            });
            read(&harness, builder, seconds.into()).await
        };
        let every = Duration::from_secs(u64::from(seconds) - 100);
        let (without, with) = (cost(None).await, cost(Some(every)).await);
        let more = Cost {
            requests: with.requests - without.requests,
            events: with.events - without.events,
        };
        is(
            &format!("again, {per_second} a second"),
            more,
            first + second,
            0,
        );
    }
}

#[tokio::test(start_paused = true)]
async fn clone_of_a_builder_opens_the_same_source() {
    let harness = Harness::new();
    harness.append(0..3);
    let builder = harness.builder().page_size(2);
    builder.clone().check().await.unwrap();
    let mut first = builder.clone().open().await.unwrap();
    let delivery = given(&mut first).await;
    assert_eq!(numbers(&delivery), [0, 1]);
    settle(delivery).await.unwrap();
    drop(first);
    let mut second = builder.open().await.unwrap();
    assert_eq!(
        numbers(&given(&mut second).await),
        [2],
        "it has the same checkpoint"
    );
}
