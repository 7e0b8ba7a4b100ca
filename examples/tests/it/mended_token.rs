//! A token that is changed while the program runs.

use super::harness::{Exit, Harness, fresh, start, terminate};

#[tokio::test]
async fn mended_okta_token_file_is_used_without_a_restart() {
    let mut harness = Harness::new().await;
    let file = harness.folder.path().join("token");
    let mut variables = harness.variables();
    let token = variables.remove("OKTA_API_TOKEN").unwrap();
    std::fs::write(&file, token).unwrap();
    variables.insert("OKTA_API_TOKEN_FILE", file.to_str().unwrap().into());
    let events = fresh(1_200);
    let append = |part: &[_]| {
        let json = |event: &okta_coralogix_core::testing::GeneratedEvent| event.json.clone();
        harness.org.append_all(part.iter().map(json));
    };
    append(&events[..700]);
    let child = start(
        harness.folder.path(),
        &variables,
        &["--poll-interval", "1s"],
    );
    harness.seen.wait_for(|seen| *seen >= 700).await.unwrap();
    std::fs::write(&file, "00-the-next-token\n").unwrap();
    harness.org.replace_token("00-the-next-token");
    append(&events[700..]);
    harness.seen.wait_for(|seen| *seen >= 1_200).await.unwrap();
    terminate(&child).await;
    let ended = Exit::of(child).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!ended.stderr.contains("00-the-next"), "{}", ended.stderr);
    harness.assert_all_once(&events);
    let requests = harness.org.requests();
    let refused = requests.iter().filter(|seen| seen.status == Some(401));
    assert_eq!(refused.count(), 1);
}
