//! Exit codes of `pull`, and the files and entries that it leaves behind.

use coralogix_sink::simulator::Fault;
use okta_source::simulator::Fault as OrgFault;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

use super::harness::{Exit, Harness, TOKEN, fresh, terminate};

#[tokio::test]
async fn a_backlog_arrives_once_and_the_sum_adds_up() {
    let harness = Harness::new().await;
    let events = harness.backlog(2500);
    harness.append(
        [
            &b"{\"no\":\"published\"}"[..],
            b"null",
            &b"{\"published\":\"2020-01-01T00:00:00Z\"}"[..],
        ]
        .map(Into::into),
    );
    let ended = harness.run(&["--once"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let counts = ended.summary();
    assert_eq!((counts["received"], counts["delivered"]), (2503, 2500));
    assert_eq!((counts["dead_lettered"], counts["too_old"]), (2, 1));
    harness.assert_all_once(&events);
    let letters = std::fs::read_to_string(harness.dead_letters()).unwrap();
    assert_eq!(letters.lines().count(), 2, "{letters}");
    assert!(letters.contains(r#"{\"no\":\"published\"}"#), "{letters}");

    let again = harness.run(&["--once"]).await;
    assert_eq!(
        again.summary()["received"],
        0,
        "a second run goes on where the first ended"
    );
}

#[tokio::test]
async fn a_broken_element_costs_one_element() {
    let harness = Harness::new().await;
    let events = fresh(999);
    let texts = events.iter().map(|event| event.json.clone());
    let mut page: Vec<_> = texts.collect();
    page.insert(
        321,
        (&b"{\"uuid\":\"broken\",\"actor\":[{\"id\":}"[..]).into(),
    );
    harness.append(page);
    let ended = harness.run(&["--once"]).await;
    let counts = ended.summary();
    assert_eq!(
        (ended.code, counts["delivered"], counts["dead_lettered"]),
        (Some(0), 999, 1),
        "{ended:?}"
    );
    harness.assert_all_once(&events);
    let letters = std::fs::read_to_string(harness.dead_letters()).unwrap();
    assert!(
        letters.contains(r#"{\"uuid\":\"broken\",\"actor\":[{\"id\":}"#),
        "{letters}"
    );
}

#[tokio::test]
async fn refused_key_exits_with_1_and_consumes_nothing() {
    for status in [401, 403] {
        let harness = Harness::new().await;
        let events = harness.backlog(1500);
        harness.ingress.fail_always(Some(Fault::status(status)));
        let ended = harness.run(&["--once"]).await;
        let counts = ended.summary();
        assert_eq!(
            (ended.code, counts["handed_back"]),
            (Some(1), counts["received"]),
            "{ended:?}"
        );
        assert!(ended.stderr.contains("key"), "{}", ended.stderr);
        harness.ingress.fail_always(None);
        assert_eq!(harness.run(&["--once"]).await.code, Some(0));
        harness.assert_all_once(&events);
    }
}

#[tokio::test]
async fn refused_token_exits_with_1_and_advice() {
    let harness = Harness::new().await;
    let mut variables = harness.variables();
    variables.insert("OKTA_API_TOKEN", "00wrong".into());
    let ended = Exit::of(super::harness::start(
        harness.folder.path(),
        &variables,
        &["--refusal-wait", "1s"],
    ))
    .await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(
        ended.stderr.contains("Okta refuses the API token"),
        "{}",
        ended.stderr
    );
    assert_eq!(ended.summary()["received"], 0);
    let refused = harness.org.requests();
    let refused = refused.iter().filter(|seen| seen.status == Some(401));
    assert_eq!(refused.count(), 2, "once more after the wait");
}

#[tokio::test]
async fn the_token_goes_to_no_other_host() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!(
        "http://{}/api/v1/logs?after=1",
        elsewhere.local_addr().unwrap()
    );
    let heard = tokio::spawn(async move {
        let (mut stream, _) = elsewhere.accept().await.unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.ok();
        String::from_utf8_lossy(&bytes).into_owned()
    });
    for (fault, code, said) in [
        (OrgFault::NextLink(url.clone()), 1, "error: "),
        (OrgFault::Redirect(url), 0, "a redirect to `127.0.0.1`"),
    ] {
        let harness = Harness::new().await;
        harness.backlog(1500);
        harness.org.script(fault);
        let ended = harness.run(&["--once"]).await;
        assert_eq!(ended.code, Some(code), "{ended:?}");
        ended.summary();
        assert!(ended.stderr.contains(said), "{}", ended.stderr);
    }
    assert!(
        !heard.is_finished(),
        "somebody called: {}",
        heard.await.unwrap().contains(TOKEN)
    );
}

#[tokio::test]
async fn signal_drains_and_exits_with_0() {
    let mut harness = Harness::new().await;
    let events = harness.backlog(3000);
    let child = harness.start(&["--poll-interval", "1h"]);
    harness.seen.wait_for(|seen| *seen >= 3000).await.unwrap();
    terminate(&child).await;
    let ended = Exit::of(child).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let counts = ended.summary();
    assert_eq!(
        (counts["delivered"], counts["handed_back"]),
        (3000, 0),
        "{ended:?}"
    );
    harness.assert_all_once(&events);
    assert_eq!(harness.run(&["--once"]).await.summary()["received"], 0);
}

#[tokio::test]
async fn once_gives_up_with_1_and_hands_back_undelivered_events() {
    let mut harness = Harness::new().await;
    harness.backlog(10);
    harness.ingress_server.stop().await;
    let ended = harness.run(&["--once", "--give-up-after", "1s"]).await;
    assert_eq!(
        (ended.code, ended.summary()["handed_back"]),
        (Some(1), 10),
        "{ended:?}"
    );
    assert!(ended.stderr.contains("gave up"), "{}", ended.stderr);
}

#[tokio::test]
async fn two_programs_do_not_share_a_checkpoint() {
    let mut harness = Harness::new().await;
    harness.backlog(10);
    let first = harness.start(&["--poll-interval", "1h"]);
    harness.seen.wait_for(|seen| *seen >= 10).await.unwrap();
    let second = harness.run(&["--once"]).await;
    assert_eq!(
        (second.code, second.stdout.as_str()),
        (Some(2), ""),
        "{second:?}"
    );
    assert!(
        second.stderr.contains("in use by another process"),
        "{}",
        second.stderr
    );
    terminate(&first).await;
    assert_eq!(Exit::of(first).await.code, Some(0));
}
