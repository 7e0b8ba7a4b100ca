//! Hands messages back to the queue by changing their visibility.

use std::time::Duration;

use okta_coralogix_core::internal::Backoff;
use okta_coralogix_core::pipeline::BackoffPolicy;
use tokio::time::sleep;

use super::consumer::{Consumer, in_batches};
use super::queue::VisibilityChange;

/// Attempts for each batch. A message that is not handed back comes back when its visibility timeout expires.
const MAX_ATTEMPTS: usize = 3;

/// A message that has been received up to this many times can be received again at once, as after a shutdown or a restart.
const RECEIVES_WITHOUT_DELAY: u32 = 3;

/// How long a message that failed stays hidden: not at all at first, then from 10 s up to 15 minutes, so that a consumer that
/// cannot finish anything does not use up the receives that the redrive policy allows.
pub(super) fn delay_by_receives(receive_count: u32) -> Duration {
    match receive_count.checked_sub(RECEIVES_WITHOUT_DELAY + 1) {
        None => Duration::ZERO,
        Some(more) => Duration::from_secs(2_u64.saturating_pow(more).saturating_mul(10).min(900)),
    }
}

/// For a message that was not tried, as at a shutdown.
pub(super) fn no_delay(_: u32) -> Duration {
    Duration::ZERO
}

/// Hands messages back; each stays hidden for as long as `delay` says for its receive count.
pub(super) async fn hand_back(
    consumer: &Consumer,
    ids: &[String],
    delay: impl Fn(u32) -> Duration,
) {
    let handing_back: Vec<_> = {
        let mut state = consumer.state();
        let begin = |id: &String| state.in_flight.begin_hand_back(id);
        ids.iter().filter_map(begin).collect()
    };
    in_batches(&handing_back, |batch| async {
        let changes = batch
            .into_iter()
            .map(|(receipt, receives)| VisibilityChange {
                handle: receipt.handle,
                visibility: delay(receives),
            });
        hand_back_batch(consumer, &changes.collect::<Vec<_>>()).await;
    })
    .await;
    let mut state = consumer.state();
    for (receipt, _) in &handing_back {
        state.in_flight.remove(receipt);
    }
}

async fn hand_back_batch(consumer: &Consumer, changes: &[VisibilityChange]) {
    let mut backoff = Backoff::new(BackoffPolicy::default(), consumer.seed());
    for _ in 0..MAX_ATTEMPTS {
        let error = match consumer.change_visibility(changes).await {
            Ok(failed) => {
                if let Some(first) = failed.first() {
                    let (count, code) = (failed.len(), &first.code);
                    tracing::debug!(
                        count,
                        code,
                        "messages come back when their visibility timeout expires"
                    );
                }
                return;
            }
            Err(error) => error,
        };
        tracing::warn!(%error, messages = changes.len(), "messages could not be handed back");
        match backoff.next(error.retry()) {
            Some(wait) => sleep(wait).await,
            None => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delay_grows_with_the_receive_count() {
        let waits = [0, 1, 3, 4, 5, 10, u32::MAX].map(|count| delay_by_receives(count).as_secs());
        assert_eq!(waits, [0, 0, 0, 10, 20, 640, 900]);
    }
}
