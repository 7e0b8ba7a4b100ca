//! SIGKILL at random moments, while a caller sends: the caller repeats unanswered requests.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use coralogix_sink::simulator::Fault;
use eventbridge_source::simulator::ApiDestination;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::harness::{Harness, envelope};
use crate::disconnects::Proxy;
use crate::harness::{fresh, terminate};
use crate::seeds::seeds;

const EVENTS: usize = 2000;
const KILLS: usize = 8;

/// The time between two events of the caller, and how much faster than EventBridge it comes again.
const DISTANCE: Duration = Duration::from_millis(1);
const COMPRESS: f64 = 50.0;

/// The port stays the same over all processes: a proxy has it, which refuses a connection now and then and cuts none.
const WHOLE: (usize, usize) = (usize::MAX, usize::MAX);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_endpoint_loses_nothing_and_repeats_only_unanswered_events() {
    for seed in seeds(6) {
        killed(seed).await;
    }
}

async fn killed(seed: u64) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut harness = Harness::new().await;
    let slow = Fault::Slow(Duration::from_millis(20));
    harness.ingress.fail_always(Some(slow));
    let mut program = harness.listen(&harness.variables(), &[]).await;
    let proxy = Proxy::before(&program.address, WHOLE, seed).await;
    program.address = proxy.base_url().replace("http://", "");
    let caller = Caller::new(program.destination().compress(COMPRESS).seed(seed).build());
    let events = fresh(EVENTS);
    let began = Instant::now();
    let answered = Arc::clone(&caller.answered);
    let bodies = events.iter().map(|event| envelope(&event.json)).collect();
    let calls = tokio::spawn(caller.call(bodies));
    let mut explained = 0;
    for _ in 0..KILLS {
        // Each process must deliver an event; the moment of the kill after that is random.
        let target = harness.ingress.arrivals() + rng.usize(1..EVENTS / KILLS / 2);
        while harness.ingress.arrivals() < target && !calls.is_finished() {
            tokio::task::yield_now().await;
        }
        sleep(Duration::from_micros(rng.u64(..40_000))).await;
        program.child.kill().await.unwrap();
        // The requests of the dead process are accepted now or never.
        harness.ingress_server.stop().await;
        let ledger = harness.ingress.ledger();
        let arrived = ledger.ids().collect::<HashSet<_>>().len();
        explained += arrived.saturating_sub(answered.load(Ordering::SeqCst));
        harness.ingress_server.start().await.unwrap();
        program = harness.listen(&harness.variables(), &[]).await;
        proxy.lead_to(&program.address);
    }
    calls.await.unwrap();
    terminate(&program.child).await;
    assert_eq!(program.ended().await.code, Some(0));

    let ledger = harness.ingress.ledger();
    let missing = ledger.missing(events.iter().map(|event| &*event.uuid));
    assert_eq!(missing, [""; 0], "nothing is lost");
    let repeats = ledger.repeats();
    println!(
        "seed {seed}, {KILLS} kills, {EVENTS} events, {:?}: 0 lost, {repeats} repeated, {explained} were not answered at a kill",
        began.elapsed()
    );
    assert!(
        repeats <= explained,
        "{repeats} repeated, {explained} explained"
    );
}

/// Calls an endpoint with each event until it is answered 200.
struct Caller {
    destination: ApiDestination,
    answered: Arc<AtomicUsize>,
}

impl Caller {
    fn new(destination: ApiDestination) -> Self {
        Self {
            destination,
            answered: Arc::default(),
        }
    }

    async fn call(self, bodies: Vec<Bytes>) {
        let mut calls = JoinSet::new();
        for body in bodies {
            let (destination, answered) = (self.destination.clone(), Arc::clone(&self.answered));
            calls.spawn(async move {
                destination.invoke(body).await.unwrap();
                answered.fetch_add(1, Ordering::SeqCst);
            });
            sleep(DISTANCE).await;
        }
        while let Some(called) = calls.join_next().await {
            called.unwrap();
        }
    }
}
