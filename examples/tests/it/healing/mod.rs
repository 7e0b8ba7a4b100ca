//! `--heal-after`: what EventBridge has not brought is read from the System Log, and sent once.

mod harness;
mod queue;
mod stops;

use chrono::SecondsFormat;
use okta_coralogix_core::{Clock, SystemClock};
use okta_source::simulator::Fault as OrgFault;

use crate::admin::samples::{Program, Samples, ask};
use crate::harness::{Exit, KEY, start_program};
use harness::{FLAGS, HEALED, Harness, PUSHED, ended, events, healed, push, unverified};

/// Each seed loses other events. The counts of both pipelines add up in each scrape, and in the summary.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_event_that_the_stream_drops_is_healed_once() {
    for seed in [1, 2] {
        let harness = Harness::new().await;
        let program = harness.start().await;
        program.endpoint().await;
        let events = events(seed, 1000);
        let mut random = fastrand::Rng::with_seed(seed);
        let (mut kept, mut dropped) = (Vec::new(), 0);
        for event in &events {
            match random.u32(..100) == 0 {
                true => dropped += 1,
                false => kept.push(event),
            }
        }
        assert!(dropped > 0);
        push(&program, kept).await;
        harness.log(&events);
        let samples = program
            .until(|samples| ended(samples, HEALED) >= 1000.0)
            .await;
        assert_eq!(healed(&samples), f64::from(dropped));
        assert_eq!(unverified(&samples), 0.0);
        let delivered = [PUSHED, &["outcome=\"delivered\""]].concat();
        assert_eq!(
            samples.sum("events_total", &delivered),
            1000.0 - f64::from(dropped)
        );
        assert_eq!(samples.sum("dedup_window_events", HEALED), 1000.0);
        let status = ask(program.address, "GET /status").await.body;
        assert!(
            status.contains("\"source\": \"healing\"") && status.contains("\"healed\":"),
            "{status}"
        );
        program.terminate().await;
        let ended = program.ended().await;
        let summary = ended.summary_with(&["healed"]);
        assert_eq!(summary["healed"], u64::from(dropped as u32));
        // An attempt that was answered late is made again.
        assert!(summary["received"] >= 2000 - dropped as u64);
        assert_eq!(summary["delivered"], 1000);
        assert!(
            ended
                .stderr
                .contains("the other route has not brought these events"),
            "{}",
            ended.stderr
        );
        harness.assert_all_once(&events);
    }
}

/// The stream is down, and comes back with everything that it has tried again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outage_of_the_stream_is_healed_and_its_retries_are_duplicates() {
    let harness = Harness::new().await;
    let program = harness.start().await;
    program.endpoint().await;
    let events = events(3, 2500);
    harness.log(&events);
    let samples = program
        .until(|samples| ended(samples, HEALED) >= 2500.0)
        .await;
    assert_eq!(healed(&samples), 2500.0);
    push(&program, &events).await;
    let duplicates = [PUSHED, &["outcome=\"duplicate\""]].concat();
    let samples = program
        .until(|samples| samples.sum("events_total", &duplicates) >= 2500.0)
        .await;
    let others = [PUSHED, &["outcome=\"delivered\""]].concat();
    assert_eq!(samples.sum("events_total", &others), 0.0);
    program.terminate().await;
    program.ended().await;
    harness.assert_all_once(&events);
}

/// Both bring all events at the same time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_that_are_pushed_while_they_are_healed_arrive_once() {
    let harness = Harness::new().await;
    let program = harness.start().await;
    program.endpoint().await;
    let events = events(4, 3000);
    harness.log(&events);
    push(&program, events.iter().rev()).await;
    program
        .until(|samples| ended(samples, HEALED) >= 3000.0)
        .await;
    program.terminate().await;
    program.ended().await;
    harness.assert_all_once(&events);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restart_between_push_and_healing_repeats_nothing() {
    let harness = Harness::new().await;
    let program = harness.start().await;
    let events = events(5, 600);
    push(&program, &events[..500]).await;
    program.terminate().await;
    program.ended().await;
    // Lost while nothing runs: 100 events, which no retry brings.
    harness.log(&events);
    let program = harness.start().await;
    let samples = program
        .until(|samples| ended(samples, HEALED) >= 600.0)
        .await;
    assert_eq!((healed(&samples), unverified(&samples)), (100.0, 0.0));
    program.terminate().await;
    program.ended().await;
    harness.assert_all_once(&events);
}

/// After a crash the program does not know what was pushed since the window was saved: that may be sent twice, nothing else, and nothing is
/// lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crash_repeats_at_most_what_was_pushed_since_the_last_save() {
    let harness = Harness::new().await;
    let program = harness.start().await;
    let saved = events(6, 300);
    push(&program, &saved).await;
    let saves = |samples: &Samples| samples.sum("dedup_window_saves_total", &["outcome=\"ok\""]);
    let before = saves(&program.until(|_| true).await);
    // One save may be going on.
    program
        .until(|samples| saves(samples) >= before + 2.0)
        .await;
    let unsaved = events(7, 200);
    push(&program, &unsaved).await;
    program.kill().await;
    let lost = events(8, 100);
    for events in [&saved, &unsaved, &lost] {
        harness.log(events);
    }
    let program = harness.start().await;
    let samples = program
        .until(|samples| ended(samples, HEALED) >= 600.0)
        .await;
    let repeated = healed(&samples) - 100.0;
    assert!((0.0..=200.0).contains(&repeated), "{repeated}");
    assert!(
        unverified(&samples) >= repeated,
        "what may be double is said"
    );
    program.terminate().await;
    let ended = program.ended().await;
    assert!(
        ended
            .stderr
            .contains("healed events may have arrived twice"),
        "{}",
        ended.stderr
    );
    let arrived = harness.arrived();
    for event in saved.iter().chain(&lost) {
        assert_eq!(arrived.get(&event.uuid), Some(&1), "{}", event.uuid);
    }
    for event in &unsaved {
        assert!(matches!(arrived.get(&event.uuid), Some(1 | 2)));
    }
}

/// The receiver goes on while Okta refuses the token, and says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_token_ends_healing_and_not_the_receiver() {
    let harness = Harness::new().await;
    harness
        .org
        .replace_token("00-another-okta-token-of-forty-two-chars-no");
    let flags = [FLAGS, &["--refusal-wait", "1s"]].concat();
    let folder = harness.receiver.folder.path();
    let program = Program::start("eventbridge_http", folder, &harness.variables(), &flags).await;
    program.endpoint().await;
    program
        .until(|samples| samples.get("running", HEALED) == Some(0.0))
        .await;
    let events = events(9, 50);
    push(&program, &events).await;
    let ready = ask(program.address, "GET /readyz").await;
    assert_eq!(ready.status, 200, "{ready:?}");
    program.terminate().await;
    let ended = program.ended().await;
    assert!(
        ended
            .stderr
            .contains("healing is down, and the receiver goes on"),
        "{}",
        ended.stderr
    );
    harness.assert_all_once(&events);
}

/// Okta does not answer for a while: its events are healed once it does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_of_an_outage_of_okta_are_healed_when_it_answers_again() {
    let harness = Harness::new().await;
    harness.org.script_times(3, OrgFault::Unavailable);
    let program = harness.start().await;
    program.endpoint().await;
    let events = events(10, 200);
    push(&program, &events[..190]).await;
    harness.log(&events);
    let samples = program
        .until(|samples| ended(samples, HEALED) >= 200.0)
        .await;
    assert_eq!(healed(&samples), 10.0);
    program.terminate().await;
    program.ended().await;
    harness.assert_all_once(&events);
}

/// A log stream that was deactivated cannot bring the event that says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deactivated_log_stream_is_told_by_healing() {
    let harness = Harness::new().await;
    let program = harness.start().await;
    program.endpoint().await;
    let now = SystemClock
        .now()
        .to_rfc3339_opts(SecondsFormat::Millis, true);
    harness.org.append(format!(
        r#"{{"uuid":"5d0d3d4e-7a6c-4f0b-9c57-6a0c1a2b3c4d","published":"{now}","eventType":"system.log_stream.lifecycle.deactivate","target":[{{"displayName":"to AWS"}}]}}"#
    ));
    program
        .until(|samples| {
            let labels = [HEALED, &["change=\"deactivated\""]].concat();
            samples.get("log_stream_changes_total", &labels) == Some(1.0)
        })
        .await;
    program.terminate().await;
    let ended = program.ended().await;
    assert!(
        ended
            .stderr
            .contains("a log stream of Okta was deactivated"),
        "{}",
        ended.stderr
    );
}

/// Two windows would each heal what the other route was pushed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn second_process_that_heals_in_the_same_folder_is_refused() {
    let harness = Harness::new().await;
    let program = harness.start().await;
    program.endpoint().await;
    let folder = harness.receiver.folder.path();
    let second = start_program("eventbridge_http", folder, &harness.variables(), FLAGS);
    let second = Exit::of(second).await;
    assert_eq!(second.code, Some(2), "{second:?}");
    let expected = "error: --heal-after: the checkpoint ";
    assert!(
        second.stderr.contains(expected) && second.stderr.contains("is in use by another process"),
        "{}",
        second.stderr
    );
    program.terminate().await;
    assert_eq!(program.ended().await.code, Some(0));
}

/// Two processes behind one load balancer: each heals what the other was pushed. Nothing is lost, and both say it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn second_receiver_is_noticed_and_said() {
    let harness = Harness::new().await;
    let folder = tempfile::tempdir().unwrap();
    let one = harness.start().await;
    let variables = harness.variables();
    let two = Program::start("eventbridge_http", folder.path(), &variables, FLAGS).await;
    let events = events(30, 2_000);
    for (part, program) in [&one, &two].into_iter().enumerate() {
        let pushed = events.iter().enumerate();
        let pushed = pushed.filter(|(number, _)| number % 2 == part);
        push(program, pushed.map(|(_, event)| event)).await;
    }
    harness.log(&events);
    for program in [one, two] {
        program
            .until(|samples| {
                ended(samples, HEALED) >= 2_000.0 && samples.get("push_shared", HEALED) == Some(1.0)
            })
            .await;
        program.terminate().await;
        let ended = program.ended().await;
        for words in [
            "It takes one process that receives",
            "most likely another process receives",
        ] {
            assert!(ended.stderr.contains(words), "{words}: {}", ended.stderr);
        }
    }
    let arrived = harness.arrived();
    let twice = events.iter().filter(|event| arrived[&event.uuid] == 2);
    assert_eq!(twice.count(), 2_000, "each of both has sent it");
}

#[tokio::test]
async fn healing_without_what_it_needs_is_refused() {
    let harness = Harness::new().await;
    for (without, flags, expected) in [
        ("OKTA_ORG_URL", &["--heal-after", "15m"][..], "OKTA_ORG_URL"),
        ("OKTA_API_TOKEN", &["--heal-after", "15m"], "OKTA_API_TOKEN"),
        (
            "",
            &["--heal-after", "13h"],
            "--heal-after: \"13h\" is more than 12h",
        ),
        (
            "",
            &["--heal-after", "15m", "--audit-every", "6h"],
            "--heal-after: with --audit-every it needs --bare-event",
        ),
        (
            "",
            &["--heal-window", "5000"],
            "--heal-window: has no effect without --heal-after",
        ),
        (
            "",
            &["--heal-after", "1m", "--heal-window", "5"],
            "--heal-window: \"5\" is not from 1000",
        ),
    ] {
        let mut variables = harness.variables();
        variables.insert("CORALOGIX_QUERY_KEY", KEY.into());
        variables.insert(
            "CORALOGIX_QUERY_ENDPOINT",
            harness.receiver.ingress_server.base_url(),
        );
        variables.remove(without);
        let folder = harness.receiver.folder.path();
        let ended = Exit::of(start_program("eventbridge_http", folder, &variables, flags)).await;
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains(expected), "{}", ended.stderr);
    }
}
