//! A proxy that cuts the connections that go through it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// Forwards connections to a server and cuts each one sooner or later: before it reaches the server, within the bytes to it, or within
/// those from it. The seed decides where; which request it hits depends on the order of the connections. The first two are cut before the
/// first byte of an answer, so that some are cut however few there are.
#[derive(Debug)]
pub(crate) struct Proxy {
    address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    target: SocketAddr,
    /// The maximum of bytes up and down before a cut.
    max: (usize, usize),
    rng: fastrand::Rng,
    connections: usize,
    cuts: Cuts,
}

/// The connections that were cut.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Cuts {
    /// Before a byte reached the server.
    pub(crate) before: usize,
    /// Within the bytes to the server.
    pub(crate) up: usize,
    /// Within the bytes from the server, or before the first.
    pub(crate) down: usize,
}

impl Cuts {
    pub(crate) fn all(self) -> usize {
        self.before + self.up + self.down
    }
}

#[derive(Debug, Clone, Copy)]
enum CutAt {
    Before,
    Up(usize),
    Down(usize),
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Proxy {
    /// In front of `target`, a URL or an address. Cuts fall within the first `max` bytes that go up, and come back.
    pub(crate) async fn before(target: &str, max: (usize, usize), seed: u64) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let shared = Arc::new(Mutex::new(Shared {
            target: address_of(target),
            max,
            rng: fastrand::Rng::with_seed(seed),
            connections: 0,
            cuts: Cuts::default(),
        }));
        Self {
            address: listener.local_addr().unwrap(),
            task: tokio::spawn(accept(listener, Arc::clone(&shared))),
            shared,
        }
    }

    /// `http://127.0.0.1:<port>`.
    pub(crate) fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Goes to another server from now on.
    pub(crate) fn lead_to(&self, target: &str) {
        locked(&self.shared).target = address_of(target);
    }

    pub(crate) fn cuts(&self) -> Cuts {
        locked(&self.shared).cuts
    }
}

fn locked(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn address_of(target: &str) -> SocketAddr {
    target.trim_start_matches("http://").parse().unwrap()
}

impl Shared {
    fn draw_cut(&mut self) -> CutAt {
        self.connections += 1;
        if self.connections <= 2 {
            return CutAt::Down(0);
        }
        // Short ones are as likely as long ones: cuts fall into heads and bodies alike.
        let halvings = self.rng.u32(..6);
        match self.rng.u8(..8) {
            0 => CutAt::Before,
            1..4 => CutAt::Up(self.rng.usize(..=self.max.0) >> halvings),
            _ => CutAt::Down(self.rng.usize(..=self.max.1) >> halvings),
        }
    }

    fn count(&mut self, cut: CutAt) {
        match cut {
            CutAt::Before => self.cuts.before += 1,
            CutAt::Up(_) => self.cuts.up += 1,
            CutAt::Down(_) => self.cuts.down += 1,
        }
    }
}

/// Takes connections. They live in the set, so that they end with the task.
async fn accept(listener: TcpListener, shared: Arc<Mutex<Shared>>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((client, _)) = listener.accept().await else {
            tokio::task::yield_now().await;
            continue;
        };
        while connections.try_join_next().is_some() {}
        let (cut, target) = {
            let mut shared = locked(&shared);
            (shared.draw_cut(), shared.target)
        };
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            // It ends with an error where one of both sides is gone.
            if let Ok(true) = carry(client, target, cut).await {
                locked(&shared).count(cut);
            }
        });
    }
}

/// Carries bytes both ways until an end is reached: true if that is a cut.
async fn carry(mut client: TcpStream, target: SocketAddr, cut: CutAt) -> io::Result<bool> {
    let (up, down) = match cut {
        CutAt::Before => return Ok(true),
        CutAt::Up(bytes) => (bytes, usize::MAX),
        CutAt::Down(bytes) => (usize::MAX, bytes),
    };
    let mut server = TcpStream::connect(target).await?;
    let ((mut client_in, mut client_out), (mut server_in, mut server_out)) =
        (client.split(), server.split());
    tokio::select! {
        is_cut = copy(&mut client_in, &mut server_out, up) => is_cut,
        is_cut = copy(&mut server_in, &mut client_out, down) => is_cut,
    }
}

/// Copies up to `max` bytes: true if there was one more, or none was allowed.
async fn copy(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    max: usize,
) -> io::Result<bool> {
    let mut left = max;
    let mut buffer = vec![0; 16 << 10];
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return Ok(false);
        }
        to.write_all(&buffer[..read.min(left)]).await?;
        if read > left {
            return Ok(true);
        }
        left -= read;
    }
}
