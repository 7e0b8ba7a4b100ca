//! Scrapes during runs with faults: the counts add up in each of them.

use std::time::Duration;

use coralogix_sink::simulator::{Fault, RetryAfter};
use eventbridge_source::simulator::{ApiDestination, Authorization};
use okta_source::simulator::Fault as OrgFault;
use tokio::time::sleep;

use super::samples::{Program, Samples, ask};
use super::situation::assert_logged;
use crate::eventbridge_http::harness as http;
use crate::harness::{Harness, TOKEN, fresh};
use crate::many_orgs::supervision_harness::Scene;

const DELIVERED: &[&str] = &["outcome=\"delivered\""];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn received_is_the_sum_of_outcomes_and_pending_in_every_scrape() {
    let harness = Harness::new().await;
    let events = harness.backlog(6000);
    harness.append([&b"null"[..], b"{\"published\":\"2020-01-01T00:00:00Z\"}"].map(Into::into));
    harness.append(events[..10].iter().map(|event| event.json.clone()));
    harness.org.script_times(2, OrgFault::Unavailable);
    harness.org.script(OrgFault::HalfBody);
    let faults = [
        Fault::status(503),
        Fault::retry_after(429, RetryAfter::Seconds(1)),
        Fault::ResetAfterAccepting,
        Fault::ResetBeforeReading,
        Fault::html(502),
        Fault::Slow(Duration::from_millis(300)),
    ];
    for fault in faults {
        harness.ingress.fail_next(1, fault);
    }
    let folder = harness.folder.path();
    let program = Program::start("pull", folder, &harness.variables(), &[]).await;
    let ended = program
        .until(|samples| {
            let ended = samples.sum("events_total", &[]);
            ended >= 6012.0 && samples.sum("events_pending", &[]) == 0.0
        })
        .await;
    // Those whose answer was lost have arrived twice, and are counted once.
    assert_eq!(ended.sum("events_total", DELIVERED), 6000.0);
    let outcome = |outcome: &str| {
        let label = format!("outcome=\"{outcome}\"");
        ended.sum("events_total", &[&label])
    };
    assert_eq!(outcome("too_old"), 1.0);
    assert_eq!(outcome("duplicate"), 10.0);
    assert_eq!(outcome("dead_lettered"), 1.0);
    let requests = |outcome: &str| {
        let label = format!("outcome=\"{outcome}\"");
        ended.sum("ingress_requests_total", &[&label])
    };
    assert!(
        requests("accepted") >= 1.0 && requests("server") >= 1.0,
        "{ended:?}"
    );
    assert!(
        requests("rate_limited") >= 1.0 && requests("ambiguous") >= 1.0,
        "{ended:?}"
    );
    assert!(ended.sum("throttled_seconds_total", &["by=\"coralogix\""]) >= 1.0);
    assert!(ended.sum("okta_requests_total", &["outcome=\"server\""]) >= 2.0);
    assert_eq!(ended.sum("event_lag_seconds_count", &[]), 6000.0);
    let raw = ended.sum("ingress_sent_bytes_total", &["stage=\"raw\""]);
    let wire = ended.sum("ingress_sent_bytes_total", &["stage=\"wire\""]);
    assert!(raw > 2.0 * wire && wire > 0.0, "{raw} {wire}");
    assert!(ended.sum("dead_letter_bytes", &[]) > 0.0);
    program.terminate().await;
    let counts = program.ended().await.summary();
    assert_eq!(counts["received"], 6012);
}

#[tokio::test(start_paused = true)]
async fn counters_go_on_when_an_org_is_opened_again() {
    let scene = Scene::of(["acme", "quiet"]);
    let [acme, _] = &scene.orgs[..] else {
        unreachable!()
    };
    let mut before = Samples::default();
    let mut reopened = 0;
    scene
        .run(async {
            for round in 0..3 {
                // The events of a run that a refused token ends.
                scene.events(acme, 30).await;
                let token = format!("00-{round}");
                acme.simulator.replace_token(token.clone());
                let mut was_down = false;
                for second in 0..1000 {
                    let samples = scene.samples().await;
                    samples.assert_follows(&before);
                    let runs = samples.get("running", &["org=\"acme\""]);
                    was_down |= runs == Some(0.0);
                    reopened += u32::from(was_down && runs == Some(1.0));
                    was_down &= runs == Some(0.0);
                    before = samples;
                    if second == 100 {
                        acme.write_token(&token);
                    }
                    sleep(Duration::from_secs(1)).await;
                }
            }
        })
        .await;
    assert!(reopened >= 3, "{reopened}");
    assert_eq!(
        before.sum("events_total", &["org=\"acme\"", DELIVERED[0]]),
        90.0
    );
    assert_eq!(before.sum("events_total", &["org=\"quiet\""]), 0.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn endpoint_counts_its_answers_and_what_it_holds() {
    let harness = http::Harness::new().await;
    let folder = harness.folder.path();
    let flags = ["--name", "acme"];
    let variables = harness.variables();
    let program = Program::start("eventbridge_http", folder, &variables, &flags).await;
    let endpoint = program.endpoint().await;
    let events = fresh(20);
    let envelopes = events.iter().map(|event| http::envelope(&event.json));
    let url = format!("http://{endpoint}/aws/event-bridge");
    let key = Authorization::api_key("x-amz-event-bridge-access-key", TOKEN);
    let destination = ApiDestination::builder(url.parse().unwrap()).authorization(key);
    let report = destination.build().invoke_all(envelopes).await;
    assert_eq!(report.undelivered.len(), 0);
    let refused = ask(endpoint, "POST /aws/event-bridge").await;
    assert_eq!(refused.status, 401, "without a key");
    let samples = program
        .until(|samples| samples.sum("events_total", DELIVERED) == 20.0)
        .await;
    let labels = |status| ["org=\"acme\"", "source=\"eventbridge\"", status];
    let answered = |status| samples.get("receiver_requests_total", &labels(status));
    assert_eq!(answered("status=\"200\""), Some(20.0));
    assert_eq!(answered("status=\"401\""), Some(1.0));
    assert_eq!(answered("status=\"503\""), Some(0.0));
    assert_eq!(samples.sum("queue_bytes", &[]), 0.0);
    assert_eq!(
        samples.sum("queue_capacity_bytes", &[]),
        f64::from(256 << 20)
    );
    assert!(samples.get("receiver_connections", &[]).is_some());
    program.terminate().await;
    let ended = program.ended().await;
    assert_eq!(ended.code, Some(0));
    assert_logged("EventBridge's key is wrong", &ended.stderr);
}
