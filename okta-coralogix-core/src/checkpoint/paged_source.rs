//! A source that reads pages behind a cursor.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use super::{CheckpointStore, Committer, ResumePoint};
use crate::filter::DedupWindow;
use crate::{AckOrder, Delivery, EventSource, MalformedEvent, RawEvent, Result};

/// A remote that gives its events page by page, each behind a cursor: files in the order of their names, rows by their number, an API
/// with links. [`PagedSource`] makes a source of it that keeps the rules of [`EventSource`].
#[async_trait]
pub trait Pages: Send + 'static {
    /// The page behind `cursor`, or the first one; `None`: there is none, and the source ends once all is settled. A remote that goes
    /// on waits here for the next page. One attempt: a temporary error is retried by the pipeline.
    ///
    /// # Cancel safety
    /// It is dropped at any `await`, and asked again with the same cursor or an earlier one.
    ///
    /// # Errors
    /// A temporary error is retried, a permanent one ends the pipeline.
    async fn page_after(&mut self, cursor: Option<&str>) -> Result<Option<Page>>;
}

/// What is stored where nothing is settled yet: the first page comes next.
const FIRST: &str = "";

/// A page of a remote.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Page {
    /// What it holds, in order, with the bytes of what is no event.
    pub items: Vec<Result<RawEvent, MalformedEvent>>,
    /// The cursor behind it; it is not empty.
    pub next: String,
}

impl Page {
    /// These items, with the cursor behind them.
    #[must_use]
    pub fn new(items: Vec<Result<RawEvent, MalformedEvent>>, next: impl Into<String>) -> Self {
        Self {
            items,
            next: next.into(),
        }
    }
}

/// Reads a remote page by page, and stores the cursor behind what is settled, with the window of uuids. The store is written once before
/// the first page is read, so that one that cannot be written is found before anything is sent.
///
/// ```
/// use async_trait::async_trait;
/// use okta_coralogix_core::Result;
/// use okta_coralogix_core::checkpoint::{Page, PagedSource, Pages};
/// # use std::sync::Arc;
/// # use okta_coralogix_core::{EventSource, Origin, RawEvent};
/// # use okta_coralogix_core::testing::MemoryCheckpoint;
///
/// /// Events that stand in a list.
/// struct List(Vec<&'static str>);
///
/// #[async_trait]
/// impl Pages for List {
///     async fn page_after(&mut self, cursor: Option<&str>) -> Result<Option<Page>> {
///         let given = cursor.map_or(0, |cursor| cursor.parse().unwrap_or(0));
///         let page = self.0.iter().skip(given).take(100);
///         let items: Vec<_> = page.map(|json| RawEvent::parse((*json).into(), Arc::new(Origin::org("list")))).collect();
///         let next = (given + items.len()).to_string();
///         Ok((!items.is_empty()).then(|| Page::new(items, next)))
///     }
/// }
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// # let list = List(vec![r#"{"uuid":"1","published":"2026-11-30T06:00:00Z"}"#]);
/// # let store = Arc::new(MemoryCheckpoint::default());
///
/// // The store may be a `FileCheckpoint`; the identity says whose position it is.
/// let mut source = PagedSource::open(list, store, "the list of acme", 20_000).await?;
/// # assert_eq!(source.next().await?.unwrap().items.len(), 1);
/// # Ok::<(), okta_coralogix_core::Error>(())
/// # }).unwrap();
/// ```
pub struct PagedSource<P> {
    pages: P,
    committer: Committer,
    /// Behind the last page that was given.
    cursor: Option<String>,
    /// The rewinds that the cursor knows of.
    rewinds: u64,
}

impl<P: Pages> PagedSource<P> {
    /// Reads on behind what is settled. `identity` names what the position belongs to: the remote and the query. The window remembers up
    /// to `capacity` uuids.
    ///
    /// # Errors
    /// Those of [`Committer::open`].
    pub async fn open(
        pages: P,
        store: Arc<dyn CheckpointStore>,
        identity: impl Into<String>,
        capacity: usize,
    ) -> Result<Self> {
        let committer = Committer::open(store, identity, capacity).await?;
        let mut source = Self {
            pages,
            committer,
            cursor: None,
            rewinds: 0,
        };
        source.rewind().await?;
        Ok(source)
    }

    /// Goes back to what is committed.
    async fn rewind(&mut self) -> Result<()> {
        let committed = self.committer.committed().await?.map(|point| point.cursor);
        self.cursor = committed.filter(|cursor| cursor != FIRST);
        Ok(())
    }
}

#[async_trait]
impl<P: Pages> EventSource for PagedSource<P> {
    fn name(&self) -> &str {
        self.committer.identity()
    }

    fn ack_order(&self) -> AckOrder {
        AckOrder::Cumulative
    }

    fn dedup_window(&self) -> DedupWindow {
        self.committer.dedup_window().clone()
    }

    async fn next(&mut self) -> Result<Option<Delivery>> {
        self.committer.prepare(Some(FIRST.to_owned())).await?;
        loop {
            let rewinds = self.committer.rewinds();
            if rewinds != self.rewinds {
                self.rewind().await?;
                self.rewinds = rewinds;
            }
            let page = tokio::select! {
                biased;
                () = self.committer.handed_back() => continue,
                page = self.pages.page_after(self.cursor.as_deref()) => page?,
            };
            if let Some(Page { items, next }) = page {
                let point = ResumePoint::new(next.as_str());
                let acker = self.committer.acker(rewinds, point, items.len());
                self.cursor = Some(next);
                return Ok(Some(Delivery::new(items, acker)));
            }
            if self.committer.is_committed(rewinds) {
                return Ok(None);
            }
            self.committer.changed().await;
        }
    }

    async fn close(&mut self) -> Result<()> {
        self.committer.close(Some(FIRST.to_owned())).await
    }
}

impl<P> fmt::Debug for PagedSource<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PagedSource")
            .field("committer", &self.committer)
            .field("cursor", &self.cursor)
            .finish_non_exhaustive()
    }
}
