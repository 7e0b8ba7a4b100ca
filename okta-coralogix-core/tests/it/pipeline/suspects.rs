//! Events that are tried alone: the others meanwhile, a refused key, an event that expires.

use std::collections::HashSet;
use std::future::poll_fn;
use std::slice;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use chrono::TimeDelta;
use okta_coralogix_core::dead_letter::DeadLetterReason;
use okta_coralogix_core::filter::{AgeFilter, AgePolicy};
use okta_coralogix_core::pipeline::PipelineState;
use okta_coralogix_core::sink::{BatchLimits, SinkState};
use okta_coralogix_core::testing::{EventGenerator, MemorySink, MemorySource};
use okta_coralogix_core::{AckOrder, ClockOffset, Error, ErrorKind};
use tokio::time::{Instant, sleep, timeout};

use super::blocked::{Failure, Filter, some};
use super::harness::{Harness, pages, run, run_until, start};

const MINUTE: Duration = Duration::from_secs(60);

/// The sink answers none of six events, each for half a minute, as often as they are tried.
#[tokio::test(start_paused = true)]
async fn silent_suspects_hold_no_request() {
    let (mut pages, events) = pages(200, 10);
    let later = pages.split_off(100);
    let first = &events[..1000];
    let source = MemorySource::new(AckOrder::Individual, pages).without_end();
    let harness = Harness::of(source, MemorySink::new());
    let silent = some(first, 6);
    let filter = Filter::new(&harness.sink, &silent, Failure::Silence);
    let source = harness.source.clone();
    let given = async move {
        // The pages without a silent event.
        while source.settled_events() < 940 {
            sleep(Duration::from_secs(1)).await;
        }
        let mut slowest = Duration::ZERO;
        for (n, page) in later.into_iter().enumerate() {
            source.push(page);
            let began = Instant::now();
            while source.settled_events() < 940 + 10 * (n + 1) {
                sleep(Duration::from_millis(50)).await;
            }
            slowest = slowest.max(began.elapsed());
            sleep(Duration::from_secs(20)).await;
        }
        println!("the slowest page took {slowest:?}");
        assert!(slowest < Duration::from_secs(1), "{slowest:?}");
        // They are dead-lettered by and by.
        sleep(60 * MINUTE).await;
    };
    let builder = harness
        .builder_with(filter)
        .max_in_flight_deliveries(200)
        .max_in_flight_requests(2);
    let summary = run_until(builder, given).await.unwrap();
    assert_eq!((summary.delivered, summary.dead_lettered), (1_994, 6));
    let letters = harness.dead_letters.records();
    let letters: HashSet<Bytes> = letters.into_iter().map(|letter| letter.bytes).collect();
    let silent: HashSet<Bytes> = silent.into_iter().map(|event| event.json).collect();
    assert_eq!(letters, silent);
}

/// The filter lets it through after a while, and the sink itself finds it bad.
#[tokio::test(start_paused = true)]
async fn suspect_that_the_sink_rejects_is_dead_lettered_as_rejected() {
    let (pages, events) = pages(1, 500);
    let harness = Harness::new(AckOrder::Cumulative, pages);
    let bad = some(&events, 1);
    let mut filter = Filter::new(&harness.sink, &bad, Failure::Page);
    filter.rejects_alone = true;
    let summary = run(harness.builder_with(filter)).await.unwrap();
    assert_eq!((summary.delivered, summary.dead_lettered), (499, 1));
    let letters = harness.dead_letters.records();
    assert_eq!(letters[0].reason, DeadLetterReason::Rejected);
    assert_eq!(letters[0].bytes, bad[0].json);
}

/// A web filter refuses every request with the event before the sink sees the key.
#[tokio::test(start_paused = true)]
async fn refused_key_behind_a_filter_is_found_by_a_check_and_ends_the_run() {
    for failure in Failure::ALL {
        let (pages, events) = pages(1, 2);
        let harness = Harness::new(AckOrder::Cumulative, pages);
        let mut filter = Filter::new(&harness.sink, &events, failure);
        filter.check_error = Some(|| Error::new(ErrorKind::Unauthorized, "401"));
        let run = run(harness.builder_with(filter));
        let failed = timeout(30 * MINUTE, run).await.expect("it ends");
        let failed = failed.expect_err("its key is refused");
        let kind = failed.error.kind();
        let is_refusal = matches!(kind, ErrorKind::Unauthorized | ErrorKind::Forbidden);
        assert!(is_refusal, "{failure:?}: {kind:?}");
        assert_eq!(failed.summary.handed_back, 2);
    }
}

/// That something answers a check with 404 does not tell that the key is good.
#[tokio::test(start_paused = true)]
async fn refused_key_rests_whatever_else_a_check_meets() {
    let (pages, events) = pages(1, 2);
    let harness = Harness::new(AckOrder::Cumulative, pages);
    let mut filter = Filter::new(&harness.sink, &events, Failure::Forbidden);
    filter.check_error = Some(|| Error::new(ErrorKind::WrongEndpoint, "404"));
    let failed = run(harness.builder_with(filter.clone())).await;
    assert_eq!(failed.unwrap_err().error.kind(), ErrorKind::Forbidden);
    let [(first, _), (second, _)] = filter.poison_sent.lock().unwrap()[..] else {
        panic!("one request, and one more");
    };
    assert!(second - first >= MINUTE, "{:?}", second - first);
}

/// It waits for its turn behind others that take long.
#[tokio::test(start_paused = true)]
async fn suspect_that_expires_while_it_waits_for_its_turn_is_not_sent() {
    for seconds in (120..600).step_by(7) {
        let mut generator = EventGenerator::new(3);
        let left = Duration::from_secs(seconds);
        let day = TimeDelta::hours(24);
        let bad = generator.event(start() - day + TimeDelta::from_std(left).unwrap());
        let others = (0..40).map(|_| generator.event(start()));
        let events: Vec<_> = std::iter::once(bad.clone()).chain(others).collect();
        let silent = &events[..4];
        let page = vec![events.iter().map(|event| event.json.clone()).collect()];
        let one = BatchLimits::new(1, 100_000);
        let source = MemorySource::new(AckOrder::Individual, page);
        let harness = Harness::of(source, MemorySink::with_limits(one));
        let filter = Filter::new(&harness.sink, silent, Failure::Silence);
        let began = Instant::now();
        let builder = harness.builder_with(filter.clone());
        let summary = run(builder.max_in_flight_requests(1)).await.unwrap();
        assert_eq!((summary.delivered, summary.too_old), (37, 1));
        let sent = filter.poison_sent.lock().unwrap().clone();
        let sent = sent.iter().filter(|(_, text)| *text == bad.json);
        let sent: Vec<_> = sent.map(|(at, _)| *at - began).collect();
        assert!(sent.len() >= 2, "it is a suspect");
        assert!(sent.iter().all(|at| *at <= left), "{sent:?} of {left:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn suspect_is_no_fault_of_the_sink() {
    let (pages, events) = pages(3, 1000);
    let source = MemorySource::new(AckOrder::Individual, pages).without_end();
    let harness = Harness::of(source, MemorySink::new());
    let filter = Filter::new(&harness.sink, &some(&events, 1), Failure::ServerError);
    let pipeline = harness.builder_with(filter).build().unwrap();
    let handle = pipeline.handle();
    let run = tokio::spawn(pipeline.run(std::future::pending()));
    sleep(2 * MINUTE).await;
    let status = handle.status();
    assert_eq!((status.summary.delivered, status.pending), (2999, 1));
    assert_eq!(status.state, PipelineState::Running, "{status:?}");
    run.abort();
}

/// While no clock is known it is handed back once it seems too old, and comes again to another pipeline.
#[tokio::test(start_paused = true)]
async fn lost_answer_of_a_suspect_is_known_when_it_comes_again() {
    let mut generator = EventGenerator::new(3);
    let left = TimeDelta::minutes(3);
    let bad = generator.event(start() - TimeDelta::hours(24) + left);
    let mut page = vec![bad.json.clone()];
    page.extend((0..500).map(|_| generator.event(start()).json));
    let state = SinkState::default();
    let day = AgeFilter::DEFAULT_LIMIT;
    let after_acceptance = Failure::ServerErrorAfterAcceptance;
    let mut letters = Vec::new();
    for (limit, failure, offset) in [
        (day, after_acceptance, ClockOffset::unknown()),
        (2 * day, Failure::Page, ClockOffset::default()),
    ] {
        let source = MemorySource::new(AckOrder::Individual, vec![page.clone()]);
        let source = source.with_clock_offset(offset);
        let harness = Harness::of(source, MemorySink::new());
        let filter = Filter::new(&harness.sink, slice::from_ref(&bad), failure);
        let builder = harness
            .builder_with(filter)
            .sink_state(state.clone())
            .age_filter(AgeFilter::new(limit, AgePolicy::Drop));
        let source = harness.source.clone();
        let handed_back = poll_fn(|_| match source.handed_back() {
            0 => Poll::Pending,
            _ => Poll::Ready(()),
        });
        let summary = run_until(builder, handed_back).await.unwrap();
        assert_eq!(summary.delivered, 500);
        letters = harness.dead_letters.records();
        assert_eq!(letters.is_empty(), summary.handed_back > 0);
    }
    let [letter] = &letters[..] else {
        panic!("{letters:?}");
    };
    assert_eq!(letter.reason, DeadLetterReason::Blocked);
    assert!(letter.may_have_arrived, "the first pipeline lost an answer");
}
