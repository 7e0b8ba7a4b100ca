//! What the listener costs a run, in instructions: the machine's other work does not count. Takes valgrind, and is run by hand.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::Command;

use super::samples::ask;
use crate::harness::{Harness, binary, spawn};

const EVENTS: usize = 20_000;

/// Runs `pull --once` with a backlog, and counts its instructions. With `flags` for a listener it is scraped each second.
async fn instructions(flags: &[&str]) -> f64 {
    let harness = Harness::new().await;
    let events = harness.backlog(EVENTS);
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    command.arg(binary("pull")).stdin(Stdio::null());
    let flags = [&["--once"], flags].concat();
    let folder = harness.folder.path();
    let mut child = spawn(command, folder, &harness.variables(), &flags);
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut log = String::new();
    let scraping = loop {
        let mut line = String::new();
        if stderr.read_line(&mut line).await.unwrap() == 0 {
            break None;
        }
        log.push_str(&line);
        let Some((_, address)) = line.split_once("are on http://") else {
            continue;
        };
        let address = address.trim().parse().unwrap();
        break Some(tokio::spawn(async move {
            let mut scrapes = 0;
            loop {
                let scrape = ask(address, "GET /metrics");
                if tokio::time::timeout(Duration::from_secs(60), scrape)
                    .await
                    .is_err()
                {
                    return scrapes;
                }
                scrapes += 1;
                println!("scrape {scrapes}");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }));
    };
    stderr.read_to_string(&mut log).await.unwrap();
    assert!(child.wait().await.unwrap().success(), "{log}");
    if let Some(scraping) = scraping {
        scraping.abort();
    }
    harness.assert_all_once(&events);
    let (_, count) = log.rsplit_once("Collected : ").unwrap();
    let count = count.split_whitespace().next().unwrap();
    count.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes valgrind, and a minute"]
async fn listener_and_scrapes_cost_less_than_3_percent() {
    let without = instructions(&[]).await;
    let with = instructions(&["--admin-listen", "0"]).await;
    let ratio = with / without;
    println!("{EVENTS} events: {without:.0} instructions without, {with:.0} with: {ratio:.4}");
    assert!(ratio < 1.03, "{ratio}");
}
