//! The overlap is read again after a refused link, and for late events.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chrono::TimeDelta;
use okta_coralogix_core::EventSource;
use okta_coralogix_core::transport::{Body, Transport, TransportError};
use okta_source::simulator::{Fault, OktaSimulator};
use tokio::time::{Instant, timeout};

use crate::harness::{Harness, Recorder, event, given, numbers, remember};

#[tokio::test(start_paused = true)]
async fn overlap_can_be_set_and_its_repeats_are_counted() {
    for (minutes, since) in [
        (1, "09:58:00.000Z"),
        (10, "09:49:00.000Z"),
        (90, "08:29:00.000Z"),
    ] {
        let harness = Harness::new();
        harness.append(0..1_200);
        let recorder = Recorder::default();
        let overlap = Duration::from_secs(60 * minutes);
        let builder = harness
            .builder()
            .overlap(overlap)
            .observer(recorder.clone());
        let mut source = builder.open().await.unwrap();
        let delivery = given(&mut source).await;
        remember(&source, delivery).await;
        harness.org.forget_cursors();
        let delivery = given(&mut source).await;
        assert!(
            harness.last_request().contains(since),
            "{}",
            harness.last_request()
        );
        remember(&source, delivery).await;
        let delivery = given(&mut source).await;
        assert_eq!(numbers(&delivery), (1_000..1_200).collect::<Vec<_>>());
        assert_eq!(recorder.all("CursorReset").len(), 1);
        let said = recorder.all("OverlapReread");
        assert_eq!(said.len(), 1, "{said:?}");
        // Those behind were published in the same minute as the last settled one.
        assert!(said[0].contains("known: 1000, late: 200"), "{said:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn dedup_window_grows_with_the_overlap_and_survives_a_restart() {
    let harness = Harness::new();
    harness.append(0..3_000);
    let open = || harness.builder().dedup_capacity(1_000).open();
    let mut source = open().await.unwrap();
    for _ in 0..3 {
        let delivery = given(&mut source).await;
        remember(&source, delivery).await;
    }
    assert_eq!(
        source.dedup_window().capacity(),
        3_750,
        "3,000 in the overlap, and a quarter to spare"
    );
    drop(source);
    harness.org.forget_cursors();
    let mut source = open().await.unwrap();
    assert!(source.dedup_window().contains("0") && source.dedup_window().contains("2999"));
    let delivery = given(&mut source).await;
    assert!(
        numbers(&delivery)
            .iter()
            .all(|number| source.dedup_window().contains(&number.to_string()))
    );
    drop(delivery);

    // Events that were published long ago are outside of the overlap.
    let harness = Harness::new();
    let then = harness.org.now() - TimeDelta::hours(2);
    harness.org.append_all(
        (0..3_000).map(|number| event(number, then + TimeDelta::minutes(number.into()) / 30)),
    );
    let mut source = harness.builder().dedup_capacity(500).open().await.unwrap();
    for _ in 0..3 {
        let delivery = given(&mut source).await;
        remember(&source, delivery).await;
    }
    let capacity = source.dedup_window().capacity();
    assert!(
        (400..=500).contains(&capacity),
        "30 a minute for 11 to 12 minutes: {capacity}"
    );
}

#[tokio::test(start_paused = true)]
async fn reread_finds_and_counts_late_events() {
    let harness = Harness::new();
    let recorder = Recorder::default();
    let every = Duration::from_secs(300);
    let builder = || {
        harness
            .builder()
            .reread_every(every)
            .observer(recorder.clone())
    };
    harness.append(0..5);
    let mut source = builder().open().await.unwrap();
    let delivery = given(&mut source).await;
    remember(&source, delivery).await;
    let cursor = harness.store.cursor();

    // Stored as of a time before the position: polling on does not show it.
    let before = harness.org.now() - TimeDelta::minutes(2);
    let began = Instant::now();
    let quiet = timeout(Duration::from_secs(60), source.next()).await;
    assert!(quiet.is_err());
    harness.org.commit_late(before, [event(5, before)]);
    let delivery = given(&mut source).await;
    assert_eq!(numbers(&delivery), [5]);
    assert!(
        began.elapsed() <= Duration::from_secs(330),
        "{:?}",
        began.elapsed()
    );
    let found = recorder.all("OverlapReread");
    assert!(
        found.last().unwrap().contains("known: 5, late: 1"),
        "{found:?}"
    );

    // Handed back, it is found again; settled, it is known and the position has not moved.
    drop(delivery);
    let delivery = given(&mut source).await;
    assert_eq!(numbers(&delivery), [5]);
    remember(&source, delivery).await;
    assert_eq!(harness.store.cursor(), cursor);
    let before = harness.org.request_count();
    assert!(
        timeout(Duration::from_secs(3_000), source.next())
            .await
            .is_err()
    );
    let asked = harness.org.request_count() - before;
    assert!(
        (100..=112).contains(&asked),
        "100 polls, 10 times again: {asked}"
    );
    assert!(
        recorder
            .all("OverlapReread")
            .last()
            .unwrap()
            .contains("known: 6, late: 0")
    );
    drop(source);

    // A restart looks once it has caught up.
    harness.org.commit_late(
        harness.org.now() - TimeDelta::minutes(60),
        [event(6, harness.clock.now() - TimeDelta::minutes(60))],
    );
    let mut source = builder()
        .overlap(Duration::from_secs(7_200))
        .open()
        .await
        .unwrap();
    let began = Instant::now();
    assert_eq!(numbers(&given(&mut source).await), [6]);
    assert!(began.elapsed() <= Duration::from_secs(31));
}

#[tokio::test(start_paused = true)]
async fn reread_is_off_by_default() {
    let harness = Harness::new();
    harness.append(0..5);
    let mut source = harness.open().await;
    let delivery = given(&mut source).await;
    remember(&source, delivery).await;
    assert!(
        timeout(Duration::from_secs(3_000), source.next())
            .await
            .is_err()
    );
    let asked = harness.org.requests();
    assert_eq!(
        asked
            .iter()
            .filter(|one| one.path_and_query.contains("since="))
            .count(),
        1
    );
}

/// Refuses every request with a start but the first.
#[derive(Debug)]
struct RefusesStarts {
    org: OktaSimulator,
    starts: AtomicUsize,
}

#[async_trait::async_trait]
impl Transport for RefusesStarts {
    async fn call(
        &self,
        request: http::Request<bytes::Bytes>,
    ) -> Result<http::Response<Body>, TransportError> {
        let starts = request.uri().query().unwrap().contains("since=");
        if starts && self.starts.fetch_add(1, Ordering::Relaxed) > 0 {
            let refusal = r#"{"errorCode":"E0000001"}"#;
            self.org.script(Fault::Status(400, refusal.into()));
        }
        self.org.call(request).await
    }
}

#[tokio::test(start_paused = true)]
async fn refusal_during_a_reread_ends_that_pass_alone() {
    let harness = Harness::new();
    harness.append(0..1_500);
    let transport = Arc::new(RefusesStarts {
        org: harness.org.clone(),
        starts: AtomicUsize::new(0),
    });
    let carried = Arc::clone(&transport) as Arc<dyn Transport>;
    let builder = harness.builder().transport(carried);
    let builder = builder.reread_every(Duration::from_secs(300));
    let mut source = builder.page_size(500).open().await.unwrap();
    for _ in 0..3 {
        let delivery = given(&mut source).await;
        remember(&source, delivery).await;
    }
    let hour = Duration::from_secs(3_600);
    assert!(timeout(hour, source.next()).await.is_err());
    let turns = transport.starts.load(Ordering::Relaxed) - 1;
    assert!((11..=13).contains(&turns), "{turns}");
    harness.append(1_500..1_501);
    let delivery = given(&mut source).await;
    assert_eq!(numbers(&delivery), [1_500], "the position is where it was");
}

/// Stores one more event whenever the log is read from a start, but for the first time.
#[derive(Debug)]
struct StoresMeanwhile {
    org: OktaSimulator,
    starts: AtomicUsize,
}

#[async_trait::async_trait]
impl Transport for StoresMeanwhile {
    async fn call(
        &self,
        request: http::Request<bytes::Bytes>,
    ) -> Result<http::Response<Body>, TransportError> {
        if request.uri().query().unwrap().contains("since=") {
            let before = self.starts.fetch_add(1, Ordering::Relaxed);
            if before > 0 {
                let number = u32::try_from(100 + before).unwrap();
                self.org.append(event(number, self.org.now()));
            }
        }
        self.org.call(request).await
    }
}

#[tokio::test(start_paused = true)]
async fn event_stored_during_a_reread_is_not_late() {
    let harness = Harness::new();
    harness.append(0..5);
    let recorder = Recorder::default();
    let transport = StoresMeanwhile {
        org: harness.org.clone(),
        starts: AtomicUsize::new(0),
    };
    let builder = harness.builder().transport(Arc::new(transport));
    let builder = builder.reread_every(Duration::from_secs(300));
    let mut source = builder.observer(recorder.clone()).open().await.unwrap();
    let delivery = given(&mut source).await;
    remember(&source, delivery).await;
    for number in 101..110 {
        let delivery = given(&mut source).await;
        assert_eq!(numbers(&delivery), [number]);
        assert!(
            harness.last_request().contains("after="),
            "by the position, which moves past it"
        );
        remember(&source, delivery).await;
    }
    let found = recorder.all("OverlapReread");
    assert!(
        found.iter().all(|found| found.contains("late: 0")),
        "{found:?}"
    );
}
