//! What happens at its time: events that Okta stores, and what the plan has besides.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio::time::{Instant, sleep, sleep_until};

use crate::door;
use crate::plan::{Happening, Route, Trouble};
use crate::scene::Scene;

/// How long the program knows only the old one of two keys of the door.
const ROTATION: Duration = Duration::from_secs(60);

/// Stores every event at its time, and gives it to whoever brings it to the program.
pub(crate) async fn events(scene: Arc<Scene>) {
    let began = Instant::now();
    for (place, event) in scene.events.iter().enumerate() {
        sleep_until(began + event.at).await;
        scene.trouble();
        scene.say(|| format!("event {place} ({:?}) is stored", event.kind));
        match scene.plan.route {
            Route::Pull => scene.org.append(event.text.clone()),
            Route::Sqs => {
                let body = event.document.clone();
                match scene.plan.queue.group(place) {
                    Some(group) => scene.queue.send_in_group(group, body),
                    None => scene.queue.send(body),
                }
            }
            Route::Http => drop(tokio::spawn(door::bring(Arc::clone(&scene), place))),
        }
    }
}

/// Lets everything happen that has a time, one after the other.
pub(crate) async fn happenings(scene: Arc<Scene>) {
    let mut all: Vec<_> = scene
        .plan
        .troubles
        .iter()
        .filter_map(|trouble| match trouble {
            Trouble::At(at, happening) => Some((*at, *happening)),
            _ => None,
        })
        .collect();
    all.sort_by_key(|(at, _)| *at);
    let began = Instant::now();
    for (at, happening) in all {
        sleep_until(began + at).await;
        scene.say(|| format!("{happening:?}"));
        scene.trouble_for(Duration::from_secs(60));
        happen(&scene, happening);
    }
}

fn happen(scene: &Arc<Scene>, happening: Happening) {
    let mut now = scene.now();
    match happening {
        Happening::Restart(settings) => {
            now.settings = settings;
            scene.stop.send();
        }
        Happening::RotateKey => {
            now.key.0 += 1;
            scene.ingress.set_key(crate::scene::key(now.key.0));
        }
        Happening::RotateToken => now.token.0 += 1,
        Happening::RotateDoorKey => {
            now.door_key.0 += 1;
            drop(now);
            let scene = Arc::clone(scene);
            tokio::spawn(async move {
                sleep(ROTATION).await;
                let key = scene.now().door_key.0;
                scene.now().door_key.1 = key;
                scene.stop.send();
            });
        }
        Happening::Clock(seconds) => {
            drop(now);
            scene.book().host_was_behind |= seconds < 0;
            scene.host.set_wrong_by(TimeDelta::seconds(seconds));
        }
        Happening::Outage(seam, time) => {
            now.outages.insert(seam, Instant::now() + time);
            drop(now);
            scene.trouble_for(time + Duration::from_secs(60));
        }
        Happening::DiskFull(time) => {
            now.disk_full_until = Instant::now() + time;
            drop(now);
            scene.trouble_for(time + Duration::from_secs(60));
        }
        Happening::ForgetCursors => scene.org.forget_cursors(),
        Happening::ShowAll => scene.queue.show_all(),
    }
}

/// When the last thing has happened that has a time.
pub(crate) fn last(scene: &Scene) -> Duration {
    let events = scene.events.iter().map(|event| event.at);
    let troubles = scene
        .plan
        .troubles
        .iter()
        .filter_map(|trouble| match trouble {
            Trouble::At(at, _) => Some(*at),
            _ => None,
        });
    events.chain(troubles).max().unwrap_or_default()
}
