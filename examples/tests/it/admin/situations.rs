//! What the metrics and the log show in each situation of docs/operations.md, under injected time.

use std::time::Duration;

use chrono::TimeDelta;
use coralogix_sink::simulator::{Fault, RetryAfter};
use okta_coralogix_core::Clock;
use okta_coralogix_core::testing::LogCapture;
use okta_source::simulator::{Fault as OrgFault, OktaSimulator};
use tokio::time::sleep;

use super::program_observer::program_observer;
use super::samples::Samples;
use super::situation::assert_logged;
use crate::many_orgs::supervision_harness::{Scene, TOKEN};

const MINUTE: Duration = Duration::from_secs(60);

/// Runs one org with ten events, and after those what `happens`.
async fn with_ten_events(happens: impl AsyncFnOnce(&Scene)) {
    let scene = Scene::of(["acme"]);
    let mut uuids = Vec::new();
    scene
        .run_observed(program_observer(&[]), async {
            uuids = scene.events(&scene.orgs[0], 10).await;
            scene.orgs[0].simulator.caught_up().await;
            sleep(Duration::from_secs(5)).await;
            happens(&scene).await;
        })
        .await;
    scene.assert_all_once(&uuids);
}

/// Seconds since that time.
fn age(scene: &Scene, samples: &Samples, timestamp: &str) -> f64 {
    let now = scene.clock.now().timestamp_millis() as f64 / 1000.0;
    now - samples.sum(timestamp, &[])
}

const THROUGH: &str = "delivered_through_timestamp_seconds";
const POLLED: &str = "last_poll_success_timestamp_seconds";

#[tokio::test(start_paused = true)]
async fn quiet_org_is_delivered_through_its_last_poll() {
    let log = LogCapture::start();
    with_ten_events(async |scene| {
        // The last counts are logged in the first minute.
        sleep(61 * MINUTE).await;
        let samples = scene.samples().await;
        assert!(age(scene, &samples, THROUGH) < 3.0, "{samples:?}");
        assert!(age(scene, &samples, POLLED) < 3.0);
        let silent = age(scene, &samples, "last_received_timestamp_seconds");
        assert!((3600.0..3700.0).contains(&silent), "{silent}");
        assert!(age(scene, &samples, "checkpoint_saved_timestamp_seconds") > 3500.0);
        assert_eq!(samples.sum("failing", &[]), 0.0);
        assert_eq!(samples.sum("running", &[]), 1.0);
        assert!(samples.sum("okta_rate_limit_remaining", &[]) > 0.0);
    })
    .await;
    assert_logged("nothing happens", &log.take());
}

#[tokio::test(start_paused = true)]
async fn outage_of_coralogix_shows_a_failing_sink_and_recovers() {
    let log = LogCapture::start();
    with_ten_events(async |scene| {
        scene.ingress.fail_always(Some(Fault::status(503)));
        scene.events(&scene.orgs[0], 10).await;
        sleep(10 * MINUTE).await;
        let samples = scene.samples().await;
        assert_eq!(samples.get("failing", &["stage=\"sink\""]), Some(1.0));
        assert!(samples.sum("ingress_requests_total", &["outcome=\"server\""]) > 3.0);
        assert!(age(scene, &samples, THROUGH) > 500.0);
        assert!(samples.sum("events_pending", &[]) >= 1.0);
        scene.ingress.fail_always(None);
        sleep(5 * MINUTE).await;
        let samples = scene.samples().await;
        assert_eq!(samples.sum("failing", &[]), 0.0);
        assert_eq!(samples.sum("events_pending", &[]), 0.0);
        assert!(age(scene, &samples, THROUGH) < 5.0);
    })
    .await;
    assert_logged("Coralogix is down", &log.take());
}

#[tokio::test(start_paused = true)]
async fn outage_of_okta_shows_a_failing_source_and_no_poll() {
    let log = LogCapture::start();
    with_ten_events(async |scene| {
        scene.orgs[0]
            .simulator
            .script_times(300, OrgFault::Unavailable);
        sleep(20 * MINUTE).await;
        let samples = scene.samples().await;
        assert_eq!(samples.get("failing", &["stage=\"source\""]), Some(1.0));
        assert!(samples.sum("okta_requests_total", &["outcome=\"server\""]) > 3.0);
        assert!(age(scene, &samples, POLLED) > 1100.0);
        assert!(age(scene, &samples, THROUGH) > 1100.0);
        assert_eq!(samples.sum("running", &[]), 1.0);
        sleep(180 * MINUTE).await;
        let samples = scene.samples().await;
        assert_eq!(samples.sum("failing", &[]), 0.0);
        assert!(age(scene, &samples, POLLED) < 5.0);
    })
    .await;
    assert_logged("Okta is down", &log.take());
}

#[tokio::test(start_paused = true)]
async fn refused_credentials_show_auth_and_no_run() {
    let log = LogCapture::start();
    with_ten_events(async |scene| {
        let org = &scene.orgs[0];
        org.simulator.replace_token("00-other");
        sleep(MINUTE).await;
        let samples = scene.samples().await;
        assert!(samples.sum("okta_requests_total", &["outcome=\"auth\""]) >= 1.0);
        assert_eq!(samples.sum("running", &[]), 0.0);
        org.simulator.replace_token(TOKEN);
        scene.ingress.set_key("other-key");
        scene.events(org, 10).await;
        sleep(60 * MINUTE).await;
        let samples = scene.samples().await;
        assert!(samples.sum("ingress_requests_total", &["outcome=\"auth\""]) >= 1.0);
        assert_eq!(samples.sum("running", &[]), 0.0);
    })
    .await;
    let lines = log.take();
    assert_logged("a key or token is refused", &lines);
    for refusal in ["Okta refuses the API token", "127.0.0.1 refused the key"] {
        let line = format!("ERROR the org is down: {refusal}");
        assert!(lines.contains(&line), "{lines}");
    }
}

#[tokio::test(start_paused = true)]
async fn block_pages_show_blocked_at_either_end() {
    let log = LogCapture::start();
    with_ten_events(async |scene| {
        let org = &scene.orgs[0];
        scene.ingress.fail_always(Some(Fault::html(403)));
        scene.events(org, 3).await;
        sleep(2 * MINUTE).await;
        let samples = scene.samples().await;
        assert!(samples.sum("ingress_requests_total", &["outcome=\"blocked\""]) >= 1.0);
        scene.ingress.fail_always(None);
        let page = OrgFault::web_page(200, "Access denied");
        org.simulator.script_times(3, page);
        sleep(10 * MINUTE).await;
        let samples = scene.samples().await;
        assert!(samples.sum("okta_requests_total", &["outcome=\"blocked\""]) >= 1.0);
        assert_eq!(samples.sum("failing", &[]), 0.0, "{samples:?}");
    })
    .await;
    let lines = log.take();
    assert_logged("a block page", &lines);
    assert!(lines.contains("Access denied"), "the page's title: {lines}");
}

#[tokio::test(start_paused = true)]
async fn refused_cursor_is_counted_and_its_overlap_is_duplicate() {
    let log = LogCapture::start();
    with_ten_events(async |scene| {
        scene.orgs[0].simulator.forget_cursors();
        sleep(10 * MINUTE).await;
        let samples = scene.samples().await;
        assert_eq!(samples.sum("cursor_resets_total", &[]), 1.0);
        assert_eq!(
            samples.sum("events_total", &["outcome=\"duplicate\""]),
            10.0
        );
        assert!(samples.sum("okta_requests_total", &["outcome=\"client\""]) >= 1.0);
    })
    .await;
    assert_logged("a gap: Okta refuses the cursor", &log.take());
}

#[tokio::test(start_paused = true)]
async fn log_stream_that_okta_switches_off_is_said_and_counted() {
    let log = LogCapture::start();
    with_ten_events(async |scene| {
        let published = scene.clock.now().to_rfc3339();
        for (index, change) in ["update", "deactivate"].iter().enumerate() {
            let event = format!(
                r#"{{"uuid":"{index}","eventType":"system.log_stream.lifecycle.{change}","published":"{published}","actor":{{"displayName":"Okta System"}},"target":[{{"type":"LogStream","displayName":"audit"}}]}}"#,
            );
            scene.orgs[0].simulator.append(event);
        }
        sleep(MINUTE).await;
        let samples = scene.samples().await;
        let changes = |change: &str| {
            let label = format!("change=\"{change}\"");
            samples.sum("log_stream_changes_total", &[&label])
        };
        assert_eq!((changes("updated"), changes("deactivated")), (1.0, 1.0));
        assert_eq!(samples.sum("log_stream_changes_total", &[]), 2.0);
    })
    .await;
    let lines = log.take();
    assert_logged("Okta switches a log stream off", &lines);
    assert!(
        lines.contains("stream=\"audit\" by=\"Okta System\""),
        "{lines}"
    );
}

#[tokio::test(start_paused = true)]
async fn dead_letters_and_events_too_old_have_series_of_their_own() {
    let log = LogCapture::start();
    with_ten_events(async |scene| {
        let org = &scene.orgs[0];
        org.simulator.append(&b"{\"no\":\"published\"}"[..]);
        let published = scene.clock.now() - TimeDelta::hours(25);
        let text = format!(
            r#"{{"uuid":"old","eventType":"a","published":"{}"}}"#,
            published.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
        );
        org.simulator.append(text);
        sleep(MINUTE).await;
        let samples = scene.samples().await;
        assert_eq!(
            samples.sum("events_total", &["outcome=\"dead_lettered\""]),
            1.0
        );
        assert_eq!(samples.sum("events_total", &["outcome=\"too_old\""]), 1.0);
        assert_eq!(samples.sum("events_total", &["outcome=\"filtered\""]), 0.0);
    })
    .await;
    let lines = log.take();
    assert_logged("a dead letter", &lines);
    assert_logged("too old", &lines);
}

#[tokio::test(start_paused = true)]
async fn full_disk_shows_failed_saves_and_no_run() {
    let log = LogCapture::start();
    let scene = Scene::of(["acme"]);
    let org = &scene.orgs[0];
    let mut uuids = Vec::new();
    scene
        .run(async {
            uuids = scene.events(org, 5).await;
            org.simulator.caught_up().await;
            // No file can be written where a folder is.
            let temporary = org.checkpoint.with_extension("tmp");
            std::fs::create_dir(&temporary).unwrap();
            uuids.extend(scene.events(org, 5).await);
            sleep(5 * MINUTE).await;
            let samples = scene.samples().await;
            let failed = samples.sum("checkpoint_saves_total", &["outcome=\"error\""]);
            assert!(failed >= 1.0, "{samples:?}");
            assert_eq!(samples.sum("running", &[]), 0.0, "{samples:?}");
            std::fs::remove_dir(&temporary).unwrap();
            sleep(60 * MINUTE).await;
            let samples = scene.samples().await;
            assert_eq!(samples.sum("running", &[]), 1.0);
            assert_eq!(samples.sum("events_pending", &[]), 0.0);
            scene.dead_letters.fail_next(20);
            org.simulator.append(&b"no event"[..]);
            sleep(MINUTE).await;
            let samples = scene.samples().await;
            let failing = samples.get("failing", &["stage=\"dead_letters\""]);
            assert_eq!(failing, Some(1.0), "{samples:?}");
            sleep(60 * MINUTE).await;
        })
        .await;
    // What was sent and not committed is sent again.
    let ledger = scene.ingress.ledger();
    let missing = ledger.missing(uuids.iter().map(String::as_str));
    assert_eq!(missing, [""; 0]);
    assert_logged("the disk is full", &log.take());
}

#[tokio::test(start_paused = true)]
async fn wrong_clock_shows_its_offset() {
    let log = LogCapture::start();
    let mut scene = Scene::of(["acme"]);
    let clock = okta_coralogix_core::testing::TestClock::starting_at(
        scene.clock.now() + TimeDelta::minutes(10),
    );
    let simulator = OktaSimulator::builder().token(TOKEN).rate_limit(100_000);
    scene.orgs[0].simulator = simulator.clock(std::sync::Arc::new(clock)).build();
    scene
        .run(async {
            sleep(MINUTE).await;
            let samples = scene.samples().await;
            let offset = samples.sum("okta_clock_offset_seconds", &[]);
            assert!((599.0..=601.0).contains(&offset), "{offset}");
        })
        .await;
    assert_logged("the clock is wrong", &log.take());
}

#[tokio::test(start_paused = true)]
async fn falling_behind_shows_the_age_and_the_waits() {
    let log = LogCapture::start();
    let mut scene = Scene::of(["acme"]);
    let simulator = OktaSimulator::builder().token(TOKEN).rate_limit(2);
    let simulator = simulator.clock(std::sync::Arc::clone(&scene.clock)).build();
    let published = scene.clock.now() - TimeDelta::hours(21);
    let mut generator = okta_coralogix_core::testing::EventGenerator::new(6);
    simulator.append_at(
        scene.clock.now() - TimeDelta::minutes(10),
        (0..6000).map(|_| generator.event(published).json),
    );
    scene.orgs[0].simulator = simulator;
    scene
        .run(async {
            sleep(3 * MINUTE).await;
            let samples = scene.samples().await;
            assert!(
                age(&scene, &samples, THROUGH) > 20.0 * 3600.0,
                "{samples:?}"
            );
            assert!(samples.sum("throttled_seconds_total", &["by=\"self\""]) > 30.0);
            let within = samples.get("event_lag_seconds_bucket", &["le=\"21600\""]);
            assert_eq!(within, Some(0.0), "all of them are 21 hours late");
            assert!(samples.sum("event_lag_seconds_count", &[]) >= 1000.0);
        })
        .await;
    assert_logged("falling behind", &log.take());
}

#[tokio::test(start_paused = true)]
async fn throttling_by_coralogix_adds_up_its_waits() {
    let log = LogCapture::start();
    with_ten_events(async |scene| {
        let wait = Fault::retry_after(429, RetryAfter::Seconds(40));
        scene.ingress.fail_next(1, wait);
        scene.events(&scene.orgs[0], 1).await;
        sleep(2 * MINUTE).await;
        let samples = scene.samples().await;
        let throttled = samples.sum("throttled_seconds_total", &["by=\"coralogix\""]);
        assert!((40.0..60.0).contains(&throttled), "{throttled}");
        let limited = samples.sum("ingress_requests_total", &["outcome=\"rate_limited\""]);
        assert_eq!(limited, 1.0);
    })
    .await;
    assert_logged("Coralogix throttles", &log.take());
}
