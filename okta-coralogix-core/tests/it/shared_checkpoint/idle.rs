//! Logs that save nothing for a time, and logs that save often.

use std::time::Duration;

use okta_coralogix_core::checkpoint::CheckpointStore;
use okta_coralogix_core::checkpoint::shared::{HeldCheckpoint, SharedStore};
use okta_coralogix_core::testing::{MemoryObjects, ObjectCall, ObjectFault};
use okta_coralogix_core::{ErrorKind, Lease};
use tokio::time::{Instant, sleep, timeout};

use super::{POLL, TTL, checkpoint, cursor, replica, saved};

const IDLE_TTL: Duration = SharedStore::DEFAULT_IDLE_TTL;

/// So long after a save a log is idle, and its record says so.
const IDLE: Duration = Duration::from_secs(320);

async fn idle(
    objects: &MemoryObjects,
) -> (HeldCheckpoint, okta_coralogix_core::checkpoint::Version) {
    let held = replica(objects, 1).acquire("acme").await.unwrap();
    let version = saved(&held, "1", None).await;
    sleep(IDLE).await;
    (held, version)
}

/// How long a request that is sent now may be underway.
async fn granted(held: &HeldCheckpoint) -> Duration {
    let deadline = held.deadline().await.unwrap();
    deadline - Instant::now().into_std()
}

#[tokio::test(start_paused = true)]
async fn idle_log_is_renewed_and_looked_at_a_quarter_as_often() {
    let objects = MemoryObjects::new();
    let (held, version) = idle(&objects).await;
    let other = replica(&objects, 2);
    let waiting = tokio::spawn(async move { other.acquire("acme").await.unwrap() });
    let (puts, calls) = (objects.puts().len(), objects.calls());
    sleep(Duration::from_secs(3_600)).await;
    let puts = objects.puts().len() - puts;
    assert!((88..=91).contains(&puts), "each 40 s: {puts}");
    let looks = objects.calls() - calls - puts as u64;
    assert!((170..=200).contains(&looks), "each 20 s or so: {looks}");
    // With the next save it is as it was before.
    saved(&held, "2", Some(&version)).await;
    let puts = objects.puts().len();
    sleep(Duration::from_secs(120)).await;
    let renewed = objects.puts().len() - puts;
    assert!((11..=12).contains(&renewed), "each 10 s: {renewed}");
    drop(held);
    let died = Instant::now();
    waiting.await.unwrap();
    let most = (TTL + POLL).mul_f64(1.25) + POLL;
    assert!(died.elapsed() <= most, "{:?}", died.elapsed());
}

#[tokio::test(start_paused = true)]
async fn idle_log_of_a_holder_that_died_is_taken_after_its_longer_ttl() {
    let objects = MemoryObjects::new();
    let (held, _) = idle(&objects).await;
    let other = replica(&objects, 2);
    let waiting = tokio::spawn(async move { other.acquire("acme").await.unwrap() });
    sleep(IDLE_TTL).await;
    drop(held);
    let died = Instant::now();
    waiting.await.unwrap();
    let store = replica(&objects, 3);
    let (least, most) = (IDLE_TTL - IDLE_TTL / 3, store.takeover(IDLE_TTL));
    assert_eq!(most, Duration::from_secs(180));
    assert_eq!(store.takeover(TTL), Duration::from_millis(48_750));
    let took = died.elapsed();
    assert!(took > least && took <= most, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn save_of_an_idle_log_shortens_what_its_holder_trusts_before_it_is_sent() {
    let objects = MemoryObjects::new();
    let (held, version) = idle(&objects).await;
    assert!(
        held.time_left().unwrap() > TTL,
        "the record is that of an idle log"
    );
    // A request that begins now must not outlast the shorter lease either, which the next save may begin.
    assert!(granted(&held).await <= TTL.mul_f64(0.65));
    // Stored, unanswered, and nothing can be read after it.
    objects.set_script({
        let mut window_is_stored = false;
        let mut is_stored = false;
        move |call, name| match call {
            ObjectCall::Put if name.contains(".window-") && !window_is_stored => {
                window_is_stored = true;
                None
            }
            ObjectCall::Put if name == "acme" && !is_stored => {
                is_stored = true;
                Some(ObjectFault::DoneWithError)
            }
            _ => Some(ObjectFault::NotDone),
        }
    });
    let sent = Instant::now();
    let _unknown = held.replace(&checkpoint("2", &[]), &version).await;
    let stored = objects.content("acme").unwrap();
    assert!(String::from_utf8_lossy(&stored).contains("\"ttl_ms\":30000"));
    let left = held.time_left().unwrap();
    assert!(
        Instant::now() + left <= sent + TTL.mul_f64(0.65),
        "{left:?}"
    );
    // Another one may take it from then on.
    sleep(TTL.mul_f64(0.66)).await;
    let waiting = timeout(TTL, held.deadline()).await;
    assert!(waiting.is_err(), "nothing may be sent: {waiting:?}");
    let others = objects.handle();
    let second = replica(&others, 2).acquire("acme").await.unwrap();
    assert_eq!(cursor(&second).await.as_deref(), Some("2"));
}

#[tokio::test(start_paused = true)]
async fn renewal_that_is_due_sooner_is_made_sooner() {
    let objects = MemoryObjects::new();
    let (held, version) = idle(&objects).await;
    let mut faults = vec![ObjectFault::NotDone; 6];
    objects.set_script(move |call, name| match call {
        ObjectCall::Put if name != "acme" => None,
        _ => faults.pop(),
    });
    let outcome = held.replace(&checkpoint("2", &[]), &version).await;
    assert!(outcome.saved().is_err());
    let began = Instant::now();
    while held.time_left().unwrap() <= TTL.mul_f64(0.6) {
        sleep(Duration::from_secs(1)).await;
    }
    assert!(began.elapsed() <= TTL / 2, "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn idle_ttl_that_is_shorter_than_the_ttl_is_refused() {
    let store = SharedStore::new(MemoryObjects::new());
    let store = store.ttl(Duration::from_secs(300)).unwrap();
    store
        .acquire("acme")
        .await
        .expect("the default is no shorter");
    let error = store.clone().idle_ttl(Duration::from_secs(9)).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("idle_ttl: is 9 s, and a lease is at least 10 s"),
        "{error}"
    );
    let store = store.idle_ttl(Duration::from_secs(120)).unwrap();
    let error = store.check().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(
        error
            .to_string()
            .starts_with("idle_ttl: is 120 s, and is to be at least as long"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn saves_keep_the_interval_that_the_store_asks_for() {
    let objects = MemoryObjects::new();
    objects.limit_puts(Duration::from_secs(1));
    let held = replica(&objects, 1).acquire("acme").await.unwrap();
    let began = Instant::now();
    let mut version = saved(&held, "0", None).await;
    for n in 1..60 {
        version = saved(&held, &n.to_string(), Some(&version)).await;
    }
    held.release().await.unwrap();
    assert_eq!(objects.refused_puts(), 0);
    assert!(
        began.elapsed() <= Duration::from_secs(62),
        "{:?}",
        began.elapsed()
    );
    // Where the store has no limit, no save waits.
    let objects = MemoryObjects::new();
    let held = replica(&objects, 1).acquire("acme").await.unwrap();
    let began = Instant::now();
    let mut version = saved(&held, "0", None).await;
    for n in 1..60 {
        version = saved(&held, &n.to_string(), Some(&version)).await;
    }
    assert_eq!(began.elapsed(), Duration::ZERO);
}
