//! The age policy `Restamp`, for events that become too old while they wait.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use okta_coralogix_core::filter::{AgeFilter, AgePolicy};
use okta_coralogix_core::sink::{Batch, BatchLimits, EncodeError};
use okta_coralogix_core::testing::{EventGenerator, MemorySink};
use okta_coralogix_core::{AckOrder, LogEntry, LogSink, Result};

use super::harness::{Harness, run, start};

/// Keeps the timestamp of every request of a single entry that was accepted.
#[derive(Debug)]
struct Timestamps {
    sink: MemorySink,
    accepted: Arc<Mutex<Vec<Option<DateTime<Utc>>>>>,
    encoded: Mutex<Vec<Option<DateTime<Utc>>>>,
}

#[async_trait]
impl LogSink for Timestamps {
    fn limits(&self) -> BatchLimits {
        self.sink.limits()
    }

    fn encode(&self, entries: &[LogEntry]) -> Result<Batch, EncodeError> {
        let mut encoded = self.encoded.lock().unwrap();
        encoded.push(entries[0].timestamp);
        // A request that is made anew without being sent never yields, so that no timeout would end the test.
        assert!(
            encoded.len() < 10,
            "the same entry is encoded again and again"
        );
        self.sink.encode(entries)
    }

    async fn send(&self, batch: &Batch) -> Result<()> {
        self.sink.send(batch).await?;
        let encoded = self.encoded.lock().unwrap().last().copied();
        self.accepted.lock().unwrap().push(encoded.unwrap());
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn restamp_gives_an_event_that_ages_during_an_outage_a_new_timestamp() {
    let published = start() - TimeDelta::hours(24) + TimeDelta::seconds(10);
    let events = [EventGenerator::new(3).event(published)];
    let page = vec![vec![events[0].json.clone()]];
    let harness = Harness::new(AckOrder::Cumulative, page);
    harness.sink.fail_for(Duration::from_secs(60));
    let accepted = Arc::default();
    let sink = Timestamps {
        sink: harness.sink.clone(),
        accepted: Arc::clone(&accepted),
        encoded: Mutex::default(),
    };
    let restamp = AgeFilter::new(AgeFilter::DEFAULT_LIMIT, AgePolicy::Restamp);
    let summary = run(harness.builder_with(sink).age_filter(restamp))
        .await
        .unwrap();
    assert_eq!((summary.delivered, summary.too_old), (1, 0));
    harness.assert_all_once(&events);
    let accepted = accepted.lock().unwrap();
    let [Some(timestamp)] = accepted[..] else {
        panic!("{accepted:?}");
    };
    // The time at which it was found too old, which is after its 24 hours and before the outage ends.
    let aged = start() + TimeDelta::seconds(10);
    let ended = start() + TimeDelta::seconds(120);
    assert!(timestamp > aged && timestamp < ended, "{timestamp}");
}
