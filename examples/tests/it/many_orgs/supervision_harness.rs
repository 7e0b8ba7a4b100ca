//! Orgs in memory under injected time, with their secrets and checkpoints in real files.

use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use coralogix_sink::CoralogixSink;
use coralogix_sink::query::{EventFilter, QueryClient};
use coralogix_sink::simulator::{CoralogixSimulator, okta_uuid};
use okta_coralogix_core::observe::{Observer, TracingObserver};
use okta_coralogix_core::testing::{EventGenerator, GeneratedEvent, MemoryDeadLetters, TestClock};
use okta_coralogix_core::transport::Transport;
use okta_coralogix_core::{Clock, CoralogixMapping, ErrorKind, Result, Secret};
use okta_coralogix_examples::audit::{AuditSides, ContinuousSettings};
use okta_coralogix_examples::program::admin::Admin;
use okta_coralogix_examples::program::metrics::Registry;
use okta_coralogix_examples::pull::config::{
    Connect, Connection, Integration, RunOptions, RunReport, SecretValues, run_all,
};
use okta_source::simulator::OktaSimulator;
use okta_source::{OktaSource, OktaSourceBuilder, ServiceApp};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::admin::samples::Samples;

/// What the org and the ingress accept.
pub(crate) const TOKEN: &str = "00-good";
pub(crate) const KEY: &str = "good-key";

/// How often an org is polled.
pub(crate) const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// One org and its files.
#[derive(Debug, Clone)]
pub(crate) struct Org {
    pub(crate) name: String,
    pub(crate) simulator: OktaSimulator,
    /// In place of the simulator, if set.
    pub(crate) transport: Option<Arc<dyn Transport>>,
    /// Signs in as an app with the client secret in `token`.
    pub(crate) is_app: bool,
    pub(crate) token: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) checkpoint: PathBuf,
    pub(crate) ingress: CoralogixSimulator,
}

impl Connect for Org {
    fn connect(&self, secrets: &SecretValues) -> Result<Connection> {
        let secret = |key| {
            secrets
                .get(key)
                .cloned()
                .unwrap_or_else(|| Secret::from(""))
        };
        let transport = self.transport.clone();
        let transport = transport.unwrap_or_else(|| Arc::new(self.simulator.clone()));
        let source = OktaSource::builder()
            .org_url(format!("https://{}.okta.com", self.name))
            .poll_interval(POLL_INTERVAL)
            .transport(transport);
        let sink = CoralogixSink::builder()
            .endpoint("http://127.0.0.1")
            .api_key(secret("api_key"))
            .transport(Arc::new(self.ingress.clone()))
            .build()?;
        let mapping = CoralogixMapping::builder().build()?;
        let source = self.authorise(source, secret("api_token"));
        Ok(Connection::new(source, Arc::new(sink), mapping))
    }

    fn audit_sides(&self, secrets: &SecretValues) -> Result<AuditSides> {
        let connection = self.connect(secrets)?;
        let client = QueryClient::builder()
            .query_endpoint("https://api.eu2.coralogix.com")
            .query_key(self.ingress.query_key())
            .give_up_after(Duration::from_secs(120))
            .transport(self.ingress.clone());
        Ok(AuditSides {
            org: format!("https://{}.okta.com", self.name),
            source: connection.source,
            client: Arc::new(client.build()?),
            filter: EventFilter::all().application("okta")?,
            target: "application \"okta\"".into(),
            refill: None,
        })
    }
}

impl Org {
    fn authorise(&self, source: OktaSourceBuilder, secret: Secret) -> OktaSourceBuilder {
        match self.is_app {
            true => source.credentials(ServiceApp::with_client_secret("0oa1", &secret).unwrap()),
            false => source.api_token(secret),
        }
    }

    pub(crate) fn write_token(&self, token: &str) {
        std::fs::write(&self.token, token).unwrap();
    }

    pub(crate) fn write_key(&self, key: &str) {
        std::fs::write(&self.key, key).unwrap();
    }

    /// When the org was asked, since `start`.
    pub(crate) fn asked_at(&self) -> Vec<Duration> {
        let requests = self.simulator.requests();
        let since = |at: DateTime<Utc>| at.signed_duration_since(start()).to_std().unwrap();
        requests.iter().map(|request| since(request.at)).collect()
    }
}

fn start() -> DateTime<Utc> {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

/// Some orgs, one ingress, and a folder for their files.
pub(crate) struct Scene {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ingress: CoralogixSimulator,
    pub(crate) orgs: Vec<Org>,
    pub(crate) once: Option<Duration>,
    /// Set: each org is audited.
    pub(crate) audit: Option<ContinuousSettings>,
    pub(crate) dead_letters: MemoryDeadLetters,
    /// What is counted of the orgs.
    pub(crate) registry: Registry,
    began: Instant,
    generator: RefCell<EventGenerator>,
    _folder: TempDir,
}

impl Scene {
    /// Orgs with good secrets, without a checkpoint.
    pub(crate) fn of<const N: usize>(names: [&str; N]) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(TestClock::starting_at(start()));
        let ingress = CoralogixSimulator::builder()
            .key(KEY)
            .clock(Arc::clone(&clock))
            .identity(okta_uuid)
            .build();
        let folder = tempfile::tempdir().unwrap();
        let orgs = names.map(|name| {
            let own = folder.path().join(name);
            std::fs::create_dir(&own).unwrap();
            let simulator = OktaSimulator::builder()
                .token(TOKEN)
                .rate_limit(100_000)
                .clock(Arc::clone(&clock));
            let org = Org {
                name: name.to_owned(),
                simulator: simulator.build(),
                transport: None,
                is_app: false,
                token: folder.path().join(format!("{name}.token")),
                key: folder.path().join(format!("{name}.key")),
                checkpoint: own.join("checkpoint"),
                ingress: ingress.clone(),
            };
            org.write_token(TOKEN);
            org.write_key(KEY);
            org
        });
        Self {
            registry: Registry::new(Arc::clone(&clock), None),
            clock,
            ingress,
            orgs: orgs.into(),
            once: None,
            audit: None,
            dead_letters: MemoryDeadLetters::default(),
            began: Instant::now(),
            generator: RefCell::new(EventGenerator::new(16)),
            _folder: folder,
        }
    }

    /// Runs all orgs until `happens` has, and each org has ended.
    pub(crate) async fn run(&self, happens: impl Future<Output = ()>) -> RunReport {
        self.run_observed(TracingObserver::new(), happens).await
    }

    /// As [`run`](Self::run), with an observer of one's own.
    pub(crate) async fn run_observed(
        &self,
        observer: impl Observer + Clone,
        happens: impl Future<Output = ()>,
    ) -> RunReport {
        let integrations = self.orgs.iter().map(|org| {
            let mut integration = Integration::new(&org.name, org.checkpoint.clone(), org.clone());
            integration.pipeline.drain_timeout = Some(Duration::from_secs(20));
            integration.audit = self.audit;
            integration
                .with_secret_file("api_token", org.token.clone())
                .with_secret_file("api_key", org.key.clone())
        });
        let options = RunOptions {
            once: self.once,
            clock: Arc::clone(&self.clock),
            admin: Arc::new(Admin::watching(self.registry.clone())),
            dry_run: None,
            shared_logs: None,
        };
        let dead_letters = Arc::new(self.dead_letters.clone());
        let integrations = integrations.collect();
        let report = run_all(integrations, &options, dead_letters, observer, happens).await;
        assert!(report.summary.is_balanced(), "{report:?}");
        report
    }

    /// What is counted of the orgs by now; it adds up.
    pub(crate) async fn samples(&self) -> Samples {
        let text = self.registry.scrape(Duration::from_secs(5)).await;
        let samples = Samples::parse(&text);
        samples.assert_balanced();
        samples
    }

    /// Puts one event into the log of an org every second for so many seconds. Returns their UUIDs.
    pub(crate) async fn events(&self, org: &Org, seconds: usize) -> Vec<String> {
        let mut uuids = Vec::new();
        for _ in 0..seconds {
            sleep(Duration::from_secs(1)).await;
            let event = self.event();
            org.simulator.append(event.json);
            uuids.push(event.uuid);
        }
        uuids
    }

    /// An event that happens now.
    pub(crate) fn event(&self) -> GeneratedEvent {
        self.generator.borrow_mut().event(self.clock.now())
    }

    /// Sleeps until so long after the start of the scene.
    pub(crate) async fn until(&self, time: Duration) {
        tokio::time::sleep_until(self.began + time).await;
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Each event is in the ingress, once.
    pub(crate) fn assert_all_once(&self, uuids: &[String]) {
        let ledger = self.ingress.ledger();
        let missing = ledger.missing(uuids.iter().map(String::as_str));
        assert_eq!(missing, [""; 0]);
        assert_eq!(ledger.repeats(), 0);
    }
}

/// The orgs that are down, with the kinds of their errors.
pub(crate) fn down(report: &RunReport) -> Vec<(&str, ErrorKind)> {
    let failed = report.failed.iter();
    failed
        .map(|(name, error)| (&**name, error.kind()))
        .collect()
}
