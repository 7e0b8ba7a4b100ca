//! What every store of objects must do.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use okta_coralogix_core::checkpoint::CheckpointStore;
use okta_coralogix_core::checkpoint::shared::{Objects, PutIf, SharedStore};
use okta_coralogix_core::dead_letter::{DeadLetters, ObjectDeadLetters, StoredLetterSource};
use okta_coralogix_core::{EventSource, Outcome};

use super::group::names;
use super::{checkpoint, saved};
use crate::stored_letters::letter;

/// Some stores have a real clock.
const POLL: Duration = Duration::from_millis(100);

/// So many write at once.
const WRITERS: usize = 32;

/// Of many that write under one condition one succeeds, and what was stored is its.
async fn one_of_many_wins(objects: &Arc<dyn Objects>, condition: PutIf, round: &str) -> PutIf {
    let puts = (0..WRITERS).map(|n| {
        let (objects, condition) = (Arc::clone(objects), condition.clone());
        let bytes = Bytes::from(format!("{round}-{n}"));
        async move {
            objects
                .put("race", bytes.clone(), condition)
                .await
                .ok()
                .map(|version| (bytes, version))
        }
    });
    let won: Vec<_> = join_all(puts).await.into_iter().flatten().collect();
    let [(bytes, version)] = &won[..] else {
        panic!("{round}: {} winners", won.len());
    };
    let found = objects.get("race").await.unwrap().unwrap();
    assert_eq!((&found.bytes, &found.version), (bytes, version));
    PutIf::Unchanged(found.version)
}

pub(super) async fn keeps_the_contract(objects: impl Objects + Clone) {
    let shared: Arc<dyn Objects> = Arc::new(objects.clone());
    let store = SharedStore::new(objects.clone());
    store.check().await.unwrap();
    assert!(
        shared.names("self-test").await.unwrap().is_empty(),
        "it leaves nothing"
    );
    shared.delete("race").await.unwrap();
    assert_eq!(shared.get("race").await.unwrap(), None);
    let mut condition = one_of_many_wins(&shared, PutIf::Absent, "first").await;
    for round in ["second", "third"] {
        condition = one_of_many_wins(&shared, condition, round).await;
    }
    shared.delete("race").await.unwrap();
    shared.delete("race").await.expect("it is gone already");

    for name in shared.names("acme").await.unwrap() {
        shared.delete(&name).await.unwrap();
    }
    let first = store.acquire("acme").await.unwrap();
    let version = saved(&first, "1", None).await;
    let full = checkpoint("2", &["a", "b"]);
    first.replace(&full, &version).await.saved().unwrap();
    first.release().await.unwrap();
    let second = SharedStore::new(objects.clone())
        .acquire("acme")
        .await
        .unwrap();
    assert_eq!(second.load().await.unwrap().unwrap().value, full);
    assert_eq!(shared.names("acme.window-").await.unwrap().len(), 2);
    second.release().await.unwrap();

    letters_are_kept_and_sent(&store).await;

    let replica = SharedStore::new(objects).poll(POLL).join(names(1));
    let held = replica.acquire("log-0").await.unwrap();
    let presence = format!(".replica-{}", replica.holder());
    assert_eq!(shared.names(".replica-").await.unwrap(), [presence]);
    held.release().await.unwrap();
    replica.leave().await;
    assert!(shared.names(".replica-").await.unwrap().is_empty());
}

/// Dead letters are objects of their own, of which a replay takes out what is settled, one replay at a time.
async fn letters_are_kept_and_sent(store: &SharedStore) {
    let lease = store.acquire_replay().await.unwrap();
    let letters = ObjectDeadLetters::new(store);
    let [first, second] = ["a", "b"].map(|uuid| letter("acme", uuid));
    letters.write(&[first, second]).await.unwrap();
    for (left, given) in [(1, 2), (0, 1)] {
        let mut source = StoredLetterSource::open(&letters).await.unwrap();
        let delivery = source.next().await.unwrap().unwrap();
        assert_eq!(delivery.items.len(), given);
        let mut outcomes = vec![Outcome::HandedBack; given];
        outcomes[0] = Outcome::Settled;
        delivery.acker.settle(&outcomes).await.unwrap();
        let kept = letters.count().await.unwrap();
        assert_eq!(kept.values().sum::<u64>(), left);
    }
    lease.release().await.unwrap();
}
