//! The program with many orgs: what arrives, exit codes, memory.

use super::{config_file, run};
use crate::harness::{Harness, KEY, TOKEN, fresh, start_program};

#[tokio::test]
async fn good_orgs_are_delivered_and_the_refused_one_is_named() {
    let harness = Harness::new().await;
    let events = fresh(300);
    harness.append(events.iter().map(|event| event.json.clone()));
    let ended = run(&harness, &config_file(&harness, 2, 1), &["--once"]).await;
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert_eq!(ended.summary()["delivered"], 600, "both have the same log");
    assert!(ended.stderr.contains("org2"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("00-wrong"), "{}", ended.stderr);
    let subsystems: std::collections::HashSet<_> = harness
        .ingress
        .ledger()
        .entries()
        .iter()
        .map(|entry| entry.subsystem.clone())
        .collect();
    assert_eq!(
        subsystems,
        ["account0".to_owned(), "account1".to_owned()].into()
    );
    let again = run(&harness, &config_file(&harness, 2, 0), &["--once"]).await;
    assert_eq!(
        (again.code, &again.summary()["received"]),
        (Some(0), &0),
        "{}",
        again.stderr
    );
}

/// Bytes in memory of the program once it polls `orgs` orgs with 200 events each.
async fn resident(orgs: usize) -> u64 {
    let mut harness = Harness::new().await;
    harness.append(fresh(200).into_iter().map(|event| event.json));
    let config = config_file(&harness, orgs, 0);
    std::fs::write(harness.folder.path().join("orgs.toml"), config).unwrap();
    let variables = [("TOKEN", TOKEN.to_owned()), ("KEY", KEY.to_owned())].into();
    let flags = ["--config", "orgs.toml"];
    let child = start_program("pull", harness.folder.path(), &variables, &flags);
    let all = orgs * 200;
    harness.seen.wait_for(|seen| *seen >= all).await.unwrap();
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id().unwrap())).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap();
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
    kib * 1024
}

#[tokio::test]
async fn memory_per_org_is_bounded() {
    let (few, many) = (resident(5).await, resident(50).await);
    let each = many.saturating_sub(few) / 45;
    println!("memory with 5 orgs {few} bytes, with 50 {many}: {each} for each more");
    assert!(each < 4 * 1024 * 1024, "{each}");
}

#[tokio::test]
async fn flags_of_a_single_org_are_rejected_with_a_config_file() {
    let harness = Harness::new().await;
    for flag in [
        "--checkpoint=x",
        "--since=1h",
        "--poll-interval=1m",
        "--reread-every=off",
    ] {
        let ended = run(&harness, &config_file(&harness, 1, 0), &[flag]).await;
        assert_eq!(ended.code, Some(2), "{}", ended.stderr);
        assert!(
            ended.stderr.contains("the file of --config"),
            "{}",
            ended.stderr
        );
    }
}
