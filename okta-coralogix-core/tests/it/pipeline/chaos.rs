//! Random worlds: whatever happens, nothing is lost, and repeats are only what a lost answer or a dropped run explains.

use std::time::Duration;

use okta_coralogix_core::sink::BatchLimits;
use okta_coralogix_core::testing::{MemorySink, MemorySource, SinkFault};
use okta_coralogix_core::{AckOrder, Error, ErrorKind};
use tokio::time::timeout;

use super::harness::{Harness, pages};

const WORLDS: u64 = 300;

fn sink_fault(rng: &mut fastrand::Rng) -> SinkFault {
    match rng.u8(..10) {
        0 => SinkFault::LoseAnswer,
        1 | 2 => SinkFault::Refuse(Error::temporary(ErrorKind::Unavailable, "503")),
        3 => SinkFault::Refuse(Error::temporary(ErrorKind::RateLimited, "429")),
        4 => SinkFault::Refuse(Error::new(ErrorKind::TooLarge, "413")),
        _ => SinkFault::Accept,
    }
}

async fn world(seed: u64) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let order = *rng
        .choice(&[AckOrder::Cumulative, AckOrder::Individual])
        .unwrap();
    let (mut pages, events) = pages(rng.usize(1..8), rng.usize(1..60));
    for _ in 0..rng.usize(..5) {
        let copied = rng.choice(&events).unwrap().json.clone();
        let page = rng.usize(..pages.len());
        let place = rng.usize(..=pages[page].len());
        pages[page].insert(place, copied);
    }
    let mut source =
        MemorySource::new(order, pages).with_slow_acks(Duration::from_millis(rng.u64(..2000)));
    if order == AckOrder::Individual && rng.bool() {
        source = source.with_budget(Duration::from_millis(rng.u64(2000..9000)));
    }
    let limits = BatchLimits::new(rng.usize(5..50), 2_000_000);
    let sink = MemorySink::with_limits(limits).with_latency(Duration::from_millis(rng.u64(..3000)));
    let harness = Harness::of(source, sink);
    // An entry that is refused as too large when it is alone is dead-lettered: not in these worlds, so only one at the start.
    let faults: Vec<_> = (0..rng.usize(..20)).map(|_| sink_fault(&mut rng)).collect();
    let alone = limits.entries == 1;
    let is_413 = |fault: &SinkFault| matches!(fault, SinkFault::Refuse(error) if error.kind() == ErrorKind::TooLarge);
    let faults: Vec<_> = faults
        .into_iter()
        .filter(|fault| !(alone && is_413(fault)))
        .collect();
    let lost_answers = faults
        .iter()
        .filter(|fault| matches!(fault, SinkFault::LoseAnswer))
        .count();
    harness.sink.script(faults);
    harness
        .source
        .fail_with((0..rng.usize(..3)).map(|_| Error::temporary(ErrorKind::Network, "reset")));

    let mut cuts = 0;
    for _ in 0..rng.usize(..4) {
        let pipeline = harness
            .builder()
            .max_in_flight_requests(rng.usize(1..4))
            .seed(seed)
            .build()
            .unwrap();
        let cut = Duration::from_millis(rng.u64(1..10_000));
        if timeout(cut, pipeline.run(std::future::pending()))
            .await
            .is_err()
        {
            cuts += 1;
        }
    }
    let summary = harness.run().await;
    assert!(summary.is_balanced(), "seed {seed}: {summary:?}");

    let dead = harness.dead_letters.records();
    let counts = harness.sink.counts();
    for event in &events {
        let arrived = counts.contains_key(&event.json)
            || dead.iter().any(|letter| letter.bytes == event.json);
        assert!(arrived, "seed {seed}: {} is lost", event.uuid);
    }
    let repeats = harness.sink.arrived().len() - counts.len();
    let explained = lost_answers * limits.entries + cuts * 4000;
    assert!(
        repeats <= explained,
        "seed {seed}: {repeats} repeats, {explained} explained"
    );
}

#[tokio::test(start_paused = true)]
async fn no_random_world_loses_an_event() {
    for seed in 0..WORLDS {
        world(seed).await;
    }
}
