//! What the requests of replicas cost, as docs/replicas.md says.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use okta_coralogix_core::Lease;
use okta_coralogix_core::checkpoint::CheckpointStore;
use okta_coralogix_core::checkpoint::shared::Replica;
use okta_coralogix_core::testing::{MemoryObjects, ObjectCall};
use tokio::time::sleep;

use super::group::names;
use super::{checkpoint, replica};

/// What Amazon S3 asks for in us-east-1, in USD: for a put or a list, and for a get.
const PUT: f64 = 0.005 / 1_000.0;
const GET: f64 = 0.000_4 / 1_000.0;

/// Objects in one answer to a list.
const PAGE: u64 = 1_000;

/// Objects of a log: the record, and two windows.
const OBJECTS: u64 = 3;

const REPLICAS: u64 = 3;

/// Between two saves of a log that is busy: the poll interval of the source.
const PAGE_EVERY: Duration = Duration::from_secs(30);

#[derive(Debug, Default, Clone, Copy)]
struct Requests {
    puts: u64,
    lists: u64,
    gets: u64,
}

async fn hold(replica: Replica, log: String, is_busy: bool) {
    let held = replica.acquire(&log).await.unwrap();
    let mut version = held.create(&checkpoint("0", &[])).await.saved().unwrap();
    if !is_busy {
        held.lost().await;
        return;
    }
    loop {
        sleep(PAGE_EVERY).await;
        version = held
            .replace(&checkpoint("1", &[]), &version)
            .await
            .saved()
            .unwrap();
    }
}

/// The requests of an hour, once all is in balance.
async fn hour(logs: usize, is_busy: bool) -> Requests {
    let objects = MemoryObjects::new();
    let requests = Arc::new(Mutex::new(Requests::default()));
    let mut replicas = Vec::new();
    for seed in 1..=REPLICAS {
        let objects = objects.handle();
        let counted = Arc::clone(&requests);
        objects.set_script(move |call, name| {
            let mut counted = counted.lock().unwrap();
            match call {
                ObjectCall::Put => counted.puts += 1,
                ObjectCall::Read if name == ".replica-" => counted.lists += 1,
                ObjectCall::Read => counted.gets += 1,
                // Removing is free.
                _ => {}
            }
            None
        });
        let replica = replica(&objects, seed).join(names(logs));
        for log in names(logs) {
            tokio::spawn(hold(replica.clone(), log, is_busy));
        }
        replicas.push(replica);
    }
    sleep(Duration::from_secs(1_800)).await;
    *requests.lock().unwrap() = Requests::default();
    sleep(Duration::from_secs(3_600)).await;
    *requests.lock().unwrap()
}

/// With two digits that count, and commas.
fn rounded(number: f64) -> String {
    let digits = number.log10().floor() as i32 - 1;
    let unit = 10_f64.powi(digits.max(-2));
    let number = (number / unit).round() * unit;
    if number < 10.0 {
        return format!("{number:.2}");
    }
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// One row of the table: requests of a day, and USD of 30 days.
fn row(logs: u64, counted_logs: u64, is_busy: bool, hour: Requests, alone: Requests) -> String {
    // What is of the logs grows with them, and what is of the replicas does not.
    let scaled = |all: u64, alone: u64| {
        (all - alone) as f64 * logs as f64 / counted_logs as f64 + alone as f64
    };
    let pages = (logs * OBJECTS + REPLICAS).div_ceil(PAGE);
    let puts = 24.0 * (scaled(hour.puts, alone.puts) + (hour.lists * pages) as f64);
    let gets = 24.0 * scaled(hour.gets, alone.gets);
    let month = 30.0 * (puts * PUT + gets * GET);
    format!(
        "| {} | {} | {} | {} | {} | {} |",
        rounded(logs as f64).trim_end_matches(".00"),
        if is_busy { "busy" } else { "idle" },
        rounded(puts),
        rounded(gets),
        rounded(month),
        rounded(month / logs as f64),
    )
}

#[tokio::test(start_paused = true)]
async fn table_of_cost_in_the_docs_is_what_is_counted() {
    let alone = hour(0, false).await;
    let docs = include_str!("../../../../docs/replicas.md");
    let mut rows = Vec::new();
    for logs in [1, 50, 1_000] {
        for is_busy in [false, true] {
            let counted = logs.min(20);
            let hour = hour(counted as usize, is_busy).await;
            rows.push(row(logs, counted, is_busy, hour, alone));
        }
    }
    println!("{}", rows.join("\n"));
    for row in rows {
        let [counted @ .., _] = &row.split('|').map(str::trim).collect::<Vec<_>>()[1..] else {
            panic!("{row}");
        };
        let begin = format!("| {} | {} |", counted[0], counted[1]);
        let line = docs.lines().find(|line| line.starts_with(&begin));
        let line = line.unwrap_or_else(|| panic!("docs/replicas.md has no row {begin}"));
        let said = line.split('|').map(str::trim).skip(3);
        for (counted, said) in counted[2..].iter().zip(said) {
            // When the replicas look is drawn: that moves the last digit.
            let ratio = number(counted) / number(said);
            assert!(
                (0.93..1.07).contains(&ratio),
                "{row} is counted, and {line} is said"
            );
        }
    }
}

fn number(text: &str) -> f64 {
    text.replace(',', "").parse().unwrap()
}
