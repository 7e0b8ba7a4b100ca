//! Orgs beside bad ones, in memory under injected time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use coralogix_sink::CoralogixSink;
use coralogix_sink::simulator::{CoralogixSimulator, okta_uuid};
use http::{Request, Response};
use okta_coralogix_core::observe::TracingObserver;
use okta_coralogix_core::testing::{EventGenerator, MemoryDeadLetters, TestClock};
use okta_coralogix_core::transport::{Body, Transport, TransportError};
use okta_coralogix_core::{Clock, CoralogixMapping, ErrorKind, Result};
use okta_coralogix_examples::audit::AuditSides;
use okta_coralogix_examples::pull::config::{
    Connect, Connection, Integration, RunOptions, RunReport, SecretValues, run_all,
};
use okta_source::OktaSource;
use okta_source::simulator::OktaSimulator;
use tokio::time::{Instant, sleep};

const ORGS: usize = 50;
const BAD: usize = 5;
const MINUTES: u64 = 20;

fn start() -> DateTime<Utc> {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

/// A transport to an org that cannot be polled.
#[derive(Debug, Clone, Copy)]
enum BadOrg {
    Hangs,
    Unreachable,
    Refuses(u16),
}

#[async_trait]
impl Transport for BadOrg {
    async fn call(&self, _: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        match self {
            Self::Hangs => std::future::pending().await,
            Self::Unreachable => Err(TransportError::Connect("refused".into())),
            Self::Refuses(status) => {
                let refusal = Bytes::from_static(br#"{"errorCode":"E0000011"}"#);
                let body: Body = Box::pin(futures::stream::iter([Ok(refusal)]));
                Ok(Response::builder().status(*status).body(body).unwrap())
            }
        }
    }
}

/// An org, and the ingress that it sends to.
#[derive(Debug)]
struct Remotes {
    number: usize,
    org: Arc<dyn Transport>,
    sink: Arc<CoralogixSink>,
}

impl Connect for Remotes {
    fn connect(&self, _: &SecretValues) -> Result<Connection> {
        let source = OktaSource::builder()
            .org_url(format!("https://org{}.okta.com", self.number))
            .api_token("00t")
            .transport(Arc::clone(&self.org));
        let mapping = CoralogixMapping::builder().build()?;
        Ok(Connection::new(source, Arc::clone(&self.sink), mapping))
    }

    fn audit_sides(&self, _: &SecretValues) -> Result<AuditSides> {
        unreachable!("it is not audited")
    }
}

/// When each event arrived.
type Arrivals = Arc<Mutex<HashMap<String, Instant>>>;

/// Polls [`ORGS`] orgs for a while; the mean time in seconds from an event to its arrival, of the good ones, and how it ended.
async fn lag(bad: &[BadOrg]) -> (f64, RunReport) {
    let clock: Arc<dyn Clock> = Arc::new(TestClock::starting_at(start()));
    let arrivals = Arrivals::default();
    let seen = Arc::clone(&arrivals);
    let ingress = CoralogixSimulator::builder()
        .key("k")
        .clock(Arc::clone(&clock))
        .identity(move |text| {
            let uuid = okta_uuid(text)?;
            seen.lock()
                .unwrap()
                .entry(uuid.clone())
                .or_insert_with(Instant::now);
            Some(uuid)
        })
        .build();
    let sink = CoralogixSink::builder()
        .endpoint("http://127.0.0.1")
        .api_key("k")
        .transport(Arc::new(ingress.clone()))
        .build()
        .unwrap();
    let sink = Arc::new(sink);
    let folder = tempfile::tempdir().unwrap();
    let mut orgs = Vec::new();
    let mut integrations = Vec::new();
    for n in 0..ORGS {
        let transport: Arc<dyn Transport> = match bad.get(n) {
            Some(org) => Arc::new(*org),
            None => {
                let org = OktaSimulator::builder()
                    .token("00t")
                    .clock(Arc::clone(&clock))
                    .build();
                orgs.push(org.clone());
                Arc::new(org)
            }
        };
        let remotes = Remotes {
            number: n,
            org: transport,
            sink: Arc::clone(&sink),
        };
        let checkpoint = folder.path().join(format!("{n}.json"));
        let mut integration = Integration::new(&format!("org{n}"), checkpoint, remotes);
        integration.pipeline.drain_timeout = Some(Duration::from_secs(30));
        integrations.push(integration);
    }
    let happened = Mutex::new(Vec::new());
    let happens = async {
        let mut generator = EventGenerator::new(9);
        for _ in 0..MINUTES * 6 {
            sleep(Duration::from_secs(10)).await;
            for org in &orgs {
                let event = generator.event(clock.now());
                org.append_all([event.json]);
                happened.lock().unwrap().push((event.uuid, Instant::now()));
            }
        }
        sleep(Duration::from_secs(60)).await;
    };
    let options = RunOptions {
        once: None,
        clock: Arc::clone(&clock),
        admin: Arc::default(),
        dry_run: None,
        shared_logs: None,
    };
    let dead_letters = Arc::new(MemoryDeadLetters::default());
    let ended = run_all(
        integrations,
        &options,
        dead_letters,
        TracingObserver::new(),
        happens,
    )
    .await;
    let arrivals = arrivals.lock().unwrap();
    let happened = happened.into_inner().unwrap();
    let lags = happened.iter().map(|(uuid, at)| {
        let arrived = arrivals
            .get(uuid)
            .unwrap_or_else(|| panic!("{uuid} is missing"));
        arrived.duration_since(*at).as_secs_f64()
    });
    let mean = lags.sum::<f64>() / happened.len() as f64;
    (mean, ended)
}

#[tokio::test(start_paused = true)]
async fn bad_orgs_delay_none_of_the_others() {
    let (alone, ended) = lag(&[]).await;
    assert!(ended.failed.is_empty(), "{ended:?}");
    let bad = [
        BadOrg::Hangs,
        BadOrg::Unreachable,
        BadOrg::Refuses(429),
        BadOrg::Refuses(500),
        BadOrg::Refuses(401),
    ];
    assert_eq!(bad.len(), BAD);
    let (beside, ended) = lag(&bad).await;
    let failed: Vec<_> = ended
        .failed
        .iter()
        .map(|(name, error)| (&**name, error.kind()))
        .collect();
    assert_eq!(failed, [("org4", ErrorKind::Unauthorized)]);
    let ratio = beside / alone;
    println!(
        "mean lag of the good orgs: {alone:.2} s of 50, {beside:.2} s beside 5 bad ones; ratio {ratio:.3}"
    );
    assert!(ratio < 1.1, "{ratio}");
    assert!(ended.summary.is_balanced());
}
