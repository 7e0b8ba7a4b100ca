//! The right to send the dead letters of a store again, and what their stores use of it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::objects::Objects;
use super::place::Place;
use super::{HeldCheckpoint, SharedStore, presence, standby};
use crate::checkpoint::Version;
use crate::{Error, ErrorKind, Result};

/// No log has such a name: it begins with a dot.
const NAME: &str = ".replay";

impl SharedStore {
    /// The right to send the [dead letters](crate::dead_letter::ObjectDeadLetters) of this place again: a lease that one replay at a time
    /// holds. To be given to its pipelines, and released at the end.
    ///
    /// # Errors
    /// `Locked` while another replay runs, which shows within a renewal of its lease. After the death of one it is waited for its TTL.
    /// Those of the store.
    pub async fn acquire_replay(&self) -> Result<HeldCheckpoint> {
        self.check_times()?;
        let place = Arc::new(self.place(NAME));
        let before = place
            .look()
            .await?
            .map(|(record, version)| (record.ttl(), version));
        let ttl = before.as_ref().map_or(Duration::ZERO, |(ttl, _)| *ttl);
        let acquired = timeout(self.takeover(ttl), standby::acquire(Arc::clone(&place)));
        tokio::select! {
            biased;
            held = acquired => match held {
                Ok(held) => held,
                Err(_) => Err(self.not_acquired(&place).await),
            },
            holder = renewed(&place, before.map(|(_, version)| version)) => Err(is_running(&place, &holder)),
        }
    }

    /// Why it was not in time.
    async fn not_acquired(&self, place: &Place) -> Error {
        let holder = match place.look().await {
            Ok(found) => found.and_then(|(record, _)| record.holder),
            Err(error) => return error,
        };
        match holder.filter(|holder| *holder != place.holder) {
            Some(holder) => is_running(place, &holder),
            None => {
                let detail = format!(
                    "{} has not given the right to replay dead letters in time: check that it can be written, and try again",
                    place.objects.location()
                );
                Error::temporary(ErrorKind::RemoteStorage, detail)
            }
        }
    }

    pub(crate) fn objects(&self) -> &Arc<dyn Objects> {
        &self.objects
    }

    /// The name of this replica as a part of an object's name.
    pub(crate) fn object_holder(&self) -> String {
        presence::plain(&self.holder)
    }
}

/// Resolves with the holder once one that is another replica has written the record again.
async fn renewed(place: &Place, before: Option<Version>) -> String {
    loop {
        sleep(place.pause()).await;
        if let Ok(Some((record, version))) = place.look().await
            && let Some(holder) = record.holder.filter(|holder| *holder != place.holder)
            && Some(&version) != before.as_ref()
        {
            return holder;
        }
    }
}

fn is_running(place: &Place, holder: &str) -> Error {
    let detail = format!(
        "another replay of the dead letters in {} is running by {}: wait for its end; if it has died, try again",
        place.objects.location(),
        crate::text::sanitize(holder)
    );
    Error::new(ErrorKind::Locked, detail)
}
