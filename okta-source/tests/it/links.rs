use okta_coralogix_core::{ErrorKind, EventSource};
use okta_source::simulator::Fault;

use crate::harness::{Harness, failed, given, numbers, settle};

#[tokio::test(start_paused = true)]
async fn next_link_to_another_origin_is_never_followed() {
    for target in [
        "https://evil.example/api/v1/logs?after=1",
        "http://example.okta.com/api/v1/logs?after=1",
        "https://example.okta.com:8443/api/v1/logs?after=1",
        "https://example.okta.com.evil.example/api/v1/logs",
        "https://example.okta.com@evil.example/api/v1/logs",
        "https://user:password@example.okta.com/api/v1/logs",
        "//evil.example/api/v1/logs",
        "\\\\evil.example\\api",
    ] {
        let harness = Harness::new();
        harness.append(0..3);
        harness.org.script(Fault::NextLink(target.into()));
        let mut source = harness.open().await;
        let error = failed(&mut source).await;
        assert_eq!(error.kind(), ErrorKind::HostileLink, "{target}");
        assert!(!error.is_temporary());
        assert!(
            !error.to_string().contains("after="),
            "no query in an error: {error}"
        );
        assert_eq!(
            harness.org.request_count(),
            1,
            "nothing was asked of the other place"
        );
        assert_eq!(harness.store.cursor(), None);
    }
}

#[tokio::test(start_paused = true)]
async fn link_headers_folded_or_separate_reach_the_last_page() {
    for folded in [false, true] {
        let harness = Harness::with(|org| org.folded_links(folded));
        harness.append(0..2_100);
        let mut source = harness.builder().once(true).open().await.unwrap();
        let mut all = Vec::new();
        while let Some(delivery) = source.next().await.unwrap() {
            all.extend(numbers(&delivery));
            settle(delivery).await.unwrap();
        }
        assert_eq!(all, (0..2_100).collect::<Vec<_>>());
    }
}

#[tokio::test(start_paused = true)]
async fn next_link_is_used_as_given() {
    let harness = Harness::new();
    harness.append(0..3);
    let odd = "/api/v1/logs?after=1795341600000_3&limit=7&filter=displayMessage%20ne%20%22x,y;z%22";
    harness.org.script(Fault::NextLink(format!(
        "https://EXAMPLE.okta.com:443{odd}"
    )));
    let mut source = harness.open().await;
    settle(given(&mut source).await).await.unwrap();
    assert_eq!(harness.store.cursor().as_deref(), Some(odd));
    harness.append(3..13);
    let full = given(&mut source).await;
    assert_eq!(full.items.len(), 7, "a full page by the limit in the link");
    assert!(harness.last_request().starts_with(odd));
    assert_eq!(
        given(&mut source).await.items.len(),
        3,
        "and so the next is asked for at once"
    );
}

#[tokio::test(start_paused = true)]
async fn full_page_linking_to_itself_is_polled_once_per_tick() {
    let harness = Harness::new();
    harness.append(0..2_000);
    let mut source = harness.open().await;
    settle(given(&mut source).await).await.unwrap();
    let own = format!(
        "https://example.okta.com{}",
        harness.store.cursor().unwrap()
    );
    harness.org.script_times(100, Fault::NextLink(own));
    let began = tokio::time::Instant::now();
    settle(given(&mut source).await).await.unwrap();
    // It was given, whether anybody remembers its events or not.
    assert!(failed(&mut source).await.is_temporary());
    assert_eq!(began.elapsed().as_secs(), 30, "one poll per tick");
}

#[tokio::test(start_paused = true)]
async fn next_link_outside_the_log_moves_no_position() {
    for link in [
        "",
        "?after=2",
        "http:/x/y",
        "https://example.okta.com/login",
        "https://example.okta.com//evil.example/x",
    ] {
        let harness = Harness::new();
        harness.append(0..3);
        let mut source = harness.open().await;
        harness.org.script(Fault::NextLink(link.into()));
        let given = source.next().await;
        assert!(given.is_err(), "taken as a position: {link:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn next_link_too_long_for_a_request_is_not_committed() {
    let harness = Harness::new();
    harness.append(0..3);
    let mut source = harness.open().await;
    harness.org.script(Fault::NextLink(format!(
        "https://example.okta.com/api/v1/logs?after={}",
        "a".repeat(70_000)
    )));
    if let Ok(Some(delivery)) = source.next().await {
        settle(delivery).await.unwrap();
    }
    drop(source);
    // A restart with a sound org must go on.
    harness.append(3..6);
    drop(given(&mut harness.open().await).await);
}
