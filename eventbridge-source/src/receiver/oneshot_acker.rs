//! An acker for a task that waits for the outcomes of one delivery.

use async_trait::async_trait;
use okta_coralogix_core::{Acker, Outcome, Result};
use tokio::sync::oneshot;

/// Sends the outcomes to the task that waits for them. If the delivery is dropped, the receiving half reports that instead.
#[derive(Debug)]
pub(crate) struct OneshotAcker(pub(crate) oneshot::Sender<Vec<Outcome>>);

#[async_trait]
impl Acker for OneshotAcker {
    async fn settle(self: Box<Self>, outcomes: &[Outcome]) -> Result<()> {
        // The task may have run out of time: then the sender has been told so, and sends the events again.
        self.0.send(outcomes.to_vec()).ok();
        Ok(())
    }
}
