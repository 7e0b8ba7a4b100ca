//! Looks after what is held: extends its visibility in time, and gives it back when nobody wants it any more.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until};

use super::shared::Shared;

/// Messages that an acker did not settle.
pub(super) type Dropped = Vec<String>;

/// Nothing is due: it looks again after this all the same.
const IDLE: Duration = Duration::from_secs(3600);

/// At the end: how long a receive under way may still give what the queue has begun to hand out, and then, from the end of the
/// receives on, how long the queue has to see that nobody is receiving any more. What goes back would otherwise be handed to
/// a receive that nobody hears, and be hidden until its visibility runs out.
pub(super) const GRACE: Duration = Duration::from_millis(100);

/// Starts the keeper of a source. It ends when the source and all its deliveries are gone, after it has given back what is still held.
pub(super) fn start(shared: Arc<Shared>) -> (mpsc::UnboundedSender<Dropped>, DrainHandle) {
    let (drop_off, dropped) = mpsc::unbounded_channel();
    let (done, returned) = watch::channel(());
    tokio::spawn(async move {
        keep(&shared, dropped).await;
        drop(done);
    });
    (drop_off, DrainHandle(returned))
}

async fn keep(shared: &Shared, mut dropped: mpsc::UnboundedReceiver<Dropped>) {
    loop {
        let now = Instant::now();
        let due = shared.state().held.next_due();
        // What is due comes first: it does not wait for its turn among what goes back.
        tokio::select! {
            biased;
            () = sleep_until(due.unwrap_or(now + IDLE)) => shared.extend(Instant::now()).await,
            ids = dropped.recv() => match ids {
                Some(ids) => shared.hand_back(ids, at_once).await,
                None => break,
            },
            () = shared.taken.notified() => {}
        }
    }
    sleep(GRACE).await;
    let left = shared.state().held.ids();
    shared.hand_back(left, at_once).await;
}

fn at_once(_: u32) -> Duration {
    Duration::ZERO
}

/// Tells when a source that was dropped has given back to its queue what it had not settled.
///
/// A program that ends without waiting for this loses nothing: the messages come back when their visibility runs out.
#[derive(Debug, Clone)]
pub struct DrainHandle(watch::Receiver<()>);

impl DrainHandle {
    /// Resolves when everything is given back: the source and its deliveries are dropped, and the queue has been told.
    pub async fn wait(mut self) {
        // Nothing is ever sent: it ends with the keeper.
        while self.0.changed().await.is_ok() {}
    }
}
