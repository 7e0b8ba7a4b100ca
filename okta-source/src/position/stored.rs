//! The position in a checkpoint, seen and moved while no source uses it.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use okta_coralogix_core::checkpoint::{Checkpoint, CheckpointStore, Version};
use okta_coralogix_core::{Error, ErrorKind, Result};

use super::cursor::Cursor;
use super::identity::Identity;
use super::page_request::PageRequest;
use crate::api::org_url::OrgUrl;
use crate::api::page_size::PageSize;
use crate::config::{self, Settings, StartPoint};

/// The position that a checkpoint holds. No source may have the checkpoint open meanwhile, which a
/// [`FileCheckpoint`](okta_coralogix_core::checkpoint::FileCheckpoint) makes sure of.
///
/// ```no_run
/// # async fn rewind(org: okta_source::OrgUrl, now: chrono::DateTime<chrono::Utc>) -> okta_coralogix_core::Result<()> {
/// use okta_coralogix_core::checkpoint::FileCheckpoint;
/// use okta_source::StoredPosition;
///
/// let store = FileCheckpoint::open("okta-coralogix.checkpoint").await?;
/// if let Some(mut position) = StoredPosition::load(store).await? {
///     position.move_to(&org, now - chrono::TimeDelta::hours(3), now).await?;
/// }
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct StoredPosition {
    store: Arc<dyn CheckpointStore>,
    record: Checkpoint,
    version: Version,
}

impl StoredPosition {
    /// Reads it. `None`: there is no record yet.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn load(store: impl CheckpointStore) -> Result<Option<Self>> {
        let found = store.load().await?;
        Ok(found.map(|found| Self {
            store: Arc::new(store),
            record: found.value,
            version: found.version,
        }))
    }

    /// What it belongs to: the way of reading, the org, and the query or range if there is one.
    #[must_use]
    pub fn identity(&self) -> &str {
        &self.record.identity
    }

    /// The record of the org as it was called `before`, taken for one of `org`, as
    /// [`renamed_from`](crate::OktaSourceBuilder::renamed_from) does. Others stay as they are. Stored by [`move_to`](Self::move_to).
    pub fn rename(&mut self, before: &OrgUrl, org: &OrgUrl) {
        let identity = Identity::of(org, &crate::api::query::Query::default(), None);
        identity.rename(&mut self.record, before);
    }

    /// Fails unless it is a position in the log of `org`, of whatever query.
    ///
    /// # Errors
    /// `Corrupt`, with advice, for another org or a record that cannot be read; `Config` for a bounded range.
    pub fn check(&self, org: &OrgUrl) -> Result<()> {
        if self.is_range() {
            let detail = "the checkpoint is that of a bounded range, which is read once from its start to its end";
            return Err(Error::new(ErrorKind::Config, detail));
        }
        let (identity, _) = Identity::of_record(org, &self.record)?;
        identity.cursor_of(&self.record).map(drop)
    }

    /// True if it is that of a bounded range ([`Backfill`](crate::Backfill)).
    #[must_use]
    pub fn is_range(&self) -> bool {
        Identity::is_of_range(&self.record.identity)
    }

    /// True if its range was read to the end.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.is_range() && self.record.cursor == Cursor::end().as_str()
    }

    /// Where the next run reads on. An earlier start that its settings ask for counts in place of [`StartPoint::Since`].
    #[must_use]
    pub fn start_point(&self) -> StartPoint {
        let cursor = Cursor::stored(&self.record.cursor);
        match cursor.start_time() {
            Some(time) if cursor.is_moved() => StartPoint::Moved(time),
            Some(time) => StartPoint::Since(time),
            None => StartPoint::Checkpoint {
                published: (self.record.published_ms).and_then(DateTime::from_timestamp_millis),
            },
        }
    }

    /// How many uuids of settled events it remembers.
    #[must_use]
    pub fn remembered(&self) -> usize {
        self.record.dedup.len()
    }

    /// Moves it: the next run reads what Okta has stored since `time`. The uuids stay, so that what they remember is not delivered again.
    ///
    /// # Errors
    /// `Config` for a time that Okta refuses, or after `now`; those of [`check`](Self::check) and of the store. Nothing is changed then.
    pub async fn move_to(
        &mut self,
        org: &OrgUrl,
        time: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<()> {
        self.check(org)?;
        config::check_start(time.into(), now)?;
        let (_, query) = Identity::of_record(org, &self.record)?;
        let size = PageSize::new(Settings::default().page_size);
        let request = PageRequest::Since(time).path(size, &query);
        let mut moved = self.record.clone();
        Cursor::moved(&request)
            .as_str()
            .clone_into(&mut moved.cursor);
        // It lies behind no event that was settled.
        moved.published_ms = None;
        self.version = self.store.replace(&moved, &self.version).await.saved()?;
        self.record = moved;
        Ok(())
    }
}
