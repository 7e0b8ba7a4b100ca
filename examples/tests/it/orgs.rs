//! Many orgs in one process.

use std::collections::HashMap;
use std::path::Path;
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
use okta_coralogix_examples::program::Environment;
use okta_coralogix_examples::pull::config::{self, Integration, RunOptions, RunReport, run_all};
use okta_source::OktaSource;
use okta_source::simulator::OktaSimulator;
use tokio::time::{Instant, sleep};

use crate::program::{Ended as Program, KEY, TOKEN, World, fresh, start_program};

const ORGS: usize = 50;
const BAD: usize = 5;
const MINUTES: u64 = 20;

fn start() -> DateTime<Utc> {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

/// An org that is there and of no use.
#[derive(Debug, Clone, Copy)]
enum Useless {
    Hangs,
    IsNotThere,
    Refuses(u16),
}

#[async_trait]
impl Transport for Useless {
    async fn call(&self, _: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        match self {
            Self::Hangs => std::future::pending().await,
            Self::IsNotThere => Err(TransportError::Connect("refused".into())),
            Self::Refuses(status) => {
                let body: Body = Box::pin(futures::stream::empty());
                Ok(Response::builder().status(*status).body(body).unwrap())
            }
        }
    }
}

/// When each event arrived.
type Arrivals = Arc<Mutex<HashMap<String, Instant>>>;

/// Polls [`ORGS`] orgs for a while; the mean time in seconds from an event to its arrival, of the good ones, and how it ended.
async fn lag(bad: &[Useless]) -> (f64, RunReport) {
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
            Some(useless) => source.transport(Arc::new(*useless)),
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
async fn five_bad_orgs_of_fifty_delay_none_of_the_others() {
    let (alone, ended) = lag(&[]).await;
    assert!(ended.failed.is_empty(), "{ended:?}");
    let bad = [
        Useless::Hangs,
        Useless::IsNotThere,
        Useless::Refuses(429),
        Useless::Refuses(500),
        Useless::Refuses(401),
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

fn read(text: &str, folder: &Path) -> Result<Vec<Integration>, String> {
    let environment = Environment::new(|name| match name {
        "TOKEN" => Some("00secret".into()),
        "KEY" => Some("key".into()),
        _ => None,
    });
    config::parse(text, folder, &environment).map_err(|error| error.to_string())
}

const GOOD: &str = r#"
[coralogix]
domain = "EU2"
api_key = { env = "KEY" }

[[integration]]
name = "acme"
subsystem = "acme-subsystem"
okta_domain = "acme.okta.com"
api_token = { env = "TOKEN" }
filter = 'eventType sw "user."'
poll_interval = "1m"

[[integration]]
name = "other"
subsystem = "other-subsystem"
okta_domain = "https://login.example.com"
api_token = { file = "token" }
coralogix = { domain = "US1", application = "okta-us" }
"#;

#[test]
fn a_file_gives_each_org_its_own_and_shares_targets() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("token"), "00other\n").unwrap();
    let found = read(GOOD, folder.path()).unwrap();
    let names: Vec<_> = found.iter().map(|one| &*one.name).collect();
    assert_eq!(names, ["acme", "other"]);
    assert_eq!(found[0].checkpoint, folder.path().join("acme.checkpoint"));
    assert!(!Arc::ptr_eq(&found[0].sink, &found[1].sink));
    let shown = format!("{found:?}");
    assert!(
        !shown.contains("00secret") && !shown.contains("00other"),
        "{shown}"
    );
    let same = GOOD.replace("domain = \"US1\", ", "");
    let found = read(&same, folder.path()).unwrap();
    assert!(Arc::ptr_eq(&found[0].sink, &found[1].sink));
}

#[test]
fn account_is_an_older_name_of_subsystem() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("token"), "00other").unwrap();
    let older = GOOD.replace("subsystem = ", "account = ");
    let shown = |text: &str| format!("{:?}", read(text, folder.path()).unwrap());
    assert_eq!(shown(&older), shown(GOOD));
    let both = GOOD.replacen("subsystem = ", "account = \"a\"\nsubsystem = ", 1);
    let error = read(&both, folder.path()).unwrap_err();
    assert!(error.contains("duplicate field"), "{error}");
}

#[test]
fn what_is_wrong_in_a_file_is_named_with_what_to_write() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("token"), "00other").unwrap();
    for (from, to, said) in [
        (
            "okta_domain = \"acme",
            "okta_domian = \"acme",
            "integration \"acme\": the key `okta_domian` is unknown; `okta_domain` is meant, perhaps",
        ),
        (
            "[coralogix]",
            "[coralogics]",
            "the key `coralogics` is unknown; `coralogix` is meant",
        ),
        (
            "domain = \"EU2\"",
            "domain = \"EU2\"\nzone = 1",
            "the key `zone` is unknown; there are domain",
        ),
        (
            "api_token = { env = \"TOKEN\" }",
            "api_token = \"00inline\"",
            "write `{ env = \"NAME\" }`",
        ),
        (
            "{ env = \"TOKEN\" }",
            "{ env = \"NO_TOKEN\" }",
            "api_token: the variable NO_TOKEN is not set",
        ),
        (
            "{ file = \"token\" }",
            "{ file = \"nowhere\" }",
            "api_token: the file \"nowhere\" cannot be read",
        ),
        (
            "subsystem = \"acme-subsystem\"",
            "",
            "integration \"acme\": subsystem: is missing",
        ),
        (
            "api_token = { env = \"TOKEN\" }",
            "",
            "integration \"acme\": api_token",
        ),
        (
            "name = \"other\"",
            "name = \"acme\"",
            "is another integration's too",
        ),
        ("name = \"other\"", "name = \"../x\"", "it names a file"),
        ("acme.okta.com", "acme-admin.okta.com", "acme.okta.com"),
        ("\"1m\"", "\"soon\"", "poll_interval"),
        ("\"US1\"", "\"MARS1\"", "integration \"other\": coralogix"),
        ("subsystem = \"acme-subsystem\"", "subsystem = 7", "line "),
    ] {
        assert!(GOOD.contains(from), "{from}");
        let told = read(&GOOD.replacen(from, to, 1), folder.path()).unwrap_err();
        assert!(told.contains(said), "{told}\nshould contain {said}");
        assert!(!told.contains("00"), "a secret is repeated: {told}");
    }
    let told = read("[coralogix]\n", folder.path()).unwrap_err();
    assert!(told.contains("[[integration]]"), "{told}");
}

/// A file of integrations with the first org of `world` for each, under as many names, and wrong tokens for some.
fn config_file(world: &World, good: usize, wrong: usize) -> String {
    let mut text = format!(
        "[coralogix]\nendpoint = \"{}\"\napi_key = {{ env = \"KEY\" }}\n",
        world.ingress_server.base_url()
    );
    for n in 0..good + wrong {
        let token = if n < good { "TOKEN" } else { "WRONG" };
        text.push_str(&format!(
            "[[integration]]\nname = \"org{n}\"\naccount = \"account{n}\"\nokta_domain = \"{}\"\napi_token = {{ env = \"{token}\" }}\n",
            world.org_server.base_url()
        ));
    }
    text
}

async fn run(world: &World, config: &str, flags: &[&str]) -> Program {
    std::fs::write(world.folder.path().join("orgs.toml"), config).unwrap();
    let variables = [("TOKEN", TOKEN), ("WRONG", "00-wrong"), ("KEY", KEY)];
    let variables = variables
        .map(|(name, value)| (name, value.to_owned()))
        .into();
    let flags = [&["--config", "orgs.toml"][..], flags].concat();
    let folder = world.folder.path();
    Program::of(start_program("pull", folder, &variables, &flags)).await
}

#[tokio::test]
async fn the_program_delivers_every_good_org_and_tells_of_the_refused_one() {
    let world = World::new().await;
    let events = fresh(300);
    world.append(events.iter().map(|event| event.json.clone()));
    let ended = run(&world, &config_file(&world, 2, 1), &["--once"]).await;
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert_eq!(ended.summary()["delivered"], 600, "both have the same log");
    assert!(ended.stderr.contains("org2"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("00-wrong"), "{}", ended.stderr);
    let subsystems: std::collections::HashSet<_> = world
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
    let again = run(&world, &config_file(&world, 2, 0), &["--once"]).await;
    assert_eq!(
        (again.code, &again.summary()["received"]),
        (Some(0), &0),
        "{}",
        again.stderr
    );
}

/// Bytes in memory of the program once it polls `orgs` orgs with 200 events each.
async fn resident(orgs: usize) -> u64 {
    let mut world = World::new().await;
    world.append(fresh(200).into_iter().map(|event| event.json));
    let config = config_file(&world, orgs, 0);
    std::fs::write(world.folder.path().join("orgs.toml"), config).unwrap();
    let variables = [("TOKEN", TOKEN.to_owned()), ("KEY", KEY.to_owned())].into();
    let flags = ["--config", "orgs.toml"];
    let child = start_program("pull", world.folder.path(), &variables, &flags);
    let all = orgs * 200;
    world.seen.wait_for(|seen| *seen >= all).await.unwrap();
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id().unwrap())).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap();
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
    kib * 1024
}

#[tokio::test]
async fn the_memory_of_one_more_org_is_printed() {
    let (few, many) = (resident(5).await, resident(50).await);
    let each = many.saturating_sub(few) / 45;
    println!("memory with 5 orgs {few} bytes, with 50 {many}: {each} for each more");
    assert!(each < 4 * 1024 * 1024, "{each}");
}

#[tokio::test]
async fn flags_that_belong_into_the_file_are_refused_beside_it() {
    let world = World::new().await;
    for flag in ["--checkpoint=x", "--since=1h", "--poll-interval=1m"] {
        let ended = run(&world, &config_file(&world, 1, 0), &[flag]).await;
        assert_eq!(ended.code, Some(2), "{}", ended.stderr);
        assert!(
            ended.stderr.contains("the file of --config"),
            "{}",
            ended.stderr
        );
    }
}
