//! `pull --config`: many orgs in one process.

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
use okta_coralogix_core::{Clock, CoralogixMapping, ErrorKind};
use okta_coralogix_examples::pull::config::{Integration, RunOptions, RunReport, run_all};
use okta_source::OktaSource;
use okta_source::simulator::OktaSimulator;
use tokio::time::{Instant, sleep};

use crate::harness::{Exit, Harness, KEY, TOKEN, fresh, start_program};

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
        let source = OktaSource::builder()
            .org_url(format!("https://org{n}.okta.com"))
            .api_token("00t");
        let source = match bad.get(n) {
            Some(org) => source.transport(Arc::new(*org)),
            None => {
                let org = OktaSimulator::builder()
                    .token("00t")
                    .clock(Arc::clone(&clock))
                    .build();
                orgs.push(org.clone());
                source.transport(Arc::new(org))
            }
        };
        let mapping = CoralogixMapping::builder().build().unwrap();
        let checkpoint = folder.path().join(format!("{n}.json"));
        integrations.push(Integration::new(
            &format!("org{n}"),
            source,
            checkpoint,
            mapping,
            Arc::clone(&sink),
        ));
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
        drain_timeout: Duration::from_secs(30),
        clock: Arc::clone(&clock),
    };
    let dead_letters = Arc::new(MemoryDeadLetters::default());
    let ended = run_all(
        integrations,
        &options,
        dead_letters,
        TracingObserver,
        happens,
    )
    .await
    .unwrap();
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

/// A file of integrations with the first org of `harness` for each, under as many names, and wrong tokens for some.
fn config_file(harness: &Harness, good: usize, wrong: usize) -> String {
    let mut text = format!(
        "[coralogix]\nendpoint = \"{}\"\napi_key = {{ env = \"KEY\" }}\n",
        harness.ingress_server.base_url()
    );
    for n in 0..good + wrong {
        let token = if n < good { "TOKEN" } else { "WRONG" };
        text.push_str(&format!(
            "[[integration]]\nname = \"org{n}\"\naccount = \"account{n}\"\nokta_domain = \"{}\"\napi_token = {{ env = \"{token}\" }}\n",
            harness.org_server.base_url()
        ));
    }
    text
}

async fn run(harness: &Harness, config: &str, flags: &[&str]) -> Exit {
    std::fs::write(harness.folder.path().join("orgs.toml"), config).unwrap();
    let variables = [("TOKEN", TOKEN), ("WRONG", "00-wrong"), ("KEY", KEY)];
    let variables = variables
        .map(|(name, value)| (name, value.to_owned()))
        .into();
    let flags = [&["--config", "orgs.toml"][..], flags].concat();
    let folder = harness.folder.path();
    Exit::of(start_program("pull", folder, &variables, &flags)).await
}

#[tokio::test]
async fn good_orgs_are_delivered_and_the_refused_one_is_named() {
    let harness = Harness::new().await;
    let events = fresh(300);
    harness.append(events.iter().map(|event| event.json.clone()));
    let ended = run(&harness, &config_file(&harness, 2, 1), &["--once"]).await;
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert_eq!(ended.summary()["delivered"], 600, "both have the same log");
    assert!(ended.stderr.contains("org2"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("00-wrong"), "{}", ended.stderr);
    let subsystems: std::collections::HashSet<_> = harness
        .ingress
        .ledger()
        .entries()
        .iter()
        .map(|entry| entry.subsystem.clone())
        .collect();
    assert_eq!(
        subsystems,
        ["account0".to_owned(), "account1".to_owned()].into()
    );
    let again = run(&harness, &config_file(&harness, 2, 0), &["--once"]).await;
    assert_eq!(
        (again.code, &again.summary()["received"]),
        (Some(0), &0),
        "{}",
        again.stderr
    );
}

/// Bytes in memory of the program once it polls `orgs` orgs with 200 events each.
async fn resident(orgs: usize) -> u64 {
    let mut harness = Harness::new().await;
    harness.append(fresh(200).into_iter().map(|event| event.json));
    let config = config_file(&harness, orgs, 0);
    std::fs::write(harness.folder.path().join("orgs.toml"), config).unwrap();
    let variables = [("TOKEN", TOKEN.to_owned()), ("KEY", KEY.to_owned())].into();
    let flags = ["--config", "orgs.toml"];
    let child = start_program("pull", harness.folder.path(), &variables, &flags);
    let all = orgs * 200;
    harness.seen.wait_for(|seen| *seen >= all).await.unwrap();
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id().unwrap())).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap();
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
    kib * 1024
}

#[tokio::test]
async fn memory_per_org_is_bounded() {
    let (few, many) = (resident(5).await, resident(50).await);
    let each = many.saturating_sub(few) / 45;
    println!("memory with 5 orgs {few} bytes, with 50 {many}: {each} for each more");
    assert!(each < 4 * 1024 * 1024, "{each}");
}

#[tokio::test]
async fn flags_of_a_single_org_are_rejected_with_a_config_file() {
    let harness = Harness::new().await;
    for flag in ["--checkpoint=x", "--since=1h", "--poll-interval=1m"] {
        let ended = run(&harness, &config_file(&harness, 1, 0), &[flag]).await;
        assert_eq!(ended.code, Some(2), "{}", ended.stderr);
        assert!(
            ended.stderr.contains("the file of --config"),
            "{}",
            ended.stderr
        );
    }
}
