//! Processes that share the logs of some orgs, and what becomes of the events.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use coralogix_sink::simulator::{CoralogixServer, CoralogixSimulator, Fault, okta_uuid};
use futures::future::join_all;
use okta_coralogix_core::checkpoint::Checkpoint;
use okta_coralogix_core::checkpoint::shared::{Objects, SharedStore};
use okta_coralogix_core::filter::DedupWindow;
use okta_coralogix_core::internal::Claim;
use okta_coralogix_core::testing::EventGenerator;
use okta_coralogix_core::{Clock, SystemClock};
use okta_source::simulator::{OktaServer, OktaSimulator};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Child;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::store::Store;
use crate::harness::{KEY, TOKEN, start_program};

/// The shortest lease, and a look a second.
const FLAGS: [&str; 6] = [
    "--config",
    "orgs.toml",
    "--lease-ttl",
    "10s",
    "--lease-poll",
    "1s",
];

const TTL: Duration = Duration::from_secs(10);

const POLL: Duration = Duration::from_secs(1);

/// Between two looks of the test.
const LOOK: Duration = Duration::from_millis(200);

/// One org, and the events of its log.
pub(super) struct Org {
    pub(super) name: String,
    simulator: OktaSimulator,
    _server: OktaServer,
    uuids: Vec<String>,
}

/// One process.
pub(super) struct Process {
    pub(super) child: Child,
    /// As it calls itself in the records.
    pub(super) name: String,
    log: Arc<Mutex<Vec<String>>>,
    _folder: TempDir,
}

impl Process {
    pub(super) fn log(&self) -> String {
        self.log.lock().unwrap().join("\n")
    }
}

/// The log of an org changed hands.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub(super) org: usize,
    pub(super) to: String,
    pub(super) at: Instant,
    /// How many events in Coralogix are behind the position: they were in flight.
    pub(super) in_flight: usize,
    /// How many are not in the window: in flight, or settled since it was written. The source gives the last ten minutes again.
    pub(super) repeatable: usize,
}

/// What the record of a log said last.
#[derive(Default)]
struct Known {
    holder: Option<String>,
    term: u64,
    /// Where reading goes on. Its window is that of the object of this name, which is written once a minute: to read it at each look would
    /// take the test longer than the processes their work.
    position: Option<Checkpoint>,
    window: Option<String>,
}

/// The world around the processes.
pub(super) struct Cluster {
    pub(super) store: Store,
    objects: Arc<dyn Objects>,
    shared: SharedStore,
    pub(super) orgs: Vec<Org>,
    pub(super) ingress: CoralogixSimulator,
    ingress_server: CoralogixServer,
    seen: watch::Receiver<usize>,
    generator: EventGenerator,
    /// By org.
    known: Vec<Known>,
    /// What is in Coralogix, and of how many arrivals it was made.
    arrived: (HashSet<String>, usize),
    pub(super) changes: Vec<Change>,
}

impl Cluster {
    pub(super) async fn new(store: Store, orgs: usize) -> Self {
        let (seen, counted) = watch::channel(0);
        let ingress = CoralogixSimulator::builder()
            .key(KEY)
            .identity(move |text: &str| {
                seen.send_modify(|seen| *seen += 1);
                okta_uuid(text)
            })
            .build();
        ingress.fail_always(Some(Fault::Slow(Duration::from_millis(20))));
        let mut all = Vec::new();
        for n in 0..orgs {
            let simulator = OktaSimulator::builder()
                .token(TOKEN)
                .rate_limit(100_000)
                .build();
            all.push(Org {
                name: format!("org{n:02}"),
                _server: simulator.serve().await.unwrap(),
                simulator,
                uuids: Vec::new(),
            });
        }
        let objects = store.open().await;
        let shared = SharedStore::new(Arc::clone(&objects));
        Self {
            shared: shared.ttl(TTL).unwrap().poll(POLL),
            objects,
            store,
            orgs: all,
            ingress_server: ingress.serve().await.unwrap(),
            ingress,
            seen: counted,
            generator: EventGenerator::new(21),
            known: (0..orgs).map(|_| Known::default()).collect(),
            arrived: Default::default(),
            changes: Vec::new(),
        }
    }

    /// The text of the file of `--config`.
    pub(super) fn config(&self) -> String {
        let mut text = format!(
            "poll_interval = \"1s\"\n[coralogix]\nendpoint = \"{}\"\napi_key = {{ env = \"KEY\" }}\n",
            self.ingress_server.base_url()
        );
        for org in &self.orgs {
            write!(
                text,
                "[[integration]]\nname = \"{0}\"\nsubsystem = \"{0}\"\norg_url = \"{1}\"\napi_token = {{ env = \"TOKEN\" }}\n",
                org.name,
                org._server.base_url()
            )
            .unwrap();
        }
        text
    }

    pub(super) fn variables(&self) -> HashMap<&'static str, String> {
        let mut variables = self.store.variables.clone();
        variables.insert("TOKEN", TOKEN.to_owned());
        variables.insert("KEY", KEY.to_owned());
        variables.insert("OKTA_CORALOGIX_STATE", self.store.address.clone());
        variables
    }

    /// A process, not yet waited for.
    pub(super) fn spawn(&self, folder: &Path, flags: &[&str]) -> Child {
        std::fs::write(folder.join("orgs.toml"), self.config()).unwrap();
        let flags = [&FLAGS[..], flags].concat();
        start_program("pull", folder, &self.variables(), &flags)
    }

    /// A process that has said its name.
    pub(super) async fn start(&self) -> Process {
        let folder = tempfile::tempdir().unwrap();
        let mut child = self.spawn(folder.path(), &[]);
        let log = Arc::new(Mutex::new(Vec::new()));
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (named, mut name) = watch::channel(None);
        let kept = Arc::clone(&log);
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                if let Some((_, rest)) = line.split_once("replica=\"") {
                    let name = rest.split('"').next().map(str::to_owned);
                    named.send_replace(name);
                }
                kept.lock().unwrap().push(line);
            }
        });
        let named = timeout(Duration::from_secs(30), name.wait_for(Option::is_some)).await;
        let name = match named {
            Ok(Ok(name)) => name.clone().unwrap_or_default(),
            _ => panic!("no name: {:?}", log.lock().unwrap()),
        };
        Process {
            child,
            name,
            log,
            _folder: folder,
        }
    }

    /// Puts `count` events into the log of each org.
    pub(super) fn append(&mut self, count: usize) {
        for org in &mut self.orgs {
            for _ in 0..count {
                let event = self.generator.event(SystemClock.now());
                org.simulator.append(event.json);
                org.uuids.push(event.uuid);
            }
        }
    }

    pub(super) fn events(&self) -> usize {
        self.orgs.iter().map(|org| org.uuids.len()).sum()
    }

    /// Who holds the log of each org, as it was seen last.
    pub(super) fn holders(&self) -> Vec<Option<&str>> {
        let known = self.known.iter();
        known.map(|known| known.holder.as_deref()).collect()
    }

    /// In what time another replica reads an org, as the documents promise it; as much again for a machine that is busy.
    pub(super) fn takeover(&self) -> Duration {
        self.shared.takeover_by_group(TTL) * 2
    }

    fn count_arrived(&mut self) {
        let ledger = self.ingress.ledger();
        let (arrived, counted) = &mut self.arrived;
        let new = &ledger.entries()[*counted..];
        *counted += new.len();
        arrived.extend(new.iter().filter_map(|entry| entry.id.clone()));
    }

    /// Looks at all records once, and notes what has changed hands.
    pub(super) async fn look(&mut self) {
        let names = self.orgs.iter().map(|org| self.objects.get(&org.name));
        for (n, found) in join_all(names).await.into_iter().enumerate() {
            let Ok(Some(found)) = found else {
                continue;
            };
            let record: Value = serde_json::from_slice(&found.bytes).unwrap();
            let term = record["term"].as_u64().unwrap();
            let holder = record["holder"].as_str().map(str::to_owned);
            if term != self.known[n].term {
                self.count_arrived();
                let (org, known) = (&self.orgs[n], &self.known[n]);
                let (in_flight, repeatable) =
                    repeatable(org, known.position.as_ref(), &self.arrived.0);
                self.changes.push(Change {
                    org: n,
                    to: holder.clone().unwrap_or_default(),
                    at: Instant::now(),
                    in_flight,
                    repeatable,
                });
            }
            (self.known[n].term, self.known[n].holder) = (term, holder);
            self.note_position(n, &record["position"]).await;
        }
    }

    async fn note_position(&mut self, n: usize, position: &Value) {
        let window = position["window"].as_str().map(str::to_owned);
        if window != self.known[n].window
            && let Ok(Some(record)) = self.shared.look(&self.orgs[n].name).await
        {
            (self.known[n].position, self.known[n].window) = (record.checkpoint, window);
        }
        if let (Some(known), Some(cursor)) =
            (&mut self.known[n].position, position["cursor"].as_str())
        {
            cursor.clone_into(&mut known.cursor);
        }
    }

    /// Goes on, with events all the time, until `happened` says so.
    pub(super) async fn until(
        &mut self,
        what: &str,
        limit: Duration,
        happened: impl Fn(&Self) -> bool,
    ) {
        let began = Instant::now();
        loop {
            self.look().await;
            if happened(self) {
                return;
            }
            assert!(
                began.elapsed() < limit,
                "{what} has not happened in {limit:?}: {:?}",
                self.holders()
            );
            self.append(1);
            sleep(LOOK).await;
        }
    }

    /// Waits until each event is in Coralogix. `limit`: without an arrival.
    pub(super) async fn all_arrive(&mut self, limit: Duration) {
        loop {
            self.count_arrived();
            if self.arrived.0.len() >= self.events() {
                break;
            }
            // Every arrival counts up.
            let next = timeout(limit, self.seen.changed()).await;
            if next.is_err() {
                break;
            }
            sleep(Duration::from_millis(50)).await;
        }
        let missing = self.ingress.ledger().missing(self.uuids()).len();
        assert_eq!(missing, 0, "of {} events are lost", self.events());
    }

    fn uuids(&self) -> impl Iterator<Item = &str> {
        let orgs = self.orgs.iter();
        orgs.flat_map(|org| org.uuids.iter().map(String::as_str))
    }
}

/// How many events of the org are in Coralogix and not in the window: behind the position, and all.
fn repeatable(
    org: &Org,
    position: Option<&Checkpoint>,
    arrived: &HashSet<String>,
) -> (usize, usize) {
    let behind = match position {
        Some(position) => org.simulator.position(&position.cursor).unwrap(),
        None => 0,
    };
    let window = position.map(|position| &position.dedup);
    let window = window.map(|window| DedupWindow::restore(window, DedupWindow::DEFAULT_CAPACITY));
    for uuid in &org.uuids[..behind] {
        assert!(
            arrived.contains(uuid),
            "the position passed {uuid}, which is not in Coralogix"
        );
    }
    let is_new = |uuid: &&String| {
        let window = window.as_ref();
        arrived.contains(*uuid)
            && window.is_none_or(|window| !matches!(window.claim(uuid), Claim::Duplicate))
    };
    let settled = org.uuids[..behind].iter().filter(is_new).count();
    let in_flight = org.uuids[behind..].iter().filter(is_new).count();
    (in_flight, settled + in_flight)
}
