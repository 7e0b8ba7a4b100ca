//! The calls of one life to the queue.

use std::future::pending;
use std::time::Duration;

use async_trait::async_trait;
use eventbridge_source::sqs::{
    Depth, FailedEntry, Queue, QueueAttributes, Received, VisibilityChange,
};
use okta_coralogix_core::{Clock, ClockOffset, Error, ErrorKind, Result};
use tokio::time::sleep;

use crate::life::Life;
use crate::plan::{NetFault, Seam};
use crate::wire::met;

/// What one life sees of the queue.
#[derive(Debug)]
pub(crate) struct Line(pub(crate) Life);

impl Line {
    /// One call: `act` is what the queue does, once or twice.
    async fn call<T, F: Future<Output = Result<T>> + Send>(
        &self,
        what: &'static str,
        act: impl Fn() -> F + Send + Sync,
    ) -> Result<T> {
        let scene = self.0.scene();
        let fault = scene.net_fault(Seam::Queue);
        self.0.step(|| format!("queue: {what}{}", met(fault))).await;
        let delay = match fault {
            Some(NetFault::Delay(time)) => time / 2,
            _ => Duration::ZERO,
        };
        let latency = scene.latency();
        sleep(latency + delay).await;
        self.0.step(|| "queue: on the way".to_owned()).await;
        match fault {
            Some(
                NetFault::Refused | NetFault::ResetBefore | NetFault::Late(_) | NetFault::Html,
            ) => {
                return Err(broken());
            }
            Some(NetFault::Status(_)) => {
                let detail = "the queue is throttled";
                return Err(Error::temporary(ErrorKind::RateLimited, detail));
            }
            _ => {}
        }
        let mut answer = act().await;
        if fault == Some(NetFault::Twice) {
            answer = act().await;
        }
        self.0.step(|| format!("queue: has done {what}")).await;
        sleep(latency + delay).await;
        match fault {
            Some(NetFault::ResetAfter | NetFault::HalfBody) => Err(broken()),
            Some(NetFault::Stalled) => pending().await,
            _ => answer,
        }
    }
}

fn broken() -> Error {
    Error::temporary(ErrorKind::Network, "the connection broke off").with_ambiguity(true)
}

/// The place of the event in a message: messages are sent in the order of the events.
fn place(handle: &str) -> Option<usize> {
    handle.split_once(':')?.0.parse().ok()
}

#[async_trait]
impl Queue for Line {
    async fn receive(&self, wait: Duration, visibility: Duration) -> Result<Received> {
        let scene = self.0.scene();
        let mut received = self
            .call("receive", || async {
                let received = scene.queue.receive(wait, visibility).await?;
                let mut book = scene.book();
                for message in &received.messages {
                    let event = place(&message.handle).and_then(|place| scene.events.get(place));
                    if let Some(event) = event {
                        book.given(self.0.number(), event.original);
                    }
                }
                Ok(received)
            })
            .await?;
        received.clock_offset = ClockOffset::between(scene.host.now(), scene.time());
        Ok(received)
    }

    async fn delete(&self, handles: &[String]) -> Result<Vec<FailedEntry>> {
        let scene = self.0.scene();
        self.call("delete", || async {
            for handle in handles {
                if let Some(place) = place(handle) {
                    scene.hears_it_is_settled(place, "deleted from the queue");
                    scene.hears_the_order_is_kept(place);
                }
            }
            scene.queue.delete(handles).await
        })
        .await
    }

    async fn change_visibility(&self, changes: &[VisibilityChange]) -> Result<Vec<FailedEntry>> {
        let scene = self.0.scene();
        self.call("change visibility", || {
            scene.queue.change_visibility(changes)
        })
        .await
    }

    async fn attributes(&self) -> Result<QueueAttributes> {
        let scene = self.0.scene();
        self.call("attributes", || scene.queue.attributes()).await
    }

    async fn depth(&self) -> Result<Depth> {
        let scene = self.0.scene();
        self.call("depth", || scene.queue.depth()).await
    }
}
