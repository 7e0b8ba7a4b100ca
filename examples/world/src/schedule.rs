//! What happens at its time: events that Okta stores, and what the plan has besides.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio::time::{Instant, sleep, sleep_until};

use crate::env::Env;
use crate::fakes::push_client;
use crate::plan::{Fault, Incident, Route};

/// How long the program knows only the old one of two keys of the door.
const ROTATION: Duration = Duration::from_secs(60);

/// Stores every event at its time, and gives it to whoever brings it to the program.
pub(crate) async fn events(env: Arc<Env>) {
    let began = Instant::now();
    for (index, event) in env.events.iter().enumerate() {
        sleep_until(began + event.at).await;
        env.mark_fault();
        env.say(|| format!("event {index} ({:?}) is stored", event.kind));
        match env.plan.route {
            Route::Pull => env.org.append(event.text.clone()),
            Route::Sqs => {
                let body = event.document.clone();
                match env.plan.queue.group(index) {
                    Some(group) => env.queue.send_in_group(group, body),
                    None => env.queue.send(body),
                }
            }
            Route::Http => drop(tokio::spawn(push_client::push(Arc::clone(&env), index))),
        }
    }
}

/// Lets everything happen that has a time, one after the other.
pub(crate) async fn incidents(env: Arc<Env>) {
    let mut all: Vec<_> = env
        .plan
        .faults
        .iter()
        .filter_map(|fault| match fault {
            Fault::At(at, incident) => Some((*at, *incident)),
            _ => None,
        })
        .collect();
    all.sort_by_key(|(at, _)| *at);
    let began = Instant::now();
    for (at, incident) in all {
        sleep_until(began + at).await;
        env.say(|| format!("{incident:?}"));
        env.mark_fault_for(Duration::from_secs(60));
        trigger(&env, incident);
    }
}

fn trigger(env: &Arc<Env>, incident: Incident) {
    let mut now = env.state();
    match incident {
        Incident::Restart(settings) => {
            now.settings = settings;
            env.stop.send();
        }
        Incident::RotateKey => {
            now.key.0 += 1;
            env.ingress.set_key(crate::env::key(now.key.0));
        }
        Incident::RotateToken => now.token.0 += 1,
        Incident::RotatePushKey => {
            now.push_key.0 += 1;
            drop(now);
            let env = Arc::clone(env);
            tokio::spawn(async move {
                sleep(ROTATION).await;
                let key = env.state().push_key.0;
                env.state().push_key.1 = key;
                env.stop.send();
            });
        }
        Incident::Clock(seconds) => {
            drop(now);
            env.oracle().host_was_behind |= seconds < 0;
            env.host_clock.set_wrong_by(TimeDelta::seconds(seconds));
        }
        Incident::Outage(seam, time) => {
            now.outages.insert(seam, Instant::now() + time);
            drop(now);
            env.mark_fault_for(time + Duration::from_secs(60));
        }
        Incident::DiskFull(time) => {
            now.disk_full_until = Instant::now() + time;
            drop(now);
            env.mark_fault_for(time + Duration::from_secs(60));
        }
        Incident::ForgetCursors => env.org.forget_cursors(),
        Incident::ShowAll => env.queue.show_all(),
    }
}

/// When the last thing has happened that has a time.
pub(crate) fn last(env: &Env) -> Duration {
    let events = env.events.iter().map(|event| event.at);
    let faults = env.plan.faults.iter().filter_map(|fault| match fault {
        Fault::At(at, _) => Some(*at),
        _ => None,
    });
    events.chain(faults).max().unwrap_or_default()
}
