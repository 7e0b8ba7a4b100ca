//! What becomes of an org that fails, in memory under injected time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use okta_coralogix_core::ErrorKind;
use okta_coralogix_core::checkpoint::FileCheckpoint;
use okta_coralogix_core::transport::{Body, Transport, TransportError};
use okta_source::simulator::{OAuthApp, OktaSimulator};
use tokio::time::sleep;

use super::supervision_harness::{KEY, Org, Scene, TOKEN, down};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// No more than 24 in any day, and the first ones after 5, 10, 20 and 40 minutes, with a fifth more of jitter at most.
fn assert_rhythm(attempts: &[Duration]) {
    println!("{} attempts", attempts.len());
    for (n, first) in attempts.iter().enumerate() {
        let day = attempts[n..].iter().take_while(|at| **at < *first + DAY);
        assert!(day.count() <= 24, "from attempt {n}");
    }
    for (pair, minutes) in attempts.windows(2).zip([5, 10, 20, 40, 60, 60]) {
        let (wait, least) = (pair[1] - pair[0], minutes * MINUTE);
        let most = least.mul_f64(1.2) + Duration::from_secs(5);
        assert!((least..=most).contains(&wait), "{wait:?} for {minutes} min");
    }
}

#[tokio::test(start_paused = true)]
async fn refused_token_is_tried_at_most_24_times_a_day() {
    let scene = Scene::of(["bad", "good"]);
    let [bad, good] = &scene.orgs[..] else {
        unreachable!()
    };
    bad.write_token("00-wrong");
    let mut uuids = Vec::new();
    let report = scene
        .run(async {
            uuids = scene.events(good, 60).await;
            scene.until(2 * DAY).await;
        })
        .await;
    assert_eq!(down(&report), [("bad", ErrorKind::Unauthorized)]);
    let attempts = bad.asked_at();
    assert!(attempts.len() >= 40, "{} attempts", attempts.len());
    assert_rhythm(&attempts);
    scene.assert_all_once(&uuids);
}

#[tokio::test(start_paused = true)]
async fn refused_client_secret_asks_for_a_token_at_most_24_times_a_day() {
    let mut scene = Scene::of(["app"]);
    scene.orgs[0].is_app = true;
    scene.orgs[0].simulator = OktaSimulator::builder()
        .oauth_app(OAuthApp::with_secret("0oa1", "good-secret"))
        .clock(Arc::clone(&scene.clock))
        .build();
    scene.orgs[0].write_token("wrong-secret");
    let report = scene.run(sleep(2 * DAY)).await;
    assert_eq!(down(&report), [("app", ErrorKind::Unauthorized)]);
    let requests = scene.orgs[0].simulator.requests();
    let is_for_token = |path: &str| path.starts_with("/oauth2/v1/token");
    assert!(requests.iter().all(|one| is_for_token(&one.path_and_query)));
    assert_rhythm(&scene.orgs[0].asked_at());
}

#[tokio::test(start_paused = true)]
async fn refused_key_is_tried_at_most_24_times_a_day_and_loses_nothing() {
    let scene = Scene::of(["acme"]);
    let org = &scene.orgs[0];
    org.write_key("wrong-key");
    let mut uuids = Vec::new();
    let report = scene
        .run(async {
            uuids = scene.events(org, 100).await;
            scene.until(20 * HOUR).await;
            let refused = scene.ingress.ledger().wrong_keys();
            println!("{refused} requests with the wrong key in 20 hours");
            // Each attempt sends at most as many requests as a pipeline has in flight.
            assert!((15..=24 * 4).contains(&refused), "{refused}");
            org.write_key(KEY);
            sleep(MINUTE).await;
        })
        .await;
    assert_eq!(down(&report), []);
    scene.assert_all_once(&uuids);
}

#[tokio::test(start_paused = true)]
async fn changed_secret_file_is_tried_within_15_seconds() {
    let scene = Scene::of(["acme"]);
    let org = &scene.orgs[0];
    org.write_token("00-wrong");
    let report = scene
        .run(async {
            for (time, token) in [(3 * HOUR, "00-torn"), (4 * HOUR, TOKEN)] {
                scene.until(time).await;
                org.write_token(token);
                scene.until(time + Duration::from_secs(16)).await;
                let asked = org.asked_at();
                assert!(asked.last().unwrap() >= &time, "{asked:?}");
            }
            org.simulator.caught_up().await;
        })
        .await;
    assert_eq!(down(&report), []);
}

#[tokio::test(start_paused = true)]
async fn secret_written_anew_with_the_same_bytes_is_not_tried() {
    let scene = Scene::of(["acme"]);
    let org = &scene.orgs[0];
    org.write_token("00-wrong");
    let report = scene
        .run(async {
            for hour in 1..20 {
                scene.until(hour * HOUR).await;
                org.write_token("00-wrong\n");
                std::fs::remove_file(&org.token).unwrap();
                sleep(MINUTE).await;
                org.write_token("00-wrong");
            }
        })
        .await;
    assert_eq!(down(&report), [("acme", ErrorKind::Unauthorized)]);
    assert_rhythm(&org.asked_at());
}

#[tokio::test(start_paused = true)]
async fn secret_file_that_appears_later_opens_the_org() {
    let scene = Scene::of(["late", "good"]);
    let [late, good] = &scene.orgs[..] else {
        unreachable!()
    };
    std::fs::remove_file(&late.token).unwrap();
    let mut uuids = Vec::new();
    let report = scene
        .run(async {
            uuids = scene.events(good, 30).await;
            uuids.extend(scene.events(late, 600).await);
            assert_eq!(late.simulator.request_count(), 0);
            late.write_token(TOKEN);
            // The waits end at a minute.
            sleep(Duration::from_secs(65)).await;
            late.simulator.caught_up().await;
            sleep(Duration::from_secs(5)).await;
        })
        .await;
    assert_eq!(down(&report), []);
    scene.assert_all_once(&uuids);
}

#[tokio::test(start_paused = true)]
async fn corrupt_checkpoint_is_held_and_never_started_anew() {
    for damage in ["one bit", "all NUL"] {
        let scene = Scene::of(["bad", "good"]);
        let [bad, good] = &scene.orgs[..] else {
            unreachable!()
        };
        let mut uuids = Vec::new();
        let report = scene
            .run(async {
                uuids = scene.events(bad, 10).await;
                sleep(MINUTE).await;
            })
            .await;
        assert_eq!(down(&report), []);
        let whole = std::fs::read(&bad.checkpoint).unwrap();
        let mut broken = whole.clone();
        match damage {
            "one bit" => broken[whole.len() / 2] ^= 4,
            _ => broken.fill(0),
        }
        std::fs::write(&bad.checkpoint, &broken).unwrap();
        let asked = bad.simulator.request_count();
        let began = scene.elapsed();
        let report = scene
            .run(async {
                uuids.extend(scene.events(bad, 10).await);
                uuids.extend(scene.events(good, 10).await);
                scene.until(began + 3 * HOUR + HOUR / 2).await;
            })
            .await;
        assert_eq!(down(&report), [("bad", ErrorKind::Corrupt)], "{damage}");
        assert_eq!(bad.simulator.request_count(), asked, "{damage}");
        assert_eq!(std::fs::read(&bad.checkpoint).unwrap(), broken, "{damage}");
        let began = scene.elapsed();
        let report = scene
            .run(async {
                scene.until(began + HOUR / 2).await;
                std::fs::write(&bad.checkpoint, &whole).unwrap();
                // It is looked at hourly.
                scene.until(began + HOUR + MINUTE).await;
            })
            .await;
        assert_eq!(down(&report), [], "{damage}");
        scene.assert_all_once(&uuids);
    }
}

/// Moves the folder of an org away, or puts an empty one in its place, and back after 2.5 s.
async fn move_away(org: &Org, leaves_empty_folder: bool) {
    let state = org.checkpoint.parent().unwrap();
    let away = state.with_extension("away");
    std::fs::rename(state, &away).unwrap();
    if leaves_empty_folder {
        std::fs::create_dir(state).unwrap();
    }
    sleep(Duration::from_millis(2500)).await;
    if leaves_empty_folder {
        std::fs::remove_dir_all(state).unwrap();
    }
    std::fs::rename(&away, state).unwrap();
}

#[tokio::test(start_paused = true)]
async fn folder_that_is_away_for_a_while_costs_no_event_and_no_repeat() {
    for leaves_empty_folder in [false, true] {
        let scene = Scene::of(["acme"]);
        let org = &scene.orgs[0];
        let mut uuids = Vec::new();
        let report = scene
            .run(async {
                let happens = async {
                    for second in [10, 20, 30] {
                        scene
                            .until(Duration::from_millis(second * 1000 + 300))
                            .await;
                        move_away(org, leaves_empty_folder).await;
                    }
                };
                (uuids, ()) = tokio::join!(scene.events(org, 60), happens);
                sleep(2 * MINUTE).await;
            })
            .await;
        assert_eq!(down(&report), []);
        scene.assert_all_once(&uuids);
        assert_eq!(report.summary.delivered, 60);
    }
}

#[tokio::test(start_paused = true)]
async fn folder_that_comes_after_the_start_opens_the_org() {
    let scene = Scene::of(["acme"]);
    let org = &scene.orgs[0];
    let mut uuids = Vec::new();
    let report = scene
        .run(async {
            move_away(org, false).await;
            uuids = scene.events(org, 10).await;
            sleep(MINUTE).await;
        })
        .await;
    assert_eq!(down(&report), []);
    scene.assert_all_once(&uuids);
}

#[tokio::test(start_paused = true)]
async fn folder_that_is_away_while_an_org_is_down_starts_nothing_anew() {
    let scene = Scene::of(["acme"]);
    let org = &scene.orgs[0];
    let mut uuids = Vec::new();
    let report = scene
        .run(async {
            uuids = scene.events(org, 10).await;
            sleep(MINUTE).await;
            // The ingress refuses the key, and the folder of the checkpoint is empty when the org is opened again.
            scene.ingress.set_key("new-key");
            uuids.extend(scene.events(org, 10).await);
            let state = org.checkpoint.parent().unwrap();
            std::fs::rename(state, state.with_extension("away")).unwrap();
            std::fs::create_dir(state).unwrap();
            org.write_key("new-key");
            sleep(MINUTE).await;
            std::fs::remove_dir_all(state).unwrap();
            std::fs::rename(state.with_extension("away"), state).unwrap();
            sleep(2 * MINUTE).await;
        })
        .await;
    assert_eq!(down(&report), []);
    scene.assert_all_once(&uuids);
}

#[tokio::test(start_paused = true)]
async fn locked_checkpoint_is_opened_once_it_is_free() {
    let scene = Scene::of(["acme"]);
    let org = &scene.orgs[0];
    let mut held = Some(FileCheckpoint::open(&org.checkpoint).await.unwrap());
    let mut uuids = Vec::new();
    let report = scene
        .run(async {
            uuids = scene.events(org, 300).await;
            assert_eq!(org.simulator.request_count(), 0);
            drop(held.take());
            sleep(2 * MINUTE).await;
        })
        .await;
    assert_eq!(down(&report), []);
    scene.assert_all_once(&uuids);
}

/// An org whose first requests meet a fault of the program.
#[derive(Debug)]
struct Panics {
    left: AtomicUsize,
    org: OktaSimulator,
}

#[async_trait]
impl Transport for Panics {
    async fn call(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        let left = self.left.fetch_sub(1, Ordering::Relaxed);
        assert!(!(1..=10).contains(&left), "a fault of the program");
        self.org.call(request).await
    }
}

#[tokio::test(start_paused = true)]
async fn fault_of_the_program_ends_no_org_for_ever() {
    let mut scene = Scene::of(["panics", "good"]);
    let transport = Panics {
        left: AtomicUsize::new(2),
        org: scene.orgs[0].simulator.clone(),
    };
    scene.orgs[0].transport = Some(Arc::new(transport));
    let [panics, good] = &scene.orgs[..] else {
        unreachable!()
    };
    let mut uuids = Vec::new();
    let report = scene
        .run(async {
            uuids = scene.events(good, 10).await;
            uuids.extend(scene.events(panics, 10).await);
            sleep(HOUR).await;
        })
        .await;
    assert_eq!(down(&report), []);
    scene.assert_all_once(&uuids);
}

#[tokio::test(start_paused = true)]
async fn refusal_with_once_ends_the_org_at_once() {
    let mut scene = Scene::of(["refused", "corrupt", "good"]);
    scene.once = Some(10 * MINUTE);
    let [refused, corrupt, good] = &scene.orgs[..] else {
        unreachable!()
    };
    refused.write_token("00-wrong");
    std::fs::write(&corrupt.checkpoint, [0; 500]).unwrap();
    let event = scene.event();
    good.simulator.append(event.json);
    let report = scene.run(std::future::pending()).await;
    assert_eq!(
        down(&report),
        [
            ("refused", ErrorKind::Unauthorized),
            ("corrupt", ErrorKind::Corrupt)
        ]
    );
    assert_eq!(refused.simulator.request_count(), 1);
    assert!(scene.elapsed() < MINUTE, "{:?}", scene.elapsed());
    scene.assert_all_once(&[event.uuid]);
}

#[tokio::test(start_paused = true)]
async fn local_fault_with_once_is_retried_until_it_gives_up() {
    let mut scene = Scene::of(["passes", "lasts"]);
    scene.once = Some(10 * MINUTE);
    for org in &scene.orgs {
        std::fs::remove_file(&org.token).unwrap();
    }
    let passes = &scene.orgs[0];
    let happens = async {
        sleep(5 * MINUTE).await;
        passes.write_token(TOKEN);
        std::future::pending().await
    };
    let report = scene.run(happens).await;
    assert_eq!(down(&report), [("lasts", ErrorKind::Config)]);
    let took = scene.elapsed();
    assert!((10 * MINUTE..11 * MINUTE).contains(&took), "{took:?}");
    assert!(passes.simulator.request_count() > 0);
}
