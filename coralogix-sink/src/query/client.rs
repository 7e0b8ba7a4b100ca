//! The client: questions about what is stored, and answers that are proof or say why not.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use okta_coralogix_core::Result;
use okta_coralogix_core::internal::Reloadable;
use okta_coralogix_core::transport::Transport;

use super::answer::{Answer, Doubt};
use super::builder::QueryClientBuilder;
use super::counts::UuidCounts;
use super::dataprime::{UuidPath, is_one_of, within};
use super::endpoint::QueryEndpoint;
use super::event_id::EventId;
use super::filter::EventFilter;
use super::pace::Pace;
use super::rows::{Groups, Total};
use super::service::Service;
use super::settings::Settings;
use super::slice::TimeSlice;
use crate::api_key::ApiKey;

/// Ids of one query of a lookup.
const IDS_PER_QUERY: usize = 200;

/// Asks Coralogix what is stored, by `POST /api/v1/dataprime/query`.
///
/// Every answer is an [`Answer`]: proof, or not and why. Proof of what is missing takes two queries that agree: one row for each uuid, and
/// then a count that gives as many logs, each answer complete by all that is known of completeness.
///
/// A question changes nothing: a call that is dropped has no effect, and may be made again.
///
/// It retries by itself: a limited rate, failures of the service and of the network until
/// [`give_up_after`](QueryClientBuilder::give_up_after), an answer that was cut off once. One query runs at a time, in turns of all callers.
pub struct QueryClient {
    pub(super) endpoint: QueryEndpoint,
    pub(super) service: Service,
    pub(super) key: Reloadable<ApiKey>,
    pub(super) settings: Settings,
    pub(super) transport: Arc<dyn Transport>,
    pub(super) pace: Arc<Pace>,
    pub(super) learned: Learned,
    pub(super) counters: Counters,
}

/// What answers have taught.
#[derive(Debug, Default)]
pub(super) struct Learned {
    /// The account sends statistics: an answer without them is cut off.
    pub(super) sends_statistics: AtomicBool,
    /// The number of rows that Coralogix says it does not exceed; 0: not said.
    pub(super) row_cap: AtomicU64,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) queries: AtomicU64,
    pub(super) retries: AtomicU64,
    pub(super) unproven: AtomicU64,
    pub(super) unknown_lines: AtomicU64,
    pub(super) deprecations: AtomicU64,
}

/// What a [`QueryClient`] has done so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct QueryMetrics {
    /// Queries sent, repeats included.
    pub queries: u64,
    /// Queries that were sent again.
    pub retries: u64,
    /// Answers that were no proof in the end.
    pub unproven: u64,
    /// Lines of a kind that this version does not know.
    pub unknown_lines: u64,
    /// Warnings that a query uses something deprecated.
    pub deprecations: u64,
}

/// A few uuids to look for.
#[derive(Debug, Clone)]
#[must_use]
pub struct Lookup<'a> {
    range: TimeSlice,
    ids: &'a [EventId],
    control: Option<&'a EventId>,
}

impl<'a> Lookup<'a> {
    /// Looks for `ids` among the logs of a range of time, wide enough for copies that Coralogix gave another time.
    pub fn new(range: TimeSlice, ids: &'a [EventId]) -> Self {
        Self {
            range,
            ids,
            control: None,
        }
    }

    /// Also looks for an event that is stored in the range for sure. If it is not found, the answer is no proof: so no id is called
    /// missing because the lookup itself does not work.
    pub fn control(mut self, id: &'a EventId) -> Self {
        self.control = Some(id);
        self
    }
}

impl QueryClient {
    /// A builder. A domain or an endpoint, and the key, are required.
    pub fn builder() -> QueryClientBuilder {
        QueryClientBuilder::from_config(super::QueryConfig::default())
    }

    /// The endpoint that it asks.
    #[must_use]
    pub fn endpoint(&self) -> &QueryEndpoint {
        &self.endpoint
    }

    /// Where it looks for the uuid.
    #[must_use]
    pub fn uuid_path(&self) -> &UuidPath {
        &self.settings.uuid_path
    }

    /// The most rows that an answer may have and be proof: fewer than the setting, and than Coralogix said it returns.
    #[must_use]
    pub fn max_rows(&self) -> u64 {
        let set = u64::from(self.settings.max_rows);
        match self.learned.row_cap.load(Ordering::Relaxed) {
            0 => set - 1,
            cap => set.min(cap) - 1,
        }
    }

    /// What it has done so far.
    #[must_use]
    pub fn metrics(&self) -> QueryMetrics {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let Counters {
            queries,
            retries,
            unproven,
            unknown_lines,
            deprecations,
        } = &self.counters;
        QueryMetrics {
            queries: read(queries),
            retries: read(retries),
            unproven: read(unproven),
            unknown_lines: read(unknown_lines),
            deprecations: read(deprecations),
        }
    }

    /// How many logs are stored in `slice`.
    ///
    /// # Errors
    /// `Unauthorized`, `Forbidden`, `WrongEndpoint`, `Rejected`: a setting is wrong. Other kinds: Coralogix did not answer for as long as it
    /// was asked.
    pub async fn count(&self, filter: &EventFilter, slice: TimeSlice) -> Result<Answer<u64>> {
        self.count_of(&conditions(filter, slice, None), slice).await
    }

    /// How often each uuid is stored in `slice`: 2 queries, and 2 more where logs arrive in between.
    ///
    /// # Errors
    /// As [`count`](Self::count).
    pub async fn count_by_uuid(
        &self,
        filter: &EventFilter,
        slice: TimeSlice,
    ) -> Result<Answer<UuidCounts>> {
        self.groups(&conditions(filter, slice, None), slice).await
    }

    /// How often each of a few uuids is stored: 2 queries for 200 ids.
    ///
    /// # Errors
    /// As [`count`](Self::count).
    pub async fn lookup(
        &self,
        filter: &EventFilter,
        lookup: &Lookup<'_>,
    ) -> Result<Answer<UuidCounts>> {
        let Lookup {
            range,
            ids,
            control,
        } = *lookup;
        let mut wanted: Vec<_> = ids.iter().collect();
        wanted.sort_unstable();
        wanted.dedup();
        let mut chunks: Vec<_> = wanted.chunks(IDS_PER_QUERY).collect();
        if chunks.is_empty() && control.is_some() {
            // The control is looked for all the same.
            chunks.push(&[]);
        }
        let mut found = UuidCounts::none();
        for chunk in chunks {
            let extra = control.filter(|id| !chunk.contains(id));
            let chunk: Vec<_> = chunk.iter().copied().chain(extra).collect();
            let is_asked = is_one_of(chunk.iter().copied(), &self.settings.uuid_path);
            let conditions = conditions(filter, range, Some(is_asked));
            let mut counts = match self.groups(&conditions, range).await? {
                Answer::Proven(counts) => counts,
                unproven => return Ok(unproven),
            };
            if counts.iter().any(|(id, _)| !chunk.contains(&&id)) {
                return Ok(self.unproven(range, Doubt::ForeignRow));
            }
            if control.is_some_and(|id| counts.get(id) == 0) {
                return Ok(self.unproven(range, Doubt::ControlMissing));
            }
            if let Some(extra) = extra {
                counts.remove(extra);
            }
            found.merge(counts);
        }
        // Each id is in one chunk, so that none is there twice.
        found.finish();
        Ok(Answer::Proven(found))
    }

    async fn count_of(&self, conditions: &str, slice: TimeSlice) -> Result<Answer<u64>> {
        let query = format!("source logs | filter {conditions} | aggregate count() as n");
        let answer = self
            .ask::<Total>(&query, slice, self.max_rows() + 1)
            .await?;
        Ok(answer.map(|total| total.total))
    }

    async fn rows_of(&self, conditions: &str, slice: TimeSlice) -> Result<Answer<UuidCounts>> {
        let (path, limit) = (&self.settings.uuid_path, self.max_rows() + 1);
        let query = format!(
            "source logs | filter {conditions} | groupby {path} as u aggregate count() as n | limit {limit}"
        );
        let answer = self.ask::<Groups>(&query, slice, limit).await?;
        Ok(answer.map(|groups| groups.counts))
    }

    /// One row for each uuid, and then a count that gives as many logs.
    ///
    /// Rows that are missing without any sign are found so. The count comes second: logs that arrive in between make it larger, and can
    /// only cause a doubt. Before the rows it could be met by new logs in place of old ones that are missing.
    async fn groups(&self, conditions: &str, slice: TimeSlice) -> Result<Answer<UuidCounts>> {
        let mut is_repeated = false;
        loop {
            let counts = match self.rows_of(conditions, slice).await? {
                Answer::Proven(counts) => counts,
                unproven => return Ok(unproven),
            };
            let (read, counted) = match self.count_of(conditions, slice).await? {
                Answer::Proven(counted) => (counts.logs(), counted),
                Answer::Unproven(unproven) => return Ok(Answer::Unproven(unproven)),
            };
            if read == counted {
                return Ok(Answer::Proven(counts));
            }
            if is_repeated {
                return Ok(self.unproven(slice, Doubt::OtherCount { counted, read }));
            }
            is_repeated = true;
        }
    }

    fn unproven<T>(&self, slice: TimeSlice, doubt: Doubt) -> Answer<T> {
        self.counters.unproven.fetch_add(1, Ordering::Relaxed);
        Answer::unproven(slice, doubt)
    }
}

/// The expression of a filter. The range comes first, since it excludes most.
fn conditions(filter: &EventFilter, slice: TimeSlice, also: Option<String>) -> String {
    let conditions: Vec<_> = [within(slice)]
        .into_iter()
        .chain(filter.conditions())
        .chain(also)
        .collect();
    conditions.join(" && ")
}

impl fmt::Debug for QueryClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueryClient")
            .field("endpoint", &self.endpoint.base_url())
            .field("settings", &self.settings)
            .field("metrics", &self.metrics())
            .finish_non_exhaustive()
    }
}
