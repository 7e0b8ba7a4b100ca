//! Dead letters that several requests write side by side.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use okta_coralogix_core::dead_letter::{DeadLetter, DeadLetters};
use okta_coralogix_core::sink::BatchLimits;
use okta_coralogix_core::testing::{MemorySink, MemorySource};
use okta_coralogix_core::{AckOrder, Error, ErrorKind, Result};
use tokio::time::Instant;

use super::harness::{Harness, pages, run};

/// Is away until a time, and remembers when it was asked.
#[derive(Debug)]
struct Away {
    until: Instant,
    writes: Arc<Mutex<Vec<Instant>>>,
}

#[async_trait]
impl DeadLetters for Away {
    async fn write(&self, _letters: &[DeadLetter]) -> Result<()> {
        let now = Instant::now();
        self.writes.lock().unwrap().push(now);
        if now < self.until {
            return Err(Error::temporary(ErrorKind::Storage, "the store is away"));
        }
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn dead_letters_of_requests_side_by_side_are_not_retried_in_step() {
    for malformed in [false, true] {
        let (mut pages, events) = pages(4, 2);
        if malformed {
            for page in &mut pages {
                page[0] = "nonsense".into();
            }
        }
        let limits = BatchLimits::new(2, 2_000_000);
        let bad: Vec<_> = events.chunks(2).map(|page| page[0].json.clone()).collect();
        let sink =
            MemorySink::with_limits(limits).refusing(move |text| bad.iter().any(|bad| bad == text));
        let harness = Harness::of(MemorySource::new(AckOrder::Individual, pages), sink);
        let writes = Arc::default();
        let store = Away {
            until: Instant::now() + Duration::from_secs(60),
            writes: Arc::clone(&writes),
        };
        let summary = run(harness.builder().dead_letters(store)).await.unwrap();
        assert_eq!(summary.dead_lettered, 4);
        let mut writes = writes.lock().unwrap().clone();
        let began = writes[0];
        // The first attempts may well coincide.
        writes.retain(|write| *write > began + Duration::from_secs(1));
        let all = writes.len();
        writes.dedup();
        assert_eq!(writes.len(), all, "several at the same moment");
        assert!(all > 8, "{all}");
    }
}
