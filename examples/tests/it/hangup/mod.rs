//! SIGHUP: with `--config` the file is read again, without it the program stops.

mod faulty;
mod reload;
mod stop;

use std::fmt::Write;
use std::net::SocketAddr;
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use okta_coralogix_core::testing::{EventGenerator, GeneratedEvent};
use okta_coralogix_core::{Clock, SystemClock};
use okta_source::simulator::{OktaServer, OktaSimulator};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Child;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::harness::{Exit, Harness, TOKEN, signal};
use crate::many_orgs::start;

/// The more lines of a table: no request has a start but the first one.
pub(crate) const EVERY_SECOND: &str = "poll_interval = \"1s\"\nreread_every = \"off\"\n";

/// A process, and what it logs.
pub(crate) struct Logged {
    child: Child,
    log: watch::Receiver<String>,
    reading: JoinHandle<()>,
}

impl Logged {
    pub(crate) fn new(mut child: Child) -> Self {
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let (log, logged) = watch::channel(String::new());
        let reading = tokio::spawn(async move {
            let mut line = String::new();
            while stderr.read_line(&mut line).await.unwrap() > 0 {
                log.send_modify(|log| log.push_str(&line));
                line.clear();
            }
        });
        Self {
            child,
            log: logged,
            reading,
        }
    }

    pub(crate) fn log(&self) -> String {
        self.log.borrow().clone()
    }

    /// Waits until a line with `words` was logged so often.
    pub(crate) async fn logs(&self, words: &str, times: usize) -> String {
        let mut log = self.log.clone();
        let found = log.wait_for(|log| log.matches(words).count() >= times);
        let found = timeout(Duration::from_secs(60), found).await;
        let log = match found {
            Ok(Ok(log)) => log.clone(),
            _ => panic!("{times} times {words:?} was not logged: {}", self.log()),
        };
        let mut lines = log.lines().filter(|line| line.contains(words));
        let line = lines.nth(times - 1);
        line.unwrap().to_owned()
    }

    pub(crate) async fn signal(&self, name: &str) {
        signal(&self.child, name).await;
    }

    pub(crate) async fn ended(self) -> Exit {
        let ended = timeout(Duration::from_secs(60), Exit::of(self.child)).await;
        let mut ended = ended.unwrap();
        self.reading.await.unwrap();
        ended.stderr = self.log.borrow().clone();
        ended
    }
}

/// Orgs with logs of their own, and the file that lists some of them.
pub(crate) struct Scene {
    pub(crate) harness: Harness,
    pub(crate) orgs: Vec<Org>,
    generator: EventGenerator,
    all: Vec<GeneratedEvent>,
}

pub(crate) struct Org {
    pub(crate) name: &'static str,
    pub(crate) simulator: OktaSimulator,
    server: OktaServer,
    /// More lines of its table.
    pub(crate) more: String,
    pub(crate) token: String,
}

impl Scene {
    pub(crate) async fn of(names: &[&'static str]) -> Self {
        let mut orgs = Vec::new();
        for name in names {
            let simulator = OktaSimulator::builder().token(TOKEN).rate_limit(100_000);
            let simulator = simulator.build();
            orgs.push(Org {
                name,
                server: simulator.serve().await.unwrap(),
                simulator,
                more: EVERY_SECOND.into(),
                token: "{ env = \"TOKEN\" }".into(),
            });
        }
        Self {
            harness: Harness::new().await,
            orgs,
            generator: EventGenerator::new(31),
            all: Vec::new(),
        }
    }

    pub(crate) fn org(&mut self, name: &str) -> &mut Org {
        self.orgs.iter_mut().find(|org| org.name == name).unwrap()
    }

    /// The file with these orgs.
    pub(crate) fn config(&self, names: &[&str]) -> String {
        let mut text = format!(
            "[coralogix]\nendpoint = \"{}\"\napi_key = {{ env = \"KEY\" }}\n",
            self.harness.ingress_server.base_url()
        );
        for name in names {
            let org = self.orgs.iter().find(|org| org.name == *name).unwrap();
            write!(
                text,
                "[[integration]]\nname = \"{name}\"\nsubsystem = \"{name}\"\norg_url = \"{}\"\napi_token = {}\n{}",
                org.server.base_url(),
                org.token,
                org.more,
            )
            .unwrap();
        }
        text
    }

    /// Starts the program with these orgs.
    pub(crate) fn start(&self, names: &[&str], flags: &[&str]) -> Logged {
        Logged::new(start(&self.harness, &self.config(names), flags))
    }

    pub(crate) fn write(&self, config: &str) {
        std::fs::write(self.path("orgs.toml"), config).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> std::path::PathBuf {
        self.harness.folder.path().join(name)
    }

    /// Puts a fresh event into the log of each of these orgs, and waits until they have arrived, once each, with all before.
    pub(crate) async fn deliver(&mut self, names: &[&str]) {
        self.append(names);
        self.arrived().await;
    }

    /// Puts a fresh event into the log of each of these orgs.
    pub(crate) fn append(&mut self, names: &[&str]) {
        for name in names {
            let published: chrono::DateTime<Utc> = SystemClock.now() - TimeDelta::minutes(1);
            let event = self.generator.event(published);
            let org = self.orgs.iter().find(|org| org.name == *name).unwrap();
            org.simulator.append(event.json.clone());
            self.all.push(event);
        }
    }

    pub(crate) async fn arrived(&mut self) {
        let all = self.all.len();
        let seen = self.harness.seen.wait_for(|seen| *seen >= all);
        timeout(Duration::from_secs(60), seen)
            .await
            .unwrap()
            .unwrap();
        self.assert_all_once();
    }

    pub(crate) fn assert_all_once(&self) {
        self.harness.assert_all_once(&self.all);
    }

    pub(crate) fn events(&self) -> u64 {
        self.all.len() as u64
    }
}

/// Where a program listens for its operators.
pub(crate) async fn admin_address(program: &Logged) -> SocketAddr {
    let line = program.logs("are on http://", 1).await;
    let (_, address) = line.split_once("are on http://").unwrap();
    address.trim().parse().unwrap()
}
