//! What must not reach the delivery, or another audit.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicUsize;

use async_trait::async_trait;
use bytes::Bytes;
use okta_coralogix_core::internal::DiskLock;
use okta_coralogix_core::transport::{Body, Transport, TransportError};

use super::*;

/// A disk that is full from some write on, or panics.
#[derive(Debug)]
struct Broken {
    is_full: Arc<AtomicBool>,
    panics: bool,
}

#[async_trait]
impl Disk for Broken {
    async fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        OsDisk.resolve(path).await
    }
    async fn read(&self, path: &Path, offset: u64, limit: u64) -> io::Result<Vec<u8>> {
        OsDisk.read(path, offset, limit).await
    }
    async fn len(&self, path: &Path) -> io::Result<u64> {
        OsDisk.len(path).await
    }
    async fn names(&self, folder: &Path) -> io::Result<Vec<String>> {
        OsDisk.names(folder).await
    }
    async fn write(&self, path: &Path, bytes: Bytes) -> io::Result<()> {
        match (self.is_full.load(Ordering::SeqCst), self.panics) {
            (true, true) => panic!("a fault of the disk"),
            (true, false) => Err(io::ErrorKind::StorageFull.into()),
            (false, _) => OsDisk.write(path, bytes).await,
        }
    }
    async fn append(&self, path: &Path, parts: Vec<Bytes>) -> io::Result<()> {
        OsDisk.append(path, parts).await
    }
    async fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        OsDisk.rename(from, to).await
    }
    async fn remove(&self, path: &Path) -> io::Result<()> {
        OsDisk.remove(path).await
    }
    async fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        OsDisk.sync_folder(folder).await
    }
    async fn lock(&self, path: &Path, timeout: Duration) -> io::Result<Option<Box<dyn DiskLock>>> {
        OsDisk.lock(path, timeout).await
    }
}

#[tokio::test(start_paused = true)]
async fn audit_survives_a_full_disk_a_panic_and_unreadable_secrets() {
    for panics in [false, true] {
        let world = World::new(|_| false);
        let is_full = Arc::new(AtomicBool::new(true));
        let disk = Broken {
            is_full: Arc::clone(&is_full),
            panics,
        };
        let _audit = Auditor::start(world.parts(disk));
        world.is_locked.store(true, Ordering::SeqCst);
        sleep(5 * MINUTE).await;
        assert_eq!(world.rounds(), [0, 0, 0, 1]);
        assert!(world.last()["error"].to_string().contains("cannot be read"));
        world.is_locked.store(false, Ordering::SeqCst);
        sleep(HOUR).await;
        // The round was told, and could not be kept.
        assert_eq!(world.rounds(), [1, 0, 0, 2]);
        is_full.store(false, Ordering::SeqCst);
        sleep(HOUR).await;
        assert_eq!(world.rounds(), [2, 0, 0, 2], "panics: {panics}");
        assert!(world.parts(OsDisk).state.exists());
    }
}

#[tokio::test(start_paused = true)]
async fn second_audit_of_one_file_is_refused_and_the_first_goes_on() {
    let world = World::new(|_| false);
    let first = world.start();
    sleep(5 * MINUTE).await;
    let mut second = world.parts(OsDisk);
    second.figures = Arc::new(AuditFigures::beginning(noon()));
    let figures = Arc::clone(&second.figures);
    let _second = Auditor::start(second);
    sleep(HOUR).await;
    assert_eq!(
        (figures.rounds_by_outcome(), world.rounds()),
        ([0, 0, 0, 1], [2, 0, 0, 0])
    );
    drop(first);
    sleep(2 * HOUR).await;
    assert!(figures.rounds_by_outcome()[0] > 0, "it takes over");
}

/// Counts the requests at a time, each of which takes a while.
#[derive(Debug, Clone)]
struct Slow<T>(T, Arc<(AtomicUsize, AtomicUsize)>);

#[async_trait]
impl<T: Transport> Transport for Slow<T> {
    async fn call(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<Body>, TransportError> {
        let (asked, most) = &*self.1;
        most.fetch_max(asked.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        sleep(Duration::from_secs(20)).await;
        let answer = self.0.call(request).await;
        asked.fetch_sub(1, Ordering::SeqCst);
        answer
    }
}

#[tokio::test(start_paused = true)]
async fn two_rounds_never_overlap() {
    let world = World::new(|_| false);
    let asked = Arc::<(AtomicUsize, AtomicUsize)>::default();
    let audits: Vec<_> = ["one", "two", "three"]
        .into_iter()
        .map(|name| {
            let mut parts = world.parts(OsDisk);
            let mut sides = world.sides();
            sides.source = sides
                .source
                .transport(Slow(world.org.clone(), Arc::clone(&asked)));
            let client = QueryClient::builder()
                .query_endpoint("https://api.eu2.coralogix.com")
                .query_key(world.account.query_key())
                .transport(Slow(world.account.clone(), Arc::clone(&asked)));
            sides.client = Arc::new(client.build().unwrap());
            // Shorter than a round takes.
            parts.every = MINUTE;
            parts.connect = Arc::new(move || Ok(sides.clone()));
            world.begun(name);
            parts.state = world.folder.path().join(name);
            parts.figures = Arc::new(AuditFigures::beginning(noon()));
            (Arc::clone(&parts.figures), Auditor::start(parts))
        })
        .collect();
    sleep(4 * HOUR).await;
    assert_eq!(asked.1.load(Ordering::SeqCst), 1);
    let rounds: Vec<_> = audits
        .iter()
        .map(|(figures, _)| figures.rounds_by_outcome())
        .collect();
    assert!(
        rounds.iter().all(|rounds| rounds[0] >= 8),
        "each has its turn: {rounds:?}"
    );
    assert!(
        rounds
            .iter()
            .all(|rounds| rounds[0].abs_diff(rounds_of(&audits[0].0)) <= 1)
    );
}

fn rounds_of(figures: &AuditFigures) -> u64 {
    figures.rounds_by_outcome()[0]
}
