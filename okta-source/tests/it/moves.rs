//! A position that a person moves, and an org that was renamed.

use chrono::{DateTime, TimeDelta, Utc};
use okta_coralogix_core::checkpoint::CheckpointStore;
use okta_coralogix_core::{ErrorKind, EventSource};
use okta_source::{OktaSourceBuilder, OrgUrl, StartPoint, StoredPosition};

use crate::harness::{Harness, ORG, event, given, numbers, remember, start};

fn org() -> OrgUrl {
    OrgUrl::parse(ORG).unwrap()
}

/// So many hours before the start of a test.
fn ago(hours: i64) -> DateTime<Utc> {
    start() - TimeDelta::hours(hours)
}

/// An org with one event in each of the last six hours, by the number of the hour, of which all were read and settled.
async fn read_through(settings: impl Fn(OktaSourceBuilder) -> OktaSourceBuilder) -> Harness {
    let harness = Harness::new();
    for hours in (1..=6).rev() {
        let at = ago(hours.into());
        harness.org.append_at(at, [event(hours, at)]);
    }
    let mut source = settings(harness.builder()).open().await.unwrap();
    let delivery = given(&mut source).await;
    assert_eq!(numbers(&delivery), [6, 5, 4, 3, 2, 1]);
    remember(&source, delivery).await;
    harness
}

async fn position(harness: &Harness) -> StoredPosition {
    let store = std::sync::Arc::clone(&harness.store) as std::sync::Arc<dyn CheckpointStore>;
    StoredPosition::load(store).await.unwrap().unwrap()
}

async fn move_to(harness: &Harness, time: DateTime<Utc>) {
    let mut position = position(harness).await;
    position.move_to(&org(), time, start()).await.unwrap();
    assert_eq!(position.start_point(), StartPoint::Moved(time));
}

#[tokio::test(start_paused = true)]
async fn moved_position_is_read_from_whatever_since_says() {
    for (hours, expected) in [(3, &[3, 2, 1][..]), (5, &[5, 4, 3, 2, 1]), (2, &[2, 1])] {
        let harness = read_through(|source| source).await;
        move_to(&harness, ago(hours)).await;
        // More than once: a page that is given and not settled leaves the position where it was moved to.
        for since in [ago(24), ago(1), ago(24)] {
            let source = harness.builder().since(since);
            let mut source = source.open().await.unwrap();
            assert_eq!(source.start_point(), StartPoint::Moved(ago(hours)));
            let window = source.dedup_window();
            assert!(
                window.contains("6") && window.contains("1"),
                "the uuids stay"
            );
            let delivery = given(&mut source).await;
            assert_eq!(numbers(&delivery), expected, "{since}");
            assert_eq!(
                position(&harness).await.start_point(),
                StartPoint::Moved(ago(hours))
            );
        }
        let mut source = harness.open().await;
        let delivery = given(&mut source).await;
        remember(&source, delivery).await;
        let published = Some(ago(1));
        let behind = StartPoint::Checkpoint { published };
        assert_eq!(position(&harness).await.start_point(), behind);
    }
}

#[tokio::test(start_paused = true)]
async fn position_that_was_moved_ahead_leaves_out_what_lies_before() {
    let harness = read_through(|source| source).await;
    let before = ago(0) + TimeDelta::minutes(10);
    let (skipped, behind) = (
        before - TimeDelta::minutes(5),
        before + TimeDelta::minutes(5),
    );
    harness.org.append_at(skipped, [event(70, skipped)]);
    harness.org.append_at(behind, [event(71, behind)]);
    let mut found = position(&harness).await;
    let now = behind + TimeDelta::minutes(1);
    found.move_to(&org(), before, now).await.unwrap();
    tokio::time::advance(std::time::Duration::from_secs(20 * 60)).await;
    // Also with the overlap: it is not read again beyond the place that the position was moved to.
    let rereads = std::time::Duration::from_secs(60);
    let mut source = harness
        .builder()
        .reread_every(rereads)
        .open()
        .await
        .unwrap();
    let delivery = given(&mut source).await;
    assert_eq!(numbers(&delivery), [71]);
    remember(&source, delivery).await;
    let more = tokio::time::timeout(rereads * 10, source.next()).await;
    assert!(more.is_err(), "{more:?}");
}

#[tokio::test(start_paused = true)]
async fn moved_position_keeps_the_query_of_its_checkpoint() {
    let filtered = |source: OktaSourceBuilder| source.filter("eventType sw \"user.\"");
    let harness = read_through(filtered).await;
    let identity = position(&harness).await.identity().to_owned();
    move_to(&harness, ago(2)).await;
    assert_eq!(position(&harness).await.identity(), identity);
    let cursor = harness.store.cursor().unwrap();
    assert!(cursor.contains("&filter=eventType"), "{cursor}");
    let mut source = filtered(harness.builder()).open().await.unwrap();
    assert_eq!(numbers(&given(&mut source).await), [2, 1]);
    let changed = harness.builder().restart_on_changed_query(true);
    let changed = changed.open().await.unwrap();
    assert_eq!(changed.start_point(), StartPoint::Moved(ago(2)));
}

#[tokio::test(start_paused = true)]
async fn position_that_cannot_be_moved_stays_as_it_is() {
    let harness = read_through(|source| source).await;
    let before = harness.store.cursor();
    let other = OrgUrl::parse("other.okta.com").unwrap();
    for (org, time, kind) in [
        (other, ago(2), ErrorKind::Corrupt),
        (org(), start() + TimeDelta::seconds(1), ErrorKind::Config),
        (org(), start() - TimeDelta::days(181), ErrorKind::Config),
    ] {
        let mut position = position(&harness).await;
        let moved = position.move_to(&org, time, start()).await;
        assert_eq!(moved.unwrap_err().kind(), kind, "{org} {time}");
        assert_eq!(harness.store.cursor(), before);
    }

    let harness = Harness::new();
    harness.org.append_at(ago(3), [event(1, ago(3))]);
    let builder = harness.builder();
    let mut source = builder.open_backfill(ago(6)..ago(1)).await.unwrap();
    let delivery = source.next().await.unwrap().unwrap();
    assert!(!position(&harness).await.is_finished());
    remember(&source, delivery).await;
    let mut position = position(&harness).await;
    assert!(position.is_range() && position.is_finished());
    let moved = position.move_to(&org(), ago(4), start()).await.unwrap_err();
    assert!(moved.detail().contains("bounded range"), "{moved}");
}

#[tokio::test(start_paused = true)]
async fn renamed_org_reads_on_from_its_checkpoint_only_if_told() {
    let harness = read_through(|source| source).await;
    let renamed = || harness.builder().org_url("https://new.okta.com");
    let refused = renamed().open().await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Corrupt);
    assert!(refused.detail().contains("renamed_from"), "{refused}");
    let other = renamed().renamed_from(OrgUrl::parse("example.oktapreview.com").unwrap());
    assert_eq!(other.open().await.unwrap_err().kind(), ErrorKind::Corrupt);

    // Its position can be moved, too.
    let mut moved = position(&harness).await;
    let new = OrgUrl::parse("new.okta.com").unwrap();
    assert!(moved.check(&new).is_err());
    moved.rename(&org(), &new);
    moved.check(&new).unwrap();

    harness.org.append_at(start(), [event(70, start())]);
    for n in 70..72 {
        // The setting may stay when the checkpoint has the new name.
        let mut source = renamed().renamed_from(org()).open().await.unwrap();
        let delivery = given(&mut source).await;
        assert_eq!(numbers(&delivery), [n], "it reads on");
        assert!(source.dedup_window().contains("6"));
        remember(&source, delivery).await;
        let found = position(&harness).await;
        assert_eq!(found.identity(), "okta-system-log https://new.okta.com");
        harness
            .org
            .append_at(harness.clock.now(), [event(n + 1, start())]);
    }
    assert!(renamed().open().await.is_ok());
    assert!(
        harness.builder().open().await.is_err(),
        "the name before is another org now"
    );
}
