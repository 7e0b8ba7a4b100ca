//! Orgs beside one whose pages take long to read.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::timeout;

use super::{config_file, start};
use crate::harness::{Exit, Harness, fresh, terminate};

const PAGE_BYTES: usize = 59 << 20;
const EVENTS: usize = 15;

/// Answers each request with a page that breaks off within its last event. The address.
async fn org_with_broken_pages() -> String {
    let events = fresh(1_000);
    let mut page = vec![b'['];
    for event in events.iter().cycle() {
        if page.len() >= PAGE_BYTES {
            break;
        }
        page.extend_from_slice(&event.json);
        page.push(b',');
    }
    page.extend_from_slice(b"{\"uuid\":");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                page.len()
            );
            let mut request = [0; 4096];
            if stream.read(&mut request).await.is_ok_and(|bytes| bytes > 0)
                && stream.write_all(head.as_bytes()).await.is_ok()
            {
                stream.write_all(&page).await.ok();
            }
        }
    });
    format!("http://{address}")
}

/// The mean and the longest time from an event to its arrival, of an org beside another one, or alone.
async fn lag(beside: Option<&str>) -> (Duration, Duration) {
    let mut harness = Harness::new().await;
    let mut config = config_file(&harness, 1, 0);
    config.push_str("poll_interval = \"1s\"\n");
    if let Some(org) = beside {
        config.push_str(&format!(
            "[[integration]]\nname = \"broken\"\naccount = \"broken\"\nokta_domain = \"{org}\"\napi_token = {{ env = \"TOKEN\" }}\n"
        ));
    }
    let child = start(&harness, &config, &[]);
    let mut lags = Vec::new();
    for (count, event) in fresh(EVENTS).into_iter().enumerate() {
        let began = Instant::now();
        harness.append([event.json]);
        let arrived = harness.seen.wait_for(|seen| *seen > count);
        let arrived = timeout(Duration::from_secs(60), arrived).await;
        arrived.expect("it arrives").unwrap();
        lags.push(began.elapsed());
    }
    terminate(&child).await;
    let ended = Exit::of(child).await;
    assert!(matches!(ended.code, Some(0 | 1)), "{}", ended.stderr);
    // The first one waits for the start of the program.
    let lags = &lags[1..];
    let mean = lags.iter().sum::<Duration>() / u32::try_from(lags.len()).unwrap();
    (mean, *lags.iter().max().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "compares times: --ignored --nocapture"]
async fn broken_page_of_59_mb_delays_no_other_org() {
    let org = org_with_broken_pages().await;
    let (alone, longest_alone) = lag(None).await;
    let (beside, longest) = lag(Some(&org)).await;
    let ratio = beside.as_secs_f64() / alone.as_secs_f64();
    println!(
        "mean lag {alone:?} alone, {beside:?} beside the broken page, ratio {ratio:.2}; longest {longest_alone:?} and {longest:?}"
    );
    assert!(ratio < 3.0, "{ratio}");
}
