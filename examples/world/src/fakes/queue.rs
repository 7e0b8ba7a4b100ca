//! The calls of one process to the SQS queue.

use std::future::pending;
use std::time::Duration;

use async_trait::async_trait;
use eventbridge_source::sqs::QueueAttributes;
use eventbridge_source::sqs::simulator::{Depth, FailedEntry, Queue, Received, VisibilityChange};
use okta_coralogix_core::{Clock, ClockOffset, Error, ErrorKind, Result};
use tokio::time::sleep;

use crate::checks::{check_group_order, check_settled};
use crate::fault::{NetFault, Seam, suffix};
use crate::process::Process;

/// The queue as one process sees it.
#[derive(Debug)]
pub(crate) struct FakeQueue(pub(crate) Process);

impl FakeQueue {
    /// One call. The queue runs `serve`, twice if the request is duplicated.
    async fn call<T, F: Future<Output = Result<T>> + Send>(
        &self,
        what: &'static str,
        serve: impl Fn() -> F + Send + Sync,
    ) -> Result<T> {
        let env = self.0.env();
        let fault = env.faults().net_fault(Seam::Queue);
        self.0
            .step(|| format!("queue: {what}{}", suffix(fault)))
            .await;
        let one_way = env.faults().latency() + NetFault::delay(fault);
        sleep(one_way).await;
        self.0.step(|| "queue: on its way".to_owned()).await;
        match fault {
            Some(
                NetFault::Refused
                | NetFault::ResetBefore
                | NetFault::Late(_)
                | NetFault::Gateway(_)
                | NetFault::HalfRequest,
            ) => return Err(connection_lost()),
            Some(NetFault::Silence) => pending().await,
            Some(NetFault::Status(_)) => {
                let detail = "the queue is throttled";
                return Err(Error::temporary(ErrorKind::RateLimited, detail));
            }
            _ => {}
        }
        let mut answer = serve().await;
        if fault == Some(NetFault::Duplicated) {
            answer = serve().await;
        }
        self.0.step(|| format!("queue: has done {what}")).await;
        sleep(one_way).await;
        match fault {
            Some(NetFault::ResetAfter | NetFault::HalfBody) => Err(connection_lost()),
            Some(NetFault::Stalled) => pending().await,
            _ => answer,
        }
    }
}

fn connection_lost() -> Error {
    Error::temporary(ErrorKind::Network, "the connection broke off").with_ambiguity(true)
}

/// The number of the body in a message: messages are sent in the order of the bodies.
fn body_number(handle: &str) -> Option<usize> {
    handle.split_once(':')?.0.parse().ok()
}

#[async_trait]
impl Queue for FakeQueue {
    async fn receive(&self, wait: Duration, visibility: Duration) -> Result<Received> {
        let env = self.0.env();
        let mut received = self
            .call("receive", || async {
                let received = env.simulators.queue.receive(wait, visibility).await?;
                let mut oracle = env.oracle();
                for message in &received.messages {
                    let body = body_number(&message.handle);
                    let body = body.and_then(|number| env.bodies.get(number));
                    for event in body.into_iter().flat_map(|body| &env.events[body.clone()]) {
                        oracle.received(self.0.number(), event.original);
                    }
                }
                Ok(received)
            })
            .await?;
        received.clock_offset = ClockOffset::between(env.clocks.host.now(), env.clocks.now());
        Ok(received)
    }

    async fn delete(&self, handles: &[String]) -> Result<Vec<FailedEntry>> {
        let env = self.0.env();
        self.call("delete", || async {
            for number in handles.iter().filter_map(|handle| body_number(handle)) {
                check_settled(env, self.0.number(), number, "deleted from the queue");
                check_group_order(env, number);
            }
            env.simulators.queue.delete(handles).await
        })
        .await
    }

    async fn change_visibility(&self, changes: &[VisibilityChange]) -> Result<Vec<FailedEntry>> {
        let queue = &self.0.env().simulators.queue;
        self.call("change visibility", || queue.change_visibility(changes))
            .await
    }

    async fn attributes(&self) -> Result<QueueAttributes> {
        let queue = &self.0.env().simulators.queue;
        self.call("attributes", || queue.attributes()).await
    }

    async fn depth(&self) -> Result<Depth> {
        let queue = &self.0.env().simulators.queue;
        self.call("depth", || queue.depth()).await
    }
}
