//! Deletes settled messages, until the queue has deleted each.

use okta_coralogix_core::internal::Backoff;
use okta_coralogix_core::pipeline::BackoffPolicy;
use okta_coralogix_core::{Error, ErrorKind, Result};
use tokio::time::sleep;

use super::consumer::{CALL_TIMEOUT, Consumer, in_batches, with_timeout};
use super::in_flight::Receipt;
use super::queue::FailedEntry;

/// Deletes messages. Entries that fail for a while are deleted again, as are messages that were received again meanwhile.
///
/// # Errors
/// An error that a retry does not help against.
pub(super) async fn delete(consumer: &Consumer, ids: &[String]) -> Result<()> {
    let deleted = in_batches(ids, |batch| delete_batch(consumer, batch)).await;
    deleted.into_iter().collect()
}

async fn delete_batch(consumer: &Consumer, ids: Vec<String>) -> Result<()> {
    let mut backoff = Backoff::new(BackoffPolicy::default(), consumer.seed());
    let mut left = ids;
    while !left.is_empty() {
        let receipts = consumer.receipts(&left);
        let handles: Vec<_> = receipts
            .iter()
            .map(|receipt| receipt.handle.clone())
            .collect();
        if handles.is_empty() {
            return Ok(());
        }
        let failure = match with_timeout(
            "sqs:DeleteMessage",
            CALL_TIMEOUT,
            consumer.queue().delete(&handles),
        )
        .await
        {
            Err(error) => Some(error),
            Ok(failed) => {
                let again = forget_deleted(consumer, &receipts, &failed);
                left = again.ids;
                again.failure
            }
        };
        // A temporary failure waits; a message with a newer receipt handle is deleted at once.
        if let Some(error) = failure {
            let Some(wait) = backoff.next(error.retry()) else {
                return Err(error);
            };
            tracing::debug!(%error, messages = left.len(), "messages could not be deleted and are deleted again");
            sleep(wait).await;
        }
    }
    Ok(())
}

/// The messages to delete again, with the failure if that has to wait.
#[derive(Default)]
struct Again {
    ids: Vec<String>,
    failure: Option<Error>,
}

/// Forgets the messages that were deleted; returns the others.
fn forget_deleted(consumer: &Consumer, receipts: &[Receipt], failed: &[FailedEntry]) -> Again {
    let mut again = Again::default();
    let mut state = consumer.state();
    for (index, receipt) in receipts.iter().enumerate() {
        match failed.iter().find(|entry| entry.index == index) {
            Some(entry) if !entry.is_permanent => {
                let detail = format!("SQS did not delete a message: {}", entry.code);
                again.failure = Some(Error::temporary(ErrorKind::Unavailable, detail));
                again.ids.push(receipt.id.clone());
            }
            // Received again since: the older handle may have deleted nothing.
            _ if !state.in_flight.remove(receipt) => again.ids.push(receipt.id.clone()),
            // It comes back, and is a duplicate then.
            Some(entry) => {
                tracing::debug!(
                    code = entry.code,
                    "SQS refuses to delete a message by its handle"
                );
            }
            None => {}
        }
    }
    again
}
