//! The samples of a scrape, and a program whose listener can be asked.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::Child;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::harness::{Exit, start_program};

/// A scrape: the value of each series.
#[derive(Debug, Clone, Default)]
pub(crate) struct Samples(BTreeMap<String, f64>);

impl Samples {
    pub(crate) fn parse(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let samples = lines.map(|line| {
            let (series, value) = line.rsplit_once(' ').unwrap();
            (series.to_owned(), value.parse().unwrap())
        });
        let samples: Vec<_> = samples.collect();
        let count = samples.len();
        let samples = Self(samples.into_iter().collect());
        assert_eq!(samples.0.len(), count, "a series is there twice");
        samples
    }

    /// The series of this name, without the prefix of all of them, with each of these labels, such as `outcome="delivered"`.
    pub(crate) fn all<'a>(
        &'a self,
        name: &str,
        labels: &'a [&str],
    ) -> impl Iterator<Item = (&'a str, f64)> {
        let name = format!("okta_coralogix_{name}");
        let series = self.0.iter();
        series.filter_map(move |(series, value)| {
            let rest = series.strip_prefix(&*name)?;
            let is_it = rest.is_empty() || rest.starts_with('{');
            let has_all = labels.iter().all(|label| rest.contains(label));
            (is_it && has_all).then_some((&**series, *value))
        })
    }

    /// The sum of these series; there is at least one.
    pub(crate) fn sum(&self, name: &str, labels: &[&str]) -> f64 {
        let values: Vec<_> = self.all(name, labels).collect();
        assert!(!values.is_empty(), "no {name} with {labels:?}: {self:?}");
        values.iter().map(|(_, value)| value).sum()
    }

    /// The value of the one series; `None` if there is none.
    pub(crate) fn get(&self, name: &str, labels: &[&str]) -> Option<f64> {
        let values: Vec<_> = self.all(name, labels).collect();
        assert!(values.len() <= 1, "{values:?}");
        values.first().map(|(_, value)| *value)
    }

    /// The names of all series, with their labels.
    pub(crate) fn series(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// `received` is the sum of the outcomes and of what is pending, for each pipeline.
    pub(crate) fn assert_balanced(&self) {
        let received = "okta_coralogix_events_received_total";
        let pipelines = self
            .series()
            .filter_map(|series| series.strip_prefix(received));
        let pipelines: Vec<_> = pipelines.collect();
        assert!(!pipelines.is_empty(), "no pipeline: {self:?}");
        for labels in pipelines {
            let labels = labels.trim_matches(['{', '}']);
            let received = self.sum("events_received_total", &[labels]);
            let ended = self.sum("events_total", &[labels]);
            let pending = self.sum("events_pending", &[labels]);
            assert_eq!(received, ended + pending, "{labels}: {self:?}");
        }
    }

    /// No counter is less than in an earlier scrape.
    pub(crate) fn assert_follows(&self, earlier: &Self) {
        for (series, before) in &earlier.0 {
            let name = series.split('{').next().unwrap_or_default();
            if ["_total", "_bucket", "_sum", "_count"]
                .iter()
                .any(|suffix| name.ends_with(suffix))
            {
                let now = self.0.get(series);
                assert!(
                    now.is_some_and(|now| now >= before),
                    "{series}: {before} to {now:?}"
                );
            }
        }
    }
}

/// A response.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

/// Sends a request and reads the response to its end.
pub(crate) async fn ask(address: SocketAddr, request_line: &str) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request =
        format!("{request_line} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut response = String::new();
    let read = stream.read_to_string(&mut response);
    timeout(Duration::from_secs(60), read)
        .await
        .unwrap()
        .unwrap();
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    Answer {
        status: head["HTTP/1.1 ".len()..][..3].parse().unwrap(),
        head: head.to_owned(),
        body: body.to_owned(),
    }
}

/// The samples of `/metrics`.
pub(crate) async fn scrape(address: SocketAddr) -> Samples {
    let answer = ask(address, "GET /metrics").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    Samples::parse(&answer.body)
}

/// A program that listens for its operators.
pub(crate) struct Program {
    child: Child,
    pub(crate) address: SocketAddr,
    log: Arc<Mutex<String>>,
    reading: JoinHandle<()>,
}

impl Program {
    /// Starts it with `--admin-listen`, and waits until it listens.
    pub(crate) async fn start(
        name: &str,
        folder: &Path,
        variables: &std::collections::HashMap<&'static str, String>,
        flags: &[&str],
    ) -> Self {
        let flags = [&["--admin-listen", "0"], flags].concat();
        let mut child = start_program(name, folder, variables, &flags);
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let log = Arc::new(Mutex::new(String::new()));
        let address = loop {
            let mut line = String::new();
            let read = stderr.read_line(&mut line).await.unwrap();
            log.lock().unwrap().push_str(&line);
            assert!(read > 0, "it ended: {}", log.lock().unwrap());
            if let Some((_, address)) = line.split_once("are on http://") {
                break address.trim().parse().unwrap();
            }
        };
        let lines = Arc::clone(&log);
        let reading = tokio::spawn(async move {
            let mut line = String::new();
            while stderr.read_line(&mut line).await.unwrap() > 0 {
                lines.lock().unwrap().push_str(&line);
                line.clear();
            }
        });
        Self {
            child,
            address,
            log,
            reading,
        }
    }

    /// Scrapes until `happened`; each scrape is balanced, and no counter goes back.
    pub(crate) async fn until(&self, happened: impl Fn(&Samples) -> bool) -> Samples {
        let scrapes = async {
            let mut before = Samples::default();
            loop {
                let samples = scrape(self.address).await;
                // It listens before it knows its pipelines.
                if samples.all("running", &[]).next().is_none() {
                    continue;
                }
                samples.assert_balanced();
                samples.assert_follows(&before);
                if happened(&samples) {
                    break samples;
                }
                before = samples;
                // The program needs the processor too.
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(Duration::from_secs(60), scrapes).await.unwrap()
    }

    /// Where it listens for events, once it does.
    pub(crate) async fn endpoint(&self) -> SocketAddr {
        let listening = async {
            loop {
                let log = self.log.lock().unwrap().clone();
                if let Some((_, address)) = log.split_once("listening on ") {
                    break address.split_whitespace().next().unwrap().parse().unwrap();
                }
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(Duration::from_secs(60), listening).await.unwrap()
    }

    pub(crate) async fn terminate(&self) {
        crate::harness::terminate(&self.child).await;
    }

    /// SIGKILL.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    pub(crate) async fn ended(self) -> Exit {
        let mut ended = Exit::of(self.child).await;
        self.reading.await.unwrap();
        ended.stderr = self.log.lock().unwrap().clone();
        ended
    }
}
