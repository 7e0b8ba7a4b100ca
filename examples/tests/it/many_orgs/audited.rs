//! Orgs that are audited beside their delivery, in memory under injected time.

use std::time::Duration;

use coralogix_sink::simulator::{Fault, QueryFault};
use okta_coralogix_core::Clock as _;
use okta_coralogix_examples::audit::ContinuousSettings;
use tokio::time::sleep;

use super::supervision_harness::{KEY, Scene};

const HOUR: Duration = Duration::from_secs(3600);

fn audited<const N: usize>(names: [&str; N]) -> Scene {
    let mut scene = Scene::of(names);
    scene.audit = Some(ContinuousSettings::new(HOUR, HOUR));
    scene
}

/// What is on its way is not missing: time counts once it was delivered the delay ago.
#[tokio::test(start_paused = true)]
async fn backlog_of_an_org_is_audited_once_it_is_delivered() {
    let scene = audited(["acme"]);
    let org = &scene.orgs[0];
    org.write_key("wrong-key");
    let mut uuids = Vec::new();
    let report = scene
        .run(async {
            let began = scene.clock.now().timestamp() as f64;
            uuids = scene.events(org, 30).await;
            sleep(5 * HOUR).await;
            // Five hours old, and not there: Coralogix has refused the key.
            let samples = scene.samples().await;
            let through = samples.sum("audit_verified_through_timestamp_seconds", &[]);
            assert!(through <= began, "{through}");
            assert_eq!(rounds(&scene, "acme").await[1], 0.0);
            org.write_key(KEY);
            sleep(3 * HOUR).await;
            let [complete, differences] = rounds(&scene, "acme").await;
            assert!(
                complete >= 1.0 && differences == 0.0,
                "{complete} {differences}"
            );
        })
        .await;
    assert_eq!(report.failed.len(), 0, "{report:?}");
    scene.assert_all_once(&uuids);
}

/// The rounds of an org that were complete, and those with differences.
async fn rounds(scene: &Scene, org: &str) -> [f64; 2] {
    let samples = scene.samples().await;
    let org = format!("org=\"{org}\"");
    ["complete", "differences"].map(|outcome| {
        let outcome = format!("outcome=\"{outcome}\"");
        samples.sum("audit_rounds_total", &[&org, &outcome])
    })
}

/// A fault of the queries is none of the delivery, and one org's is none of another.
#[tokio::test(start_paused = true)]
async fn queries_that_fail_do_not_disturb_the_delivery_of_any_org() {
    let scene = audited(["one", "two"]);
    scene
        .ingress
        .fail_all_queries(Some(QueryFault::Http(Fault::status(503))));
    let mut uuids = Vec::new();
    let report = scene
        .run(async {
            for _ in 0..10 {
                for org in &scene.orgs {
                    uuids.extend(scene.events(org, 5).await);
                }
                sleep(HOUR / 2).await;
            }
            let samples = scene.samples().await;
            for org in ["org=\"one\"", "org=\"two\""] {
                let failed = samples.sum("audit_rounds_total", &[org, "outcome=\"failed\""]);
                assert!((3.0..=6.0).contains(&failed), "{org}: {failed}");
            }
            scene.ingress.fail_all_queries(None);
            sleep(2 * HOUR).await;
            let samples = scene.samples().await;
            for org in ["one", "two"] {
                // The logs of both are under one name here, so that those of the other are foreign.
                let [_, differences] = rounds(&scene, org).await;
                assert!(differences >= 1.0, "{org}: {differences}");
                let org = format!("org=\"{org}\"");
                let missing = samples.sum("audit_events_total", &[&org, "result=\"missing\""]);
                assert_eq!(missing, 0.0, "{org}");
            }
        })
        .await;
    assert_eq!(report.failed.len(), 0, "{report:?}");
    scene.assert_all_once(&uuids);
}
