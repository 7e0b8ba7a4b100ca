//! Something between answers in the place of the sink or the source.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use okta_coralogix_core::filter::DedupWindow;
use okta_coralogix_core::sink::{Batch, BatchLimits, EncodeError};
use okta_coralogix_core::testing::{MemorySink, MemorySource};
use okta_coralogix_core::{
    AckOrder, AnswerCounter, Delivery, Error, ErrorKind, EventSource, LogEntry, LogSink, Pipeline,
    Result,
};
use tokio::time::{Instant, sleep};

use super::harness::{Harness, pages, run, run_until};

const MINUTE: Duration = Duration::from_secs(60);

/// The answers of a gateway before a sink.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// The sink's own.
    Sinks,
    /// A 403 page; the sink sees nothing.
    Page,
    /// A 200 page, after the sink accepted the request.
    PageAfterAcceptance,
    /// A 200 page; the sink sees nothing.
    SuccessPage,
}

/// A gateway that answers by the time since the start and by the number of requests before; an empty request is a check.
#[derive(Debug, Clone)]
struct Gateway<S> {
    sink: S,
    started: Instant,
    answer: fn(Duration, usize) -> Answer,
    /// When each request came, and whether it held entries.
    requests: Arc<Mutex<Vec<(Duration, bool)>>>,
}

impl<S: LogSink + Clone> Gateway<S> {
    fn before(sink: &S, answer: fn(Duration, usize) -> Answer) -> Self {
        Self {
            sink: sink.clone(),
            started: Instant::now(),
            answer,
            requests: Arc::default(),
        }
    }

    fn answer(&self, holds_entries: bool) -> Answer {
        let time = self.started.elapsed();
        let mut requests = self.requests.lock().unwrap();
        let answer = (self.answer)(time, requests.len());
        requests.push((time, holds_entries));
        answer
    }

    /// The requests with entries, and the checks.
    fn counts(&self) -> (usize, usize) {
        let requests = self.requests.lock().unwrap();
        let sends = requests.iter().filter(|request| request.1).count();
        (sends, requests.len() - sends)
    }
}

fn page(ambiguous: bool) -> Error {
    Error::temporary(ErrorKind::Intercepted, "a web page").with_ambiguity(ambiguous)
}

#[async_trait]
impl<S: LogSink + Clone> LogSink for Gateway<S> {
    fn limits(&self) -> BatchLimits {
        self.sink.limits()
    }

    fn encode(&self, entries: &[LogEntry]) -> Result<Batch, EncodeError> {
        self.sink.encode(entries)
    }

    async fn check(&self) -> Option<Result<()>> {
        Some(match self.answer(false) {
            Answer::Sinks => Ok(()),
            Answer::Page => Err(page(false)),
            Answer::PageAfterAcceptance | Answer::SuccessPage => Err(page(true)),
        })
    }

    async fn send(&self, batch: &Batch) -> Result<()> {
        match self.answer(true) {
            Answer::Sinks => self.sink.send(batch).await,
            Answer::Page => Err(page(false)),
            Answer::SuccessPage => Err(page(true)),
            Answer::PageAfterAcceptance => {
                self.sink.send(batch).await?;
                Err(page(true))
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn block_page_is_waited_for_once_the_sink_has_accepted() {
    let (pages, events) = pages(10, 500);
    let harness = Harness::new(AckOrder::Cumulative, pages);
    let gateway = Gateway::before(&harness.sink, |time, before| match before {
        0 => Answer::Sinks,
        _ if time < 20 * 60 * MINUTE => Answer::Page,
        _ => Answer::Sinks,
    });
    let summary = run(harness.builder_with(gateway.clone())).await.unwrap();
    harness.assert_all_once(&events);
    assert_eq!(
        (summary.delivered, summary.ambiguous_sends),
        (events.len() as u64, 0)
    );
    let (sends, checks) = gateway.counts();
    assert!(checks <= 2 * 60 * 20, "twice a minute: {checks}");
    // 20 h of waits of 15 s on average, up to four requests at a time.
    assert!(sends < 25_000, "{sends}");
}

#[tokio::test(start_paused = true)]
async fn block_page_before_any_acceptance_is_believed_after_five_minutes() {
    for (answer, ambiguous) in [(Answer::Page, false), (Answer::SuccessPage, true)] {
        let (pages, events) = pages(4, 500);
        let harness = Harness::new(AckOrder::Cumulative, pages);
        let gateway = match answer {
            Answer::Page => Gateway::before(&harness.sink, |_, _| Answer::Page),
            _ => Gateway::before(&harness.sink, |_, _| Answer::SuccessPage),
        };
        let started = Instant::now();
        let failed = run(harness.builder_with(gateway.clone()))
            .await
            .unwrap_err();
        assert_eq!(failed.error.kind(), ErrorKind::WrongEndpoint);
        let detail = failed.error.detail();
        assert!(
            detail.contains("300 s") && detail.contains("a web page"),
            "{detail}"
        );
        let minutes = started.elapsed().as_secs_f64() / 60.0;
        assert!((5.0..6.0).contains(&minutes), "{minutes}");
        assert_eq!(failed.summary.handed_back, failed.summary.received);
        assert_eq!(failed.summary.ambiguous_sends > 0, ambiguous);
        assert_eq!(harness.dead_letters.records(), []);
        // Nothing was consumed: the next run delivers everything.
        harness.run().await;
        harness.assert_all_once(&events);
    }
}

#[tokio::test(start_paused = true)]
async fn success_page_repeats_the_request_three_times_and_then_only_checks() {
    let (pages, events) = pages(1, 500);
    let harness = Harness::new(AckOrder::Cumulative, pages);
    // Accepted behind the page each time, for the first four minutes.
    let gateway = Gateway::before(&harness.sink, |time, _| match time < 4 * MINUTE {
        true => Answer::PageAfterAcceptance,
        false => Answer::Sinks,
    });
    let summary = run(harness.builder_with(gateway.clone())).await.unwrap();
    let (sends, checks) = gateway.counts();
    assert_eq!(sends, 5, "the first, three repeats, and one at the end");
    assert!((8..40).contains(&checks), "{checks}");
    assert!(harness.sink.counts().values().all(|count| *count == 5));
    assert_eq!((summary.delivered, summary.dead_lettered), (500, 0));
    assert_eq!(summary.ambiguous_sends, 4);
    assert_eq!(harness.sink.counts().len(), events.len());
}

/// A filter may dislike a word in the entries: checks pass it, and the request never does.
#[tokio::test(start_paused = true)]
async fn success_page_for_the_entries_alone_repeats_them_a_few_times_a_day() {
    let (pages, _) = pages(2, 500);
    let harness = Harness::new(AckOrder::Cumulative, pages);
    let gateway = Gateway::before(&harness.sink, |_, before| match before {
        0 => Answer::Sinks,
        _ => Answer::PageAfterAcceptance,
    });
    let gateway = PassesChecks(gateway);
    let builder = harness.builder_with(gateway.clone());
    let day = sleep(24 * 60 * MINUTE);
    let builder = builder.max_in_flight_requests(1).drain_timeout(MINUTE);
    run_until(builder, day).await.unwrap();
    let counts = harness.sink.counts();
    let most = counts.values().max().copied().unwrap_or_default();
    assert!((20..40).contains(&most), "{most}");
}

/// A gateway that lets checks through.
#[derive(Debug, Clone)]
struct PassesChecks(Gateway<MemorySink>);

#[async_trait]
impl LogSink for PassesChecks {
    fn limits(&self) -> BatchLimits {
        self.0.limits()
    }

    fn encode(&self, entries: &[LogEntry]) -> Result<Batch, EncodeError> {
        self.0.encode(entries)
    }

    async fn send(&self, batch: &Batch) -> Result<()> {
        self.0.send(batch).await
    }
}

/// A source that has no event for a long time, behind a gateway.
#[derive(Debug)]
struct Quiet {
    source: MemorySource,
    answers: AnswerCounter,
    errors: Vec<Error>,
}

#[async_trait]
impl EventSource for Quiet {
    fn ack_order(&self) -> AckOrder {
        self.source.ack_order()
    }

    fn dedup_window(&self) -> DedupWindow {
        self.source.dedup_window()
    }

    fn answers(&self) -> AnswerCounter {
        self.answers.clone()
    }

    async fn next(&mut self) -> Result<Option<Delivery>> {
        match self.errors.pop() {
            None => self.source.next().await,
            Some(error) => {
                // An empty page, and then a page that is not the source's.
                self.answers.increment();
                sleep(MINUTE).await;
                Err(error)
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn block_page_is_waited_for_once_a_quiet_source_has_answered() {
    let (pages, events) = pages(2, 50);
    let harness = Harness::new(AckOrder::Cumulative, pages);
    let source = Quiet {
        source: harness.source.clone(),
        answers: AnswerCounter::default(),
        errors: (0..60).map(|_| page(false)).collect(),
    };
    let pipeline = Pipeline::builder(source, harness.sink.clone());
    let pipeline = pipeline.clock(Arc::clone(&harness.clock)).build().unwrap();
    pipeline.run(std::future::pending()).await.unwrap();
    harness.assert_all_once(&events);
}

#[tokio::test(start_paused = true)]
async fn block_page_before_any_answer_of_the_source_is_believed() {
    let (pages, _) = pages(2, 50);
    let harness = Harness::new(AckOrder::Cumulative, pages);
    harness.source.fail_with((0..200).map(|_| page(false)));
    let started = Instant::now();
    let failed = run(harness.builder()).await.unwrap_err();
    assert_eq!(failed.error.kind(), ErrorKind::WrongEndpoint);
    assert!(started.elapsed() < 6 * MINUTE);
}
