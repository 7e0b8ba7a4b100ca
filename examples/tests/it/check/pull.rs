//! `pull --check`.

use std::collections::HashMap;
use std::net::TcpListener;

use chrono::TimeDelta;
use coralogix_sink::simulator::{CoralogixSimulator, Fault};
use okta_coralogix_core::checkpoint::FileCheckpoint;
use okta_coralogix_core::testing::TestClock;
use okta_coralogix_core::{Clock, SystemClock};

use super::{assert_all_ok, assert_wrong, lines};
use crate::harness::{Exit, Harness, KEY, TOKEN, start};
#[cfg(target_os = "linux")]
use crate::limits::{Limit, start_limited};

const SUBJECTS: [&str; 6] = [
    "Okta",
    "Coralogix",
    "clock",
    "--checkpoint",
    "--dead-letters",
    "open files",
];

fn files(harness: &Harness) -> usize {
    std::fs::read_dir(harness.folder.path()).unwrap().count()
}

async fn check(harness: &Harness, changes: &[(&'static str, &str)], flags: &[&str]) -> Exit {
    let mut variables = harness.variables();
    for (name, value) in changes {
        variables.insert(name, (*value).to_owned());
    }
    let flags = [&["--check"], flags].concat();
    Exit::of(start(harness.folder.path(), &variables, &flags)).await
}

#[tokio::test]
async fn check_of_a_good_org_says_ok_sends_nothing_and_leaves_no_file() {
    let harness = Harness::new().await;
    harness.backlog(10);
    let ended = check(&harness, &[], &[]).await;
    assert_all_ok(&ended, &SUBJECTS);
    assert_eq!(ended.summary()["received"], 0);
    assert_eq!((harness.ingress.arrivals(), files(&harness)), (0, 0));
    assert_eq!(harness.org.request_count(), 1, "it costs one request");
}

#[tokio::test]
async fn check_names_the_end_that_refuses_and_what_to_do() {
    let harness = Harness::new().await;
    let other = [("OKTA_API_TOKEN", "00another-token")];
    let ended = check(&harness, &other, &[]).await;
    assert_wrong(&ended, "Okta", &["create a new one"]);
    harness.ingress.fail_always(Some(Fault::status(401)));
    let ended = check(&harness, &[], &[]).await;
    assert_wrong(&ended, "Coralogix", &["401", "key"]);
    let ended = check(&harness, &other, &[]).await;
    let both = "the check failed for Okta, Coralogix: ";
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains(both), "{ended:?}");
    assert_eq!(files(&harness), 0);
}

#[tokio::test]
async fn check_names_a_query_that_okta_refuses() {
    let harness = Harness::new().await;
    let ended = check(&harness, &[], &["--filter", "nonsense"]).await;
    assert_wrong(&ended, "Okta", &["E0000053", "filter"]);
}

#[tokio::test]
async fn check_finds_a_clock_that_is_far_off() {
    let harness = Harness::new().await;
    let clock = TestClock::starting_at(SystemClock.now() - TimeDelta::hours(3));
    let ingress = CoralogixSimulator::builder().key(KEY).clock(clock).build();
    let server = ingress.serve().await.unwrap();
    let ended = check(&harness, &[("CORALOGIX_ENDPOINT", &server.base_url())], &[]).await;
    assert_wrong(&ended, "clock", &["ahead of Coralogix's", "NTP"]);
}

const NO_FILE: &str = "(it is a pipe, a device or a socket, not a file): name a file";

#[tokio::test]
async fn check_finds_files_that_cannot_be_written() {
    let harness = Harness::new().await;
    std::fs::create_dir(harness.folder.path().join("folder")).unwrap();
    let pipe = harness.folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let link = harness.folder.path().join("dangling");
    std::os::unix::fs::symlink("away", link).unwrap();
    for (flag, path, words) in [
        ("--checkpoint", "away/cp", "create the folder"),
        ("--checkpoint", "folder", "name a file, not a folder"),
        ("--dead-letters", "away/letters", "create the folder"),
        ("--dead-letters", "folder", "name a file, not a folder"),
        ("--dead-letters", "/proc/letters", "or name another file"),
        ("--dead-letters", "/dev/null", NO_FILE),
        ("--dead-letters", "pipe", NO_FILE),
        ("--checkpoint", "pipe", NO_FILE),
        ("--checkpoint", "dangling", "it is a link to a file that"),
    ] {
        let ended = check(&harness, &[], &[flag, path]).await;
        match path {
            // procfs has an error of its own for a new file.
            "/proc/letters" => assert_wrong(&ended, flag, &["/proc/letters cannot be written"]),
            _ => assert_wrong(&ended, flag, &[path, words]),
        }
        if words == NO_FILE {
            let ended = harness.run(&["--once", flag, path]).await;
            assert!(
                ended.code == Some(2) && ended.stderr.contains(NO_FILE),
                "{ended:?}"
            );
        }
    }
    let ended = check(&harness, &[], &["--dead-letters", "-"]).await;
    assert_all_ok(&ended, &SUBJECTS);
}

#[tokio::test]
async fn check_looks_at_the_saved_position() {
    let harness = Harness::new().await;
    harness.backlog(3);
    assert_eq!(harness.run(&["--once"]).await.code, Some(0));
    let ended = check(&harness, &[], &[]).await;
    assert_all_ok(&ended, &SUBJECTS);
    assert!(ended.stderr.contains("a position is saved"), "{ended:?}");
    let before = std::fs::read(harness.checkpoint()).unwrap();

    let ended = check(&harness, &[], &["--q", "ann"]).await;
    assert_wrong(&ended, "--checkpoint", &["restart_on_changed_query"]);
    let restart = ["--q", "ann", "--restart-on-changed-query"];
    let ended = check(&harness, &[], &restart).await;
    assert_all_ok(&ended, &SUBJECTS);
    assert_eq!(std::fs::read(harness.checkpoint()).unwrap(), before);

    let running = FileCheckpoint::open(harness.checkpoint()).await.unwrap();
    let ended = check(&harness, &[], &[]).await;
    assert_all_ok(&ended, &SUBJECTS);
    assert!(
        ended.stderr.contains("another process runs with it"),
        "{ended:?}"
    );
    drop(running);

    std::fs::write(harness.checkpoint(), "garbage").unwrap();
    let ended = check(&harness, &[], &[]).await;
    assert_wrong(&ended, "--checkpoint", &["no usable checkpoint"]);
}

#[tokio::test]
async fn check_finds_an_address_that_is_taken() {
    let harness = Harness::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = listener.local_addr().unwrap().to_string();
    let ended = check(&harness, &[], &["--admin-listen", "127.0.0.1:0"]).await;
    let with_admin = [&SUBJECTS[..], &["--admin-listen"]].concat();
    assert_all_ok(&ended, &with_admin);
    let ended = check(&harness, &[], &["--admin-listen", &taken]).await;
    assert_wrong(&ended, "--admin-listen", &["end the program that has it"]);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn check_finds_too_few_open_files() {
    let harness = Harness::new().await;
    let limit = Limit::Descriptors(60, 60);
    let variables = harness.variables();
    let child = start_limited(
        "pull",
        harness.folder.path(),
        &variables,
        &["--check"],
        limit,
    );
    let ended = Exit::of(child).await;
    assert_wrong(&ended, "open files", &["60 may be open", "`ulimit -n 68`"]);
}

fn integration(harness: &Harness, name: &str, token: &str) -> String {
    format!(
        "[[integration]]\nname = {name:?}\nsubsystem = {name:?}\norg_url = {:?}\napi_token = {{ env = {token:?} }}\n",
        harness.org_server.base_url()
    )
}

#[tokio::test]
async fn check_of_many_orgs_says_which_one_is_wrong() {
    let harness = Harness::new().await;
    let target = format!(
        "[coralogix]\nendpoint = {:?}\napi_key = {{ env = \"KEY\" }}\n",
        harness.ingress_server.base_url()
    );
    let good = integration(&harness, "good", "TOKEN");
    let check = async |text: String| {
        std::fs::write(harness.folder.path().join("orgs.toml"), text).unwrap();
        let variables = HashMap::from([
            ("KEY", KEY.to_owned()),
            ("TOKEN", TOKEN.to_owned()),
            ("OTHER", "00another-token".to_owned()),
        ]);
        let flags = ["--check", "--config", "orgs.toml"];
        Exit::of(start(harness.folder.path(), &variables, &flags)).await
    };
    let ended = check([&*target, &good].concat()).await;
    let of_good = |subject: &str| format!("pipeline{{integration=\"good\"}}: {subject}");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for subject in [
        "Okta: ok: ",
        "Coralogix: ok: ",
        "clock: ok: ",
        "checkpoint: ok: ",
    ] {
        let line = of_good(subject);
        assert!(ended.stderr.contains(&line), "{line}: {ended:?}");
    }
    for subject in ["--dead-letters: ok: ", "open files: ok: "] {
        assert!(ended.stderr.contains(subject), "{subject}: {ended:?}");
    }
    assert_eq!(lines(&ended).len(), 6, "{ended:?}");

    let refused = integration(&harness, "refused", "OTHER");
    let without = integration(&harness, "without", "TOKEN")
        .replace("env = \"TOKEN\"", "file = \"no-such-file\"");
    let away = format!(
        "{}checkpoint = \"away/cp\"\n",
        integration(&harness, "away", "TOKEN")
    );
    let ended = check([&*target, &refused, &good, &without, &away].concat()).await;
    assert_eq!((ended.code, &*ended.stdout), (Some(2), ""), "{ended:?}");
    for line in [
        "pipeline{integration=\"refused\"}: Okta: ",
        "pipeline{integration=\"without\"}: secrets: api_token: the file \"no-such-file\" cannot be read",
        "pipeline{integration=\"away\"}: checkpoint: ",
        &of_good("Okta: ok: "),
        "the check failed for refused, without, away: ",
    ] {
        assert!(ended.stderr.contains(line), "{line}: {ended:?}");
    }
    assert_eq!(files(&harness), 1, "only the file of --config");
}
