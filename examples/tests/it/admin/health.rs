//! `/livez` and `/readyz`: what they depend on, and what they do not.

use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use coralogix_sink::simulator::Fault;
use okta_coralogix_core::observe::{Observer, PipelineContext, PipelineEvent};
use okta_coralogix_core::testing::{
    EventGenerator, LogCapture, MemoryDeadLetters, MemorySink, MemorySource,
};
use okta_coralogix_core::{AckOrder, Clock, Pipeline, SystemClock};
use okta_coralogix_examples::program::admin::Admin;
use okta_coralogix_examples::program::listen::ListenAddress;
use okta_coralogix_examples::program::metrics::SourceKind;
use okta_source::simulator::Fault as OrgFault;
use tokio::runtime;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::program_observer::program_observer;
use super::samples::{Answer, Program, ask};
use super::situation::assert_logged;
use crate::harness::Harness;

/// A listener for whose probes a loop hangs after this long.
fn admin(turn: Duration) -> Admin {
    let address = ListenAddress::parse("--admin-listen", "0", 9090).unwrap();
    Admin::listen(&address, None, turn).unwrap()
}

fn source(events: usize) -> MemorySource {
    let mut generator = EventGenerator::new(4);
    let events = (0..events).map(|_| generator.event(SystemClock.now()).json);
    MemorySource::new(AckOrder::Cumulative, vec![events.collect()]).without_end()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn livez_does_not_depend_on_okta_or_coralogix() {
    let harness = Harness::new().await;
    harness.backlog(10);
    harness.ingress.fail_always(Some(Fault::status(503)));
    let folder = harness.folder.path();
    let program = Program::start("pull", folder, &harness.variables(), &[]).await;
    program
        .until(|samples| samples.get("failing", &["stage=\"sink\""]) == Some(1.0))
        .await;
    // The next polls fail as well.
    harness.org.script_times(1000, OrgFault::Unavailable);
    for _ in 0..3 {
        for path in ["/livez", "/readyz"] {
            let answer = ask(program.address, &format!("GET {path}")).await;
            assert_eq!((answer.status, &*answer.body), (200, "ok\n"), "{path}");
        }
    }
    let status = ask(program.address, "GET /status").await;
    let status: serde_json::Value = serde_json::from_str(&status.body).unwrap();
    let pipeline = &status["pipelines"][0];
    assert_eq!(pipeline["state"], "retrying", "{status:#}");
    assert_eq!(pipeline["faults"][0]["stage"], "sink", "{status:#}");
    assert!(!pipeline["faults"][0]["error"].as_str().unwrap().is_empty());
    assert_eq!(pipeline["counts"]["received"], 10);
    assert_eq!(pipeline["pending"], 10);
    program.terminate().await;
    program.ended().await;
}

/// Asks until the answer has this status.
async fn answered(address: SocketAddr, request: &str, status: u16) -> Answer {
    let asks = async {
        loop {
            let answer = ask(address, request).await;
            if answer.status == status {
                return answer;
            }
        }
    };
    timeout(Duration::from_secs(60), asks).await.unwrap()
}

/// Blocks the task of the pipeline, as a fault of the program would.
#[derive(Debug, Clone, Default)]
struct Blocking(Arc<(Mutex<bool>, Condvar)>);

impl Blocking {
    fn set(&self, blocks: bool) {
        *self.0.0.lock().unwrap() = blocks;
        self.0.1.notify_all();
    }
}

impl Observer for Blocking {
    fn observe(&self, _: &PipelineContext<'_>, _: &PipelineEvent<'_>) {
        let (blocks, changed) = &*self.0;
        let blocks = blocks.lock().unwrap();
        drop(changed.wait_while(blocks, |blocks| *blocks).unwrap());
    }
}

#[tokio::test]
async fn livez_fails_while_the_loop_of_a_run_hangs() {
    let log = LogCapture::start();
    // The shortest there are.
    let observer = program_observer(&[
        ("OKTA_CORALOGIX_LOG_INTERVAL", "1s"),
        ("OKTA_CORALOGIX_HEARTBEAT_INTERVAL", "1s"),
    ]);
    let admin = admin(Duration::from_millis(300));
    let address = admin.address().unwrap();
    let monitor = admin.monitor("acme", SourceKind::Pull);
    let blocking = Blocking::default();
    let source = source(10);
    let pushed = source.clone();
    let pipeline = Pipeline::builder(source, MemorySink::new())
        .dead_letters(MemoryDeadLetters::default())
        .observer((observer, (blocking.clone(), monitor.clone())))
        .build()
        .unwrap();
    let handle = pipeline.handle();
    monitor.attach(handle.clone());
    let (stop, stopped) = oneshot::channel::<()>();
    // Its runtime hangs with it.
    let run = std::thread::spawn(|| {
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        let ended = runtime.unwrap().block_on(pipeline.run(async {
            stopped.await.ok();
        }));
        ended.map_err(|failed| failed.error)
    });
    while !handle.turn().await {
        tokio::task::yield_now().await;
    }
    let live = ask(address, "GET /livez").await;
    assert_eq!(live.status, 200, "{live:?}");
    let beat = async || {
        let samples = super::samples::scrape(address).await;
        samples.sum("heartbeat_timestamp_seconds", &[])
    };
    let first = beat().await;
    blocking.set(true);
    pushed.push(vec![EventGenerator::new(5).event(SystemClock.now()).json]);
    let hangs = answered(address, "GET /livez?verbose", 503).await;
    assert_eq!(hangs.body, "[-]acme: its loop does not turn\n");
    let last = beat().await;
    assert!(last >= first);
    assert_eq!(beat().await, last, "it stands still while the loop hangs");
    let mut lines = String::new();
    let sign_of_life = async {
        while !lines.contains("no event has moved") {
            assert_eq!(beat().await, last);
            lines += &log.take();
        }
    };
    timeout(Duration::from_secs(60), sign_of_life).await.ok();
    assert_logged("the program hangs", &lines);
    blocking.set(false);
    answered(address, "GET /livez", 200).await;
    assert!(beat().await > last);
    stop.send(()).unwrap();
    run.join().unwrap().unwrap();
}

#[tokio::test]
async fn readyz_is_503_before_the_pipeline_is_open_and_while_it_drains() {
    let admin = admin(Duration::from_secs(5));
    let address = admin.address().unwrap();
    let ready = async || {
        let answer = ask(address, "GET /readyz?verbose").await;
        (answer.status, answer.body)
    };
    assert_eq!(ready().await, (503, "[-]program: starting\n".into()));
    let monitor = admin.monitor("acme", SourceKind::Pull);
    assert_eq!(ready().await, (503, "[-]acme: opening\n".into()));
    let sink = MemorySink::new().with_latency(Duration::from_secs(3600));
    let pipeline = Pipeline::builder(source(10), sink)
        .observer(monitor.clone())
        .build()
        .unwrap();
    let handle = pipeline.handle();
    monitor.attach(handle.clone());
    let (stop, stopped) = oneshot::channel::<()>();
    let run = tokio::spawn(pipeline.run(async {
        stopped.await.ok();
    }));
    while !handle.turn().await {
        tokio::task::yield_now().await;
    }
    assert_eq!(ready().await, (200, "[+]acme: running\n".into()));
    stop.send(()).unwrap();
    handle.turn().await;
    handle.turn().await;
    assert_eq!(ready().await, (503, "[-]acme: draining\n".into()));
    let live = ask(address, "GET /livez").await;
    assert_eq!(live.status, 200, "a drain is no reason to be killed");
    run.abort();
}
