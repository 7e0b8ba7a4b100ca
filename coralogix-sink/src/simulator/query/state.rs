//! The state of the query API, and how a test changes it.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use okta_coralogix_core::Secret;
use tokio::time::Instant;

use super::super::arrival::Arrival;
use super::super::handler::delta;
use super::super::ingress::CoralogixSimulator;
use super::account::{Priority, QueryAccount};
use super::fault::QueryFault;
use super::stored::{Content, Names, Store, Stored};
use crate::query::EventId;

type Policy = dyn Fn(&str, &str, &str) -> Priority + Send + Sync;

/// The state of the query API.
pub(crate) struct QueryState {
    pub(super) key: Secret,
    pub(super) account: QueryAccount,
    pub(super) next: VecDeque<QueryFault>,
    pub(super) always: Option<QueryFault>,
    policy: Option<Arc<Policy>>,
    pub(super) store: Store,
    pub(super) queries: Vec<RecordedQuery>,
    /// When the latest queries came.
    pub(super) starts: VecDeque<Instant>,
}

/// One query, answered or not.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordedQuery {
    /// The text of the query; empty where the request could not be read.
    pub query: String,
    /// The status answered; `None` where there was no answer.
    pub status: Option<u16>,
    /// Rows of the answer, before a fault changed them.
    pub rows: usize,
}

impl QueryState {
    pub(crate) fn new(key: Secret) -> Self {
        Self {
            key,
            account: QueryAccount::default(),
            next: VecDeque::new(),
            always: None,
            policy: None,
            store: Store::default(),
            queries: Vec::new(),
            starts: VecDeque::new(),
        }
    }

    /// An entry was accepted.
    pub(crate) fn store(&mut self, entry: &Arc<Arrival>, now: DateTime<Utc>) {
        let priority = match &self.policy {
            None => Priority::High,
            Some(policy) => policy(&entry.application, &entry.subsystem, &entry.text),
        };
        if priority == Priority::Block {
            return;
        }
        let limit = self.account.restamp_older_than.map(delta);
        let timestamp = entry
            .timestamp
            .filter(|time| limit.is_none_or(|limit| now - *time <= limit));
        self.store.push(Stored {
            timestamp: timestamp.unwrap_or(now),
            arrived: now,
            priority,
            content: Content::Entry(Arc::clone(entry)),
        });
    }
}

impl CoralogixSimulator {
    /// The key that may query. The key of the ingress may not.
    #[must_use]
    pub fn query_key(&self) -> Secret {
        self.ingress().state().query.key.clone()
    }

    /// Accepts another key for queries from now on.
    pub fn set_query_key(&self, key: impl Into<Secret>) {
        self.ingress().state().query.key = key.into();
    }

    /// Changes how the account answers queries.
    pub fn set_query_account(&self, change: impl FnOnce(&mut QueryAccount)) {
        change(&mut self.ingress().state().query.account);
    }

    /// Decides, by application, subsystem and text, what becomes of entries that are accepted from now on.
    pub fn set_policy(
        &self,
        policy: impl Fn(&str, &str, &str) -> Priority + Send + Sync + 'static,
    ) {
        self.ingress().state().query.policy = Some(Arc::new(policy));
    }

    /// Applies `fault` to each of `n` queries, after the faults that were scripted before.
    pub fn fail_next_queries(&self, n: usize, fault: QueryFault) {
        let faults = std::iter::repeat_n(fault, n);
        self.ingress().state().query.next.extend(faults);
    }

    /// Applies `fault` to every query for which no [`fail_next_queries`](Self::fail_next_queries) is left, until it is reset with `None`.
    pub fn fail_all_queries(&self, fault: Option<QueryFault>) {
        self.ingress().state().query.always = fault;
    }

    /// Stores events that consist of a uuid, in much less memory than entries take. They count as arrived at their time.
    pub fn store_events(
        &self,
        application: &str,
        subsystem: &str,
        events: impl IntoIterator<Item = (EventId, DateTime<Utc>)>,
    ) {
        let names = Arc::new(Names {
            application: application.into(),
            subsystem: subsystem.into(),
        });
        let mut state = self.ingress().state();
        for (id, time) in events {
            state.query.store.push(Stored {
                timestamp: time,
                arrived: time,
                priority: Priority::High,
                content: Content::Event(Arc::clone(&names), id),
            });
        }
    }

    /// Removes the stored logs whose member `uuid` is one of these, as a fault of storage does.
    pub fn lose_events(&self, is_lost: impl Fn(&str) -> bool) {
        let path = ["uuid".to_owned()];
        self.ingress()
            .state()
            .query
            .store
            .retain(|log| !log.data(&path).as_str().is_some_and(&is_lost));
    }

    /// The queries so far.
    #[must_use]
    pub fn queries(&self) -> Vec<RecordedQuery> {
        self.ingress().state().query.queries.clone()
    }
}

impl fmt::Debug for QueryState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueryState")
            .field("account", &self.account)
            .field("queries", &self.queries.len())
            .finish_non_exhaustive()
    }
}
