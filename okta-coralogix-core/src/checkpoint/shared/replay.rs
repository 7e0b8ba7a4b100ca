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
                Err(_) => Err(is_running(&place, None)),
            },
            holder = renewed(&place, before.map(|(_, version)| version)) => Err(is_running(&place, Some(&holder))),
        }
    }

    pub(crate) fn objects(&self) -> &Arc<dyn Objects> {
        &self.objects
    }

    /// How long a call may take.
    pub(crate) fn call_limit(&self) -> Duration {
        self.ttl / 6
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

fn is_running(place: &Place, holder: Option<&str>) -> Error {
    let by = holder.map(|holder| format!(" by {}", crate::text::sanitize(holder)));
    let detail = format!(
        "another replay of the dead letters in {} is running{}: wait for its end",
        place.objects.location(),
        by.unwrap_or_default()
    );
    Error::new(ErrorKind::Locked, detail)
}
