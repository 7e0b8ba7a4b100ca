//! A source of pages over an empty store.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use okta_coralogix_core::checkpoint::{
    Checkpoint, CheckpointStore, Page, PagedSource, Pages, SaveOutcome, Version, Versioned,
};
use okta_coralogix_core::testing::MemoryCheckpoint;
use okta_coralogix_core::{Error, ErrorKind, EventSource, Origin, RawEvent, Result};

/// Pages of one event each, numbered from 1; counts those that were asked for.
#[derive(Debug, Clone, Default)]
struct Numbered(Arc<AtomicUsize>);

#[async_trait]
impl Pages for Numbered {
    async fn page_after(&mut self, cursor: Option<&str>) -> Result<Option<Page>> {
        self.0.fetch_add(1, Ordering::Relaxed);
        let number = cursor.map_or(0, |cursor| cursor.parse::<u32>().unwrap()) + 1;
        let json = format!(r#"{{"uuid":"{number}","published":"2026-11-30T06:00:00Z"}}"#);
        let event = RawEvent::parse(json.into(), Arc::new(Origin::org("numbers")));
        Ok(Some(Page::new(vec![event], number.to_string())))
    }
}

/// An empty store on a disk that takes nothing.
#[derive(Debug)]
struct Unwritable;

#[async_trait]
impl CheckpointStore for Unwritable {
    async fn load(&self) -> Result<Option<Versioned<Checkpoint>>> {
        Ok(None)
    }

    async fn create(&self, _: &Checkpoint) -> SaveOutcome {
        SaveOutcome::Unknown(Error::new(ErrorKind::Storage, "the disk is read-only"))
    }

    async fn replace(&self, checkpoint: &Checkpoint, _: &Version) -> SaveOutcome {
        self.create(checkpoint).await
    }
}

#[tokio::test]
async fn store_that_cannot_be_written_is_found_before_the_first_page() {
    let pages = Numbered::default();
    let store = Arc::new(Unwritable);
    let source = PagedSource::open(pages.clone(), store, "numbers", 10);
    let error = source.await.unwrap().next().await.unwrap_err();
    assert_eq!(error.to_string(), "the disk is read-only");
    assert_eq!(pages.0.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn record_of_a_start_leads_to_the_first_page() {
    let store = MemoryCheckpoint::default();
    for saves in [1, 2] {
        let open = PagedSource::open(Numbered::default(), Arc::new(store.clone()), "numbers", 10);
        let mut source = open.await.unwrap();
        for _ in 0..2 {
            let first = source.next().await.unwrap().unwrap();
            assert_eq!(first.items[0].as_ref().unwrap().uuid().unwrap(), "1");
            let second = source.next().await.unwrap().unwrap();
            assert_eq!(second.items[0].as_ref().unwrap().uuid().unwrap(), "2");
            // Handed back, so that the source goes back to where it began.
            drop((first, second));
        }
        source.close().await.unwrap();
        assert_eq!(
            (store.saves(), store.stored().unwrap().cursor),
            (saves, String::new())
        );
    }
}
