//! Replicas that share several logs, when something is wrong with a log, the store, a replica or its settings.

use std::time::Duration;

use okta_coralogix_core::ErrorKind;
use okta_coralogix_core::checkpoint::shared::{Objects, PutIf};
use okta_coralogix_core::testing::{MemoryObjects, ObjectFault};
use tokio::time::sleep;

use super::group::{HAND_OVER, IDLE_TTL, KNOWN, Process, evened, names, spread};
use super::{POLL, TTL, replica};

/// Replicas of six logs, each with a way to the store that can be cut.
fn with_handles(count: u64) -> (Vec<MemoryObjects>, Vec<Process>) {
    let (objects, logs) = (MemoryObjects::new(), names(6));
    let handles = (1..=count).map(|seed| {
        let handle = objects.handle();
        let process = Process::start(&replica(&handle, seed), &logs);
        (handle, process)
    });
    handles.unzip()
}

#[tokio::test(start_paused = true)]
async fn fault_of_one_log_touches_no_other() {
    let (objects, mut logs) = (MemoryObjects::new(), names(6));
    objects.overwrite("log-3", &b"{}"[..]);
    logs.push("no/name".to_owned());
    let processes: Vec<_> = (1..=2)
        .map(|seed| Process::start(&replica(&objects, seed), &logs))
        .collect();
    sleep(Duration::from_secs(60)).await;
    let held = spread(&processes);
    assert_eq!(held.iter().sum::<usize>(), 5, "{held:?}");
    let error = processes[0].replica.acquire("log-3").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    let error = processes[0].replica.acquire("no/name").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    // One that joins gets its share of the rest.
    let third = Process::start(&replica(&objects, 3), &logs);
    sleep(KNOWN + TTL * 2 + HAND_OVER).await;
    assert_eq!(third.held(), 1);
}

#[tokio::test(start_paused = true)]
async fn presence_is_a_hint_and_nothing_more() {
    let (objects, logs) = (MemoryObjects::new(), names(6));
    let processes: Vec<_> = (1..=2)
        .map(|seed| Process::start(&replica(&objects, seed), &logs))
        .collect();
    sleep(Duration::from_secs(60)).await;
    let held = spread(&processes);
    let people = objects.handle();
    // They are removed, emptied and faked, for an hour.
    for n in 0..720_u32 {
        for process in &processes {
            let name = format!(".replica-{}", process.replica.holder());
            match n % 3 {
                0 => people.delete(&name).await.unwrap(),
                1 => people.overwrite(&name, &b"\xff"[..]),
                _ => people.overwrite(&name, format!("{{\"format\":\"other\",\"n\":{n}}}")),
            }
        }
        people.overwrite(".replica-garbage", n.to_string());
        sleep(POLL).await;
    }
    assert_eq!(spread(&processes), held);
    let taken: u64 = processes
        .iter()
        .flat_map(|process| process.replica.status().logs)
        .map(|log| log.taken)
        .sum();
    assert_eq!(taken, 6, "nobody took what another one held");
    // Left alone, they see each other again.
    sleep(KNOWN).await;
    assert_eq!(processes[0].replica.status().living, 2);
    sleep(IDLE_TTL * 8).await;
    assert_eq!(objects.content(".replica-garbage"), None);
}

#[tokio::test(start_paused = true)]
async fn store_that_is_away_for_minutes_changes_no_share() {
    let (handles, processes) = with_handles(2);
    sleep(Duration::from_secs(60)).await;
    let held = spread(&processes);
    assert!(!processes[0].replica.status().is_store_away());
    for handle in &handles {
        handle.set_script(|_, _| Some(ObjectFault::NotDone));
    }
    sleep(Duration::from_secs(600)).await;
    let status = processes[0].replica.status();
    let away = status.store_away_for.unwrap();
    assert!(away > Duration::from_secs(570), "{away:?}");
    let own = status.logs.iter().find(|log| log.is_own).unwrap();
    assert_eq!(own.time_left, Some(Duration::ZERO));
    for handle in &handles {
        handle.set_script(|_, _| None);
    }
    sleep(TTL * 2).await;
    assert_eq!(spread(&processes), held);
    let status = processes[0].replica.status();
    assert!(!status.is_store_away());
    let lost: u64 = status.logs.iter().map(|log| log.lost).sum();
    assert_eq!(lost, 0);
}

#[tokio::test(start_paused = true)]
async fn replica_that_is_cut_off_loses_its_logs_and_gets_a_share_again() {
    let (handles, processes) = with_handles(3);
    sleep(Duration::from_secs(60)).await;
    handles[0].set_script(|_, _| Some(ObjectFault::NotDone));
    sleep((TTL + POLL).mul_f64(1.25) + POLL * 2).await;
    assert_eq!(spread(&processes)[1..], [3, 3]);
    sleep(Duration::from_secs(600)).await;
    handles[0].set_script(|_, _| None);
    sleep(TTL).await;
    let status = processes[0].replica.status();
    let lost: u64 = status.logs.iter().map(|log| log.lost).sum();
    assert_eq!(lost, 2);
    evened(&processes, 6, KNOWN + TTL * 2 + HAND_OVER * 2).await;
}

#[tokio::test(start_paused = true)]
async fn changed_logs_are_shared_anew() {
    let (objects, logs) = (MemoryObjects::new(), names(4));
    let first = Process::start(&replica(&objects, 1), &logs);
    let second = replica(&objects, 2).join(logs.clone());
    sleep(Duration::from_secs(60)).await;
    assert_eq!(second.status().quota, 2);
    second.set_logs(names(10));
    let status = second.status();
    // The first has not read its configuration again: it shares other logs.
    assert_eq!(
        (status.logs.len(), status.living, status.quota),
        (10, 2, 10)
    );
    first.replica.set_logs(names(10));
    sleep(KNOWN).await;
    assert_eq!(
        (first.replica.status().quota, second.status().quota),
        (5, 5)
    );
}

#[tokio::test(start_paused = true)]
async fn name_of_a_machine_may_have_any_characters() {
    let objects = MemoryObjects::new();
    let store = replica(&objects, 1).named("Zoë's laptop/π");
    let replica = store.join(names(1));
    assert!(replica.holder().starts_with("Zoë's laptop/π-"));
    replica.acquire("log-0").await.unwrap();
    let names = objects.names(".replica-").await.unwrap();
    assert_eq!(names.len(), 1);
    assert!(
        names[0].starts_with(".replica-Zo__s_laptop__-"),
        "{names:?}"
    );
    let put = objects.put(&names[0], "x".into(), PutIf::Absent).await;
    assert!(put.is_err());
}
