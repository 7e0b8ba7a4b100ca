//! The end of a run: the source saves what it remembers, and a settlement that was lost takes the later ones with it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use okta_coralogix_core::filter::DedupWindow;
use okta_coralogix_core::observe::{Observer, PipelineContext, PipelineEvent};
use okta_coralogix_core::pipeline::RunError;
use okta_coralogix_core::sink::{Batch, BatchLimits, EncodeError};
use okta_coralogix_core::testing::{EventGenerator, MemorySink, SinkFault, TestClock};
use okta_coralogix_core::{
    AckOrder, Acker, Delivery, Error, ErrorKind, EventSource, LogEntry, LogSink, Origin, Outcome,
    Pipeline, RawEvent, Result, Summary,
};
use tokio::time::{Instant, sleep, timeout};

use super::harness::start;

#[derive(Debug, Default)]
struct State {
    /// The outcomes of each settlement, in turn.
    settled: Vec<Vec<Outcome>>,
    settle_faults: VecDeque<Error>,
    closes: usize,
    close_faults: VecDeque<Error>,
    close_takes: Duration,
}

type Shared = Arc<Mutex<State>>;

/// A cumulative source of so many deliveries of one event, which it gives once.
#[derive(Debug)]
struct Pages {
    left: usize,
    generator: EventGenerator,
    state: Shared,
    /// It waits for more after the last one.
    is_endless: bool,
}

#[derive(Debug)]
struct PageAcker(Shared);

#[async_trait]
impl Acker for PageAcker {
    async fn settle(self: Box<Self>, outcomes: &[Outcome]) -> Result<()> {
        let mut state = self.0.lock().unwrap();
        state.settled.push(outcomes.to_vec());
        state.settle_faults.pop_front().map_or(Ok(()), Err)
    }
}

#[async_trait]
impl EventSource for Pages {
    fn ack_order(&self) -> AckOrder {
        AckOrder::Cumulative
    }

    fn dedup_window(&self) -> DedupWindow {
        DedupWindow::default()
    }

    async fn next(&mut self) -> Result<Option<Delivery>> {
        let Some(left) = self.left.checked_sub(1) else {
            match self.is_endless {
                true => std::future::pending().await,
                false => return Ok(None),
            }
        };
        self.left = left;
        let json = self.generator.event(start()).json;
        let item = RawEvent::parse(json, Arc::new(Origin::org("acme")));
        let acker = PageAcker(Arc::clone(&self.state));
        Ok(Some(Delivery::new(vec![item], Box::new(acker))))
    }

    async fn close(&mut self) -> Result<()> {
        let takes = self.state.lock().unwrap().close_takes;
        sleep(takes).await;
        let mut state = self.state.lock().unwrap();
        state.closes += 1;
        state.close_faults.pop_front().map_or(Ok(()), Err)
    }
}

fn pages(left: usize, state: &Shared) -> Pages {
    Pages {
        left,
        generator: EventGenerator::new(3),
        state: Arc::clone(state),
        is_endless: false,
    }
}

async fn run(
    source: Pages,
    sink: &MemorySink,
    shutdown: impl Future<Output = ()>,
) -> Result<Summary, RunError> {
    let clock = Arc::new(TestClock::starting_at(start()));
    let pipeline = Pipeline::builder(source, sink.clone()).clock(clock);
    let pipeline = pipeline.refusal_wait(Duration::ZERO);
    pipeline.build().unwrap().run(shutdown).await
}

fn storage(is_temporary: bool) -> Error {
    match is_temporary {
        true => Error::temporary(ErrorKind::Storage, "the folder is away"),
        false => Error::new(ErrorKind::Storage, "the disk is full"),
    }
}

#[tokio::test(start_paused = true)]
async fn source_is_closed_once_at_each_orderly_end() {
    let refused = || SinkFault::Refuse(Error::new(ErrorKind::Unauthorized, "401"));
    for (is_endless, is_refused) in [(false, false), (true, false), (true, true)] {
        let (state, sink) = (Shared::default(), MemorySink::new());
        if is_refused {
            sink.script([refused(), refused()]);
        }
        let source = Pages {
            is_endless,
            ..pages(2, &state)
        };
        let ended = run(source, &sink, sleep(Duration::from_secs(60))).await;
        assert_eq!(ended.is_err(), is_refused);
        assert_eq!(state.lock().unwrap().closes, 1, "{is_endless} {is_refused}");
    }
    let state = Shared::default();
    let source = Pages {
        is_endless: true,
        ..pages(2, &state)
    };
    let sink = MemorySink::new();
    let run = run(source, &sink, std::future::pending());
    assert!(timeout(Duration::from_secs(60), run).await.is_err());
    assert_eq!(state.lock().unwrap().closes, 0, "the run was dropped");
}

#[tokio::test(start_paused = true)]
async fn source_that_cannot_be_closed_at_first_is_closed_again() {
    let state = Shared::default();
    state.lock().unwrap().close_faults = [storage(true), storage(true)].into();
    let (source, sink) = (pages(1, &state), MemorySink::new());
    let summary = run(source, &sink, std::future::pending()).await;
    assert_eq!(summary.unwrap().delivered, 1);
    assert_eq!(state.lock().unwrap().closes, 3);
}

#[tokio::test(start_paused = true)]
async fn source_that_cannot_be_closed_fails_the_run_within_5_seconds() {
    let full: VecDeque<_> = [storage(false)].into();
    let away: VecDeque<_> = (0..1_000).map(|_| storage(true)).collect();
    for (faults, takes) in [
        (full, Duration::ZERO),
        (away, Duration::ZERO),
        (VecDeque::new(), Duration::from_secs(3_600)),
    ] {
        let state = Shared::default();
        {
            let mut state = state.lock().unwrap();
            (state.close_faults, state.close_takes) = (faults, takes);
        }
        let began = Instant::now();
        let (source, sink) = (pages(1, &state), MemorySink::new());
        let failed = run(source, &sink, std::future::pending()).await;
        let failed = failed.unwrap_err();
        assert_eq!(failed.error.kind(), ErrorKind::Storage);
        assert_eq!(failed.summary.delivered, 1);
        assert!(began.elapsed() <= Duration::from_secs(6), "{takes:?}");
    }
}

/// Counts the settlements that failed.
#[derive(Debug, Clone, Default)]
struct SettleFaults(Arc<Mutex<usize>>);

impl Observer for SettleFaults {
    fn observe(&self, _: &PipelineContext<'_>, event: &PipelineEvent<'_>) {
        if let PipelineEvent::SettleFailed { error, .. } = event {
            assert_eq!(error.kind(), ErrorKind::Storage);
            *self.0.lock().unwrap() += 1;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn source_that_cannot_be_closed_is_told_beside_another_error() {
    for is_refused in [false, true] {
        let state = Shared::default();
        state.lock().unwrap().close_faults = [storage(false)].into();
        let (observer, sink) = (SettleFaults::default(), MemorySink::new());
        if is_refused {
            sink.refuse_all(Some(|| Error::new(ErrorKind::Unauthorized, "401")));
        }
        let pipeline = Pipeline::builder(pages(1, &state), sink)
            .clock(Arc::new(TestClock::starting_at(start())))
            .refusal_wait(Duration::ZERO)
            .observer(observer.clone());
        let failed = pipeline.build().unwrap().run(std::future::pending()).await;
        let kind = failed.unwrap_err().error.kind();
        let expected = match is_refused {
            true => ErrorKind::Unauthorized,
            false => ErrorKind::Storage,
        };
        assert_eq!(kind, expected);
        let told = usize::from(is_refused);
        assert_eq!(*observer.0.lock().unwrap(), told, "else it ends the run");
    }
}

/// The source gives them again: they must not be settled before the one that was lost.
#[tokio::test(start_paused = true)]
async fn deliveries_behind_a_lost_settlement_are_handed_back() {
    let state = Shared::default();
    state.lock().unwrap().settle_faults = [storage(true)].into();
    let sink = MemorySink::new().with_latency(Duration::from_secs(1));
    let source = pages(3, &state);
    run(source, &sink, std::future::pending()).await.unwrap();
    let state = state.lock().unwrap();
    let expected = [Outcome::Settled, Outcome::HandedBack, Outcome::HandedBack];
    assert_eq!(state.settled, expected.map(|outcome| vec![outcome]));
}

/// A sink that can fail to be closed, or take its time.
#[derive(Debug)]
struct Closes {
    sink: MemorySink,
    faults: Mutex<VecDeque<Error>>,
    takes: Duration,
    count: Arc<Mutex<usize>>,
}

#[async_trait]
impl LogSink for Closes {
    fn limits(&self) -> BatchLimits {
        self.sink.limits()
    }

    fn encode(&self, entries: &[LogEntry]) -> Result<Batch, EncodeError> {
        self.sink.encode(entries)
    }

    async fn send(&self, batch: &Batch) -> Result<()> {
        self.sink.send(batch).await
    }

    async fn close(&self) -> Result<()> {
        *self.count.lock().unwrap() += 1;
        sleep(self.takes).await;
        self.faults.lock().unwrap().pop_front().map_or(Ok(()), Err)
    }
}

#[tokio::test(start_paused = true)]
async fn sink_is_closed_beside_the_source_and_again_after_a_passing_fault() {
    let unavailable = || Error::temporary(ErrorKind::Unavailable, "not now");
    let refused = || Error::new(ErrorKind::Unauthorized, "no");
    let (at_once, hangs) = (Duration::ZERO, Duration::from_secs(3_600));
    for (faults, takes, closes, ends_with) in [
        (vec![], at_once, 1, None),
        (vec![unavailable()], at_once, 2, None),
        (vec![refused()], at_once, 1, Some(ErrorKind::Unauthorized)),
        (vec![], hangs, 1, Some(ErrorKind::TimedOut)),
    ] {
        let (state, count) = (Shared::default(), Arc::default());
        // What it saves needs as long as it may: a sink that hangs must not take that time.
        state.lock().unwrap().close_takes = Duration::from_secs(4);
        let sink = Closes {
            sink: MemorySink::new(),
            faults: Mutex::new(faults.into()),
            takes,
            count: Arc::clone(&count),
        };
        let clock = TestClock::starting_at(start());
        let pipeline = Pipeline::builder(pages(2, &state), sink).clock(clock);
        let began = Instant::now();
        let run = pipeline.build().unwrap().run(std::future::pending()).await;
        assert!(began.elapsed() <= Duration::from_secs(6), "{takes:?}");
        assert_eq!(*count.lock().unwrap(), closes);
        assert_eq!(state.lock().unwrap().closes, 1, "and so is the source");
        assert_eq!(
            run.as_ref().err().map(|failed| failed.error.kind()),
            ends_with
        );
        let summary = run.unwrap_or_else(|failed| failed.summary);
        assert_eq!(summary.delivered, 2);
    }
}
