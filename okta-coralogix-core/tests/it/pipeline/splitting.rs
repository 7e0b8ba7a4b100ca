//! Requests that are too large or hold an entry that the sink refuses.

use std::collections::HashSet;

use okta_coralogix_core::dead_letter::DeadLetterReason;
use okta_coralogix_core::sink::BatchLimits;
use okta_coralogix_core::testing::{MemorySink, MemorySource, SinkFault};
use okta_coralogix_core::{AckOrder, Error, ErrorKind};

use super::harness::{Harness, pages, run};

#[tokio::test(start_paused = true)]
async fn poison_is_isolated_and_everything_else_is_delivered_once() {
    let (pages, events) = pages(10, 1000);
    let poison: HashSet<_> = [3, 999, 1000, 4711, 4712, 9000, 9999]
        .map(|n| events[n].json.clone())
        .into();
    let refused = poison.clone();
    let sink = MemorySink::new().refusing(move |text| refused.contains(text));
    let harness = Harness::of(MemorySource::new(AckOrder::Cumulative, pages), sink);
    let summary = harness.run().await;
    assert_eq!((summary.delivered, summary.dead_lettered), (9993, 7));
    let good: Vec<_> = events
        .into_iter()
        .filter(|event| !poison.contains(&event.json))
        .collect();
    harness.assert_all_once(&good);
    let letters = harness.dead_letters.records();
    assert!(letters.iter().all(
        |letter| letter.reason == DeadLetterReason::Rejected && poison.contains(&letter.bytes)
    ));
    let extra = harness.sink.requests().len() - 10;
    println!("7 poison entries in 10,000 took {extra} extra requests");
    assert!(extra <= 2 * 7 * 14, "{extra}");
}

#[tokio::test(start_paused = true)]
async fn endpoint_that_rejects_everything_ends_the_run_without_dead_letters() {
    let (pages, _) = pages(10, 1000);
    let sink = MemorySink::new().refusing(|_| true);
    let harness = Harness::of(MemorySource::new(AckOrder::Cumulative, pages), sink);
    let failed = run(harness.builder()).await.unwrap_err();
    assert_eq!(failed.error.kind(), ErrorKind::WrongEndpoint);
    assert_eq!(failed.summary.handed_back, failed.summary.received);
    assert!(harness.dead_letters.records().is_empty());
    assert!(
        harness.sink.requests().len() <= 4 * 5,
        "{:?}",
        harness.sink.requests()
    );
}

#[tokio::test(start_paused = true)]
async fn refused_single_event_is_dead_lettered_and_the_run_continues() {
    let (pages, events) = pages(3, 1);
    let poison = events[1].json.clone();
    let sink = MemorySink::new().refusing(move |text| text == poison);
    let harness = Harness::of(MemorySource::new(AckOrder::Cumulative, pages), sink);
    let summary = harness.run().await;
    assert_eq!((summary.delivered, summary.dead_lettered), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn endpoint_that_refuses_four_consecutive_events_ends_the_run() {
    let (pages, _) = pages(20, 1);
    let sink = MemorySink::new().refusing(|_| true);
    let harness = Harness::of(MemorySource::new(AckOrder::Cumulative, pages), sink);
    let failed = run(harness.one_by_one()).await.unwrap_err();
    assert_eq!(failed.error.kind(), ErrorKind::WrongEndpoint);
    assert_eq!(
        (failed.summary.dead_lettered, failed.summary.handed_back),
        (3, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn endpoint_that_accepts_between_refusals_is_not_at_fault() {
    let (pages, events) = pages(41, 1);
    let poison = events.iter().skip(1).step_by(2);
    let poison: HashSet<_> = poison.map(|event| event.json.clone()).collect();
    let sink = MemorySink::new().refusing(move |text| poison.contains(text));
    let harness = Harness::of(MemorySource::new(AckOrder::Cumulative, pages), sink);
    let summary = run(harness.one_by_one()).await.unwrap();
    assert_eq!((summary.delivered, summary.dead_lettered), (21, 20));
}

#[tokio::test(start_paused = true)]
async fn http_413_limits_the_size_of_later_requests() {
    let (pages, events) = pages(10, 100);
    let bytes: usize = events[..100].iter().map(|event| event.json.len()).sum();
    let harness = Harness::new(AckOrder::Cumulative, pages);
    harness
        .sink
        .script([SinkFault::Refuse(Error::new(ErrorKind::TooLarge, "413"))]);
    assert_eq!(run(harness.one_by_one()).await.unwrap().delivered, 1000);
    harness.assert_all_once(&events);
    let requests = harness.sink.requests();
    assert_eq!(requests[0], 100);
    assert!(
        requests[1..].iter().all(|entries| *entries <= 70),
        "{bytes} bytes were too many: {requests:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn http_413_halves_the_request_until_it_fits() {
    let (pages, events) = pages(1, 100);
    let harness = Harness::new(AckOrder::Cumulative, pages);
    let too_large = || SinkFault::Refuse(Error::new(ErrorKind::TooLarge, "413"));
    harness.sink.script([too_large(), too_large()]);
    assert_eq!(harness.run().await.delivered, 100);
    harness.assert_all_once(&events);
    assert_eq!(harness.sink.requests(), [100, 50, 25, 25, 50]);
    let order: Vec<_> = events.iter().map(|event| event.json.clone()).collect();
    assert_eq!(harness.sink.arrived(), order, "the order is kept");
}

#[tokio::test(start_paused = true)]
async fn entry_too_large_for_any_request_is_dead_lettered() {
    let (mut pages, events) = pages(1, 10);
    let big = format!(
        r#"{{"uuid":"big","published":"2026-11-22T11:00:00Z","x":"{}"}}"#,
        "x".repeat(100_000)
    );
    pages[0].insert(0, big.clone().into());
    pages[0].push(big.replace("big", "bug").into());
    let limits = BatchLimits::new(1000, 50_000);
    let harness = Harness::of(
        MemorySource::new(AckOrder::Cumulative, pages),
        MemorySink::with_limits(limits),
    );
    let summary = harness.run().await;
    assert_eq!((summary.delivered, summary.dead_lettered), (10, 2));
    harness.assert_all_once(&events);
    let letters = harness.dead_letters.records();
    assert!(letters.iter().all(
        |letter| letter.reason == DeadLetterReason::TooLarge && letter.bytes.len() == big.len()
    ));
}

#[tokio::test(start_paused = true)]
async fn split_interrupted_by_a_temporary_fault_repeats_nothing() {
    let (pages, events) = pages(1, 64);
    let harness = Harness::new(AckOrder::Cumulative, pages);
    let later = || SinkFault::Refuse(Error::temporary(ErrorKind::Unavailable, "503"));
    let too_large = SinkFault::Refuse(Error::new(ErrorKind::TooLarge, "413"));
    harness.sink.script([
        too_large,
        SinkFault::Accept,
        later(),
        later(),
        SinkFault::Accept,
    ]);
    assert_eq!(harness.run().await.delivered, 64);
    harness.assert_all_once(&events);
}

#[tokio::test(start_paused = true)]
async fn probed_poison_does_not_fail_a_sink_that_accepted_before() {
    let (pages, events) = pages(5, 1000);
    let poison: HashSet<_> = [0, 333, 666, 999]
        .map(|n| events[4000 + n].json.clone())
        .into();
    let sink = MemorySink::new().refusing(move |text| poison.contains(text));
    let harness = Harness::of(MemorySource::new(AckOrder::Cumulative, pages), sink);
    let one_by_one = harness.one_by_one();
    let summary = run(one_by_one).await.unwrap();
    assert_eq!((summary.delivered, summary.dead_lettered), (4996, 4));
}

#[tokio::test(start_paused = true)]
async fn http_413_for_every_request_ends_the_run() {
    for page in [1, 100] {
        let (pages, events) = pages(5, page);
        let harness = Harness::new(AckOrder::Cumulative, pages);
        harness
            .sink
            .refuse_all(Some(|| Error::new(ErrorKind::TooLarge, "413")));
        let failed = run(harness.builder()).await.unwrap_err();
        assert_eq!(failed.error.kind(), ErrorKind::WrongEndpoint);
        // Of single ones none tells for the others.
        let aside = if page == 1 { 3 } else { 0 };
        assert!(failed.summary.dead_lettered <= aside, "{failed:?}");
        let aside = failed.summary.dead_lettered;
        assert_eq!(failed.summary.handed_back + aside, failed.summary.received);
        // Once the endpoint is fixed, the next run finds everything else where it was.
        harness.sink.refuse_all(None);
        harness.run().await;
        let arrived = harness.sink.arrived().len() as u64;
        assert_eq!(arrived + aside, events.len() as u64);
    }
}

#[tokio::test(start_paused = true)]
async fn dead_letters_get_only_bad_entries_below_the_failure_threshold() {
    for kind in [ErrorKind::Rejected, ErrorKind::TooLarge] {
        for (before, most) in [(0, 3), (1, 15)] {
            for bad in 1..=most {
                let (mut all, events) = pages(1, before + bad);
                let page = all.remove(0);
                let pages = [&page[..before], &page[before..]];
                let pages = pages.into_iter().filter(|page| !page.is_empty());
                let good = events[..before].iter().map(|event| event.json.clone());
                let good: HashSet<_> = good.collect();
                let source =
                    MemorySource::new(AckOrder::Cumulative, pages.map(<[_]>::to_vec).collect());
                let sink = MemorySink::new();
                let harness = match kind {
                    ErrorKind::Rejected => {
                        Harness::of(source, sink.refusing(move |text| !good.contains(text)))
                    }
                    _ => {
                        sink.script(good.iter().map(|_| SinkFault::Accept));
                        let too_large =
                            || SinkFault::Refuse(Error::new(ErrorKind::TooLarge, "413"));
                        sink.script((0..1_000).map(|_| too_large()));
                        Harness::of(source, sink)
                    }
                };
                let summary = run(harness.one_by_one()).await.unwrap();
                let counts = (summary.delivered as usize, summary.dead_lettered as usize);
                assert_eq!(counts, (before, bad), "{kind:?}");
            }
        }
    }
}

/// One of 40 KB may be too large for some ingress.
#[tokio::test(start_paused = true)]
async fn http_413_dead_letters_large_entries() {
    let big = |n| {
        format!(
            r#"{{"uuid":"{n}","published":"2026-11-22T11:00:00Z","x":"{}"}}"#,
            "x".repeat(40_000)
        )
    };
    let page = (0..20).map(|n| big(n).into()).collect();
    let harness = Harness::new(AckOrder::Cumulative, vec![page]);
    harness
        .sink
        .refuse_all(Some(|| Error::new(ErrorKind::TooLarge, "413")));
    assert_eq!(harness.run().await.dead_lettered, 20);
}

/// A limit that came while it was running: some are tried, and then it is the endpoint's fault.
#[tokio::test(start_paused = true)]
async fn http_413_for_everything_after_successes_ends_the_run() {
    let (pages, events) = pages(2, 100);
    let harness = Harness::new(AckOrder::Cumulative, pages);
    let too_large = || SinkFault::Refuse(Error::new(ErrorKind::TooLarge, "413"));
    harness
        .sink
        .script(std::iter::once(SinkFault::Accept).chain((0..100).map(|_| too_large())));
    let failed = run(harness.one_by_one()).await.unwrap_err();
    assert_eq!(failed.error.kind(), ErrorKind::WrongEndpoint);
    let aside = failed.summary.dead_lettered;
    assert!(aside <= 2, "{aside} in the dead letters");
    assert_eq!(failed.summary.handed_back + aside, 100);
    harness.sink.clear_script();
    assert_eq!(harness.run().await.delivered, 100 - aside);
    assert_eq!(
        harness.sink.arrived().len() as u64 + aside,
        events.len() as u64
    );
}

/// Something on the way refuses a request that holds one event, and knows nothing of it.
#[tokio::test(start_paused = true)]
async fn single_rejection_dead_letters_no_event() {
    for kind in [ErrorKind::TooLarge, ErrorKind::Rejected] {
        for size in [1, 2, 3, 100] {
            for place in 0..size.min(4) + 1 {
                let (pages, events) = pages(3, size);
                let harness = Harness::new(AckOrder::Cumulative, pages);
                let accepted = (0..place).map(|_| SinkFault::Accept);
                let refused = SinkFault::Refuse(Error::new(kind, "once"));
                harness.sink.script(accepted.chain([refused]));
                assert_eq!(harness.run().await.delivered, events.len() as u64);
                harness.assert_all_once(&events);
                assert!(harness.dead_letters.records().is_empty());
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn http_413_once_does_not_keep_requests_small() {
    let (pages, events) = pages(200, 100);
    let harness = Harness::new(AckOrder::Cumulative, pages);
    harness
        .sink
        .script([SinkFault::Refuse(Error::new(ErrorKind::TooLarge, "413"))]);
    assert_eq!(harness.run().await.delivered, 20_000);
    harness.assert_all_once(&events);
    let requests = harness.sink.requests();
    let last = requests[requests.len() - 1];
    assert!(last >= 100, "{requests:?}");
}
