//! What people, other programs and odd stores do to shared checkpoints.

use std::time::Duration;

use okta_coralogix_core::checkpoint::CheckpointStore;
use okta_coralogix_core::checkpoint::shared::Objects;
use okta_coralogix_core::testing::{MemoryObjects, ObjectCall, ObjectFault};
use okta_coralogix_core::{ErrorKind, Lease, LeaseLost};
use tokio::time::{sleep, timeout};

use super::{POLL, TTL, checkpoint, cursor, replica, saved, windows};

fn of_record(call: ObjectCall, name: &str) -> bool {
    call == ObjectCall::Put && name == "acme"
}

#[tokio::test(start_paused = true)]
async fn own_save_that_comes_late_and_is_renewed_is_no_conflict() {
    let objects = MemoryObjects::new();
    let held = replica(&objects, 1).acquire("acme").await.unwrap();
    let version = saved(&held, "1", None).await;
    let late = ObjectFault::DoneLate(Duration::from_secs(18));
    objects.set_script(move |call, name| of_record(call, name).then_some(late));
    let _unknown = held.replace(&checkpoint("2", &[]), &version).await;
    objects.set_script(|_, _| None);
    assert_eq!(cursor(&held).await.as_deref(), Some("1"), "not stored yet");
    // The renewal finds it.
    sleep(TTL).await;
    saved(&held, "3", Some(&version)).await;
    assert_eq!(cursor(&held).await.as_deref(), Some("3"));
}

#[tokio::test(start_paused = true)]
async fn record_that_was_replaced_ends_the_holder() {
    for foreign in [
        &b"{}"[..],
        b"",
        br#"{"format":"okta-coralogix shared checkpoint","version":9}"#,
    ] {
        let objects = MemoryObjects::new();
        let held = replica(&objects, 1).acquire("acme").await.unwrap();
        saved(&held, "1", None).await;
        objects.overwrite("acme", foreign);
        timeout(TTL, held.lost())
            .await
            .expect("with its next write");
        assert_eq!(held.deadline().await, Err(LeaseLost));
        assert_eq!(objects.content("acme").unwrap(), foreign, "it stays");
    }
}

#[tokio::test(start_paused = true)]
async fn log_whose_record_was_removed_is_not_begun_anew() {
    let objects = MemoryObjects::new();
    let held = replica(&objects, 1).acquire("acme").await.unwrap();
    saved(&held, "1", None).await;
    let other = replica(&objects, 2);
    let waiting = tokio::spawn(async move { other.acquire("acme").await });
    sleep(POLL * 2).await;
    objects.delete("acme").await.unwrap();
    // One that has seen it, and one that comes later.
    let later = replica(&objects, 3);
    let later = timeout(TTL * 10, later.acquire("acme")).await;
    for waiting in [
        timeout(TTL * 10, waiting).await.unwrap().unwrap(),
        later.unwrap(),
    ] {
        let error = waiting.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        let said = "memory/acme was removed, and the position with it: restore it";
        assert!(error.detail().starts_with(said), "{error}");
    }
    held.lost().await;
    for window in windows(&objects) {
        objects.delete(&window).await.unwrap();
    }
    let anew = replica(&objects, 4).acquire("acme").await.unwrap();
    saved(&anew, "1", None).await;
}

#[tokio::test(start_paused = true)]
async fn removed_record_is_not_begun_anew_while_the_windows_cannot_be_listed() {
    let objects = MemoryObjects::new();
    let held = replica(&objects, 1).acquire("acme").await.unwrap();
    saved(&held, "1", None).await;
    objects.delete("acme").await.unwrap();
    objects.set_script(|call, name| {
        let lists = call == ObjectCall::Read && name.contains(".window-");
        lists.then_some(ObjectFault::NotDone)
    });
    let other = replica(&objects, 2);
    let waiting = timeout(TTL * 10, other.acquire("acme")).await;
    assert!(waiting.is_err(), "it waits for the store");
    assert!(objects.content("acme").is_none(), "nothing was begun");
    objects.set_script(|_, _| None);
    let error = other.acquire("acme").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
}

#[tokio::test(start_paused = true)]
async fn record_that_a_person_has_altered_is_refused_and_stays() {
    let objects = MemoryObjects::new();
    let held = replica(&objects, 1).acquire("acme").await.unwrap();
    saved(&held, "1", None).await;
    held.release().await.unwrap();
    let record = String::from_utf8(objects.content("acme").unwrap().to_vec()).unwrap();
    let window = windows(&objects).pop().unwrap();
    for (member, altered, said) in [
        ("\"ttl_ms\":30000", "\"ttl_ms\":300000000000", "its lease"),
        ("\"term\":1", "\"term\":18446744073709551615", "its term"),
        (&*window, "../acme.checkpoint", "is no window of this log"),
        (&*window, "globex.window-1", "is no window of this log"),
    ] {
        assert!(record.contains(member), "{record}");
        let altered = record.replacen(member, altered, 1);
        objects.overwrite("acme", altered.clone());
        let store = replica(&objects, 2);
        let taken = timeout(TTL * 2, store.acquire("acme"));
        let error = match taken.await.expect("no lease is waited for") {
            Err(error) => error,
            // The window is read with the position.
            Ok(held) => held.load().await.unwrap_err(),
        };
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.detail().contains(said), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn store_with_one_write_of_an_object_in_a_second_passes_its_test() {
    let objects = MemoryObjects::new();
    objects.limit_puts(Duration::from_secs(1));
    replica(&objects, 1).check().await.unwrap();
    assert_eq!(objects.refused_puts(), 0, "none comes too soon");
}

#[tokio::test(start_paused = true)]
async fn time_between_looks_that_no_lease_has_is_refused_without_a_panic() {
    let store = replica(&MemoryObjects::new(), 1).poll(Duration::MAX);
    assert_eq!(store.check().await.unwrap_err().kind(), ErrorKind::Config);
    let joined = store.join(["acme".to_owned()]);
    let error = joined.acquire("acme").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
}

#[tokio::test(start_paused = true)]
async fn name_that_could_be_another_object_is_refused() {
    let store = replica(&MemoryObjects::new(), 1);
    for name in [
        "",
        "..",
        "../x",
        "/x",
        "a/b",
        ".lock",
        "x.tmp",
        "acme.window-eu",
        "50%",
        "ü",
        "a b",
    ] {
        let error = store.acquire(name).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{name}");
    }
    for name in ["acme", "acme-prod_2", "acme.okta.com"] {
        store.acquire(name).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn store_that_refuses_to_write_is_asked_now_and_then() {
    let objects = MemoryObjects::new();
    objects.set_script(|call, _| (call == ObjectCall::Put).then_some(ObjectFault::NotDone));
    let store = replica(&objects, 1);
    let waiting = timeout(Duration::from_secs(3600), store.acquire("acme")).await;
    assert!(waiting.is_err());
    // Two looks and a put in each 5 s or so.
    assert!(objects.calls() < 3_600, "{}", objects.calls());
}

#[tokio::test(start_paused = true)]
async fn release_that_is_not_stored_lets_the_lease_run_out() {
    let objects = MemoryObjects::new();
    let held = replica(&objects, 1).acquire("acme").await.unwrap();
    saved(&held, "1", None).await;
    objects.set_script(|call, name| of_record(call, name).then_some(ObjectFault::NotDone));
    held.release().await.unwrap_err();
    assert_eq!(held.deadline().await, Err(LeaseLost), "nothing may be sent");
    objects.set_script(|_, _| None);
    // A handle is still there, and renews nothing.
    let second = timeout(
        (TTL + POLL).mul_f64(1.25) + POLL,
        replica(&objects, 2).acquire("acme"),
    )
    .await;
    let second = second.expect("it has run out").unwrap();
    assert_eq!(cursor(&second).await.as_deref(), Some("1"));
    held.release().await.expect("it is another's now");
    assert!(second.deadline().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn holder_whose_window_was_removed_by_the_next_one_stands_by() {
    let objects = MemoryObjects::new();
    let before = replica(&objects, 1).acquire("acme").await.unwrap();
    saved(&before, "1", None).await;
    before.release().await.unwrap();
    let paused = objects.handle();
    let first = replica(&paused, 2).acquire("acme").await.unwrap();
    let named = windows(&objects).pop().unwrap();
    paused.set_frozen(true);
    let second = replica(&objects, 3).acquire("acme").await.unwrap();
    let mut version = second.load().await.unwrap().unwrap().version;
    for n in 2..6 {
        version = saved(&second, &n.to_string(), Some(&version)).await;
        sleep(Duration::from_secs(61)).await;
    }
    assert_eq!(objects.content(&named), None, "it is two generations old");
    paused.set_frozen(false);
    assert_eq!(cursor(&first).await.as_deref(), Some("5"));
    assert_eq!(first.deadline().await, Err(LeaseLost));
}

#[tokio::test(start_paused = true)]
async fn window_of_a_record_that_was_not_stored_is_written_again() {
    let objects = MemoryObjects::new();
    let held = replica(&objects, 1).acquire("acme").await.unwrap();
    let version = saved(&held, "1", None).await;
    sleep(Duration::from_secs(61)).await;
    objects.set_script(|call, name| of_record(call, name).then_some(ObjectFault::NotDone));
    let _unknown = held.replace(&checkpoint("2", &["b"]), &version).await;
    objects.set_script(|_, _| None);
    let full = checkpoint("3", &["c"]);
    held.replace(&full, &version).await.saved().unwrap();
    drop(held);
    let next = replica(&objects, 2).acquire("acme").await.unwrap();
    assert_eq!(next.load().await.unwrap().unwrap().value, full);
}
