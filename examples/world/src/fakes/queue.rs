//! The calls of one process to the queue.

use std::future::pending;
use std::time::Duration;

use async_trait::async_trait;
use eventbridge_source::sqs::{
    Depth, FailedEntry, Queue, QueueAttributes, Received, VisibilityChange,
};
use okta_coralogix_core::{Clock, ClockOffset, Error, ErrorKind, Result};
use tokio::time::sleep;

use crate::fakes::network::met;
use crate::plan::{NetFault, Seam};
use crate::process::Process;

/// What one process sees of the queue.
#[derive(Debug)]
pub(crate) struct FakeQueue(pub(crate) Process);

impl FakeQueue {
    /// One call: `act` is what the queue does, once or twice.
    async fn call<T, F: Future<Output = Result<T>> + Send>(
        &self,
        what: &'static str,
        act: impl Fn() -> F + Send + Sync,
    ) -> Result<T> {
        let env = self.0.env();
        let fault = env.net_fault(Seam::Queue);
        self.0.step(|| format!("queue: {what}{}", met(fault))).await;
        let delay = match fault {
            Some(NetFault::Delay(time)) => time / 2,
            _ => Duration::ZERO,
        };
        let latency = env.latency();
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
        if fault == Some(NetFault::Duplicated) {
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

/// The index of the event in a message: messages are sent in the order of the events.
fn index(handle: &str) -> Option<usize> {
    handle.split_once(':')?.0.parse().ok()
}

#[async_trait]
impl Queue for FakeQueue {
    async fn receive(&self, wait: Duration, visibility: Duration) -> Result<Received> {
        let env = self.0.env();
        let mut received = self
            .call("receive", || async {
                let received = env.queue.receive(wait, visibility).await?;
                let mut oracle = env.oracle();
                for message in &received.messages {
                    let event = index(&message.handle).and_then(|index| env.events.get(index));
                    if let Some(event) = event {
                        oracle.received(self.0.number(), event.original);
                    }
                }
                Ok(received)
            })
            .await?;
        received.clock_offset = ClockOffset::between(env.host_clock.now(), env.time());
        Ok(received)
    }

    async fn delete(&self, handles: &[String]) -> Result<Vec<Refused>> {
        let env = self.0.env();
        self.call("delete", || async {
            for handle in handles {
                if let Some(index) = index(handle) {
                    env.check_settled(index, "deleted from the queue");
                    env.check_group_order(index);
                }
            }
            env.queue.delete(handles).await
        })
        .await
    }

    async fn change_visibility(&self, changes: &[VisibilityChange]) -> Result<Vec<Refused>> {
        let env = self.0.env();
        self.call("change visibility", || env.queue.change_visibility(changes))
            .await
    }

    async fn facts(&self) -> Result<Facts> {
        let env = self.0.env();
        self.call("facts", || env.queue.facts()).await
    }

    async fn depth(&self) -> Result<Depth> {
        let env = self.0.env();
        self.call("depth", || env.queue.depth()).await
    }
}
