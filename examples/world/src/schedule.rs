//! What happens at its time: events that Okta stores, and the plan's incidents.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio::time::{Instant, sleep, sleep_until};

use crate::env::Env;
use crate::fakes::credentials::ingress_key;
use crate::fakes::push_client;
use crate::fault::{Incident, OrgBehavior};
use crate::plan::{EventKind, Route};

/// How long the program knows only the old one of two keys of EventBridge.
const ROTATION_DELAY: Duration = Duration::from_secs(60);

/// Stores every event at its time, where the route's events come from.
pub(crate) async fn store_events(env: Arc<Env>) {
    let started = Instant::now();
    for (index, event) in env.events.iter().enumerate() {
        sleep_until(started + event.at).await;
        // The time in which all must settle begins anew.
        env.faults().mark_fault(Duration::ZERO);
        env.trace(|| format!("event {index} ({:?}) is stored", event.kind));
        match env.plan.route {
            Route::Pull => env.simulators.org.append(event.text.clone()),
            Route::Sqs | Route::Http => {
                // With the last of its events.
                let body = env.bodies.iter().position(|body| body.end == index + 1);
                if let Some(number) = body {
                    push_body(&env, number);
                }
            }
        }
    }
}

fn push_body(env: &Arc<Env>, number: usize) {
    let queue = &env.simulators.queue;
    match (env.plan.route, env.plan.queue.group(number)) {
        (Route::Sqs, Some(group)) => queue.send_in_group(group, env.body(number)),
        (Route::Sqs, None) => queue.send(env.body(number)),
        _ => drop(tokio::spawn(push_client::push(Arc::clone(env), number))),
    }
}

/// Triggers every incident at its time.
pub(crate) async fn trigger_incidents(env: Arc<Env>) {
    let mut incidents: Vec<_> = env.plan.incidents().collect();
    incidents.sort_by_key(|(at, _)| *at);
    let started = Instant::now();
    for (at, incident) in incidents {
        sleep_until(started + at).await;
        env.trace(|| format!("{incident:?}"));
        env.faults().mark_incident();
        trigger(&env, incident);
    }
}

fn trigger(env: &Arc<Env>, incident: Incident) {
    let mut state = env.state();
    match incident {
        Incident::Restart(settings) => {
            state.settings = settings;
            env.sigterm.notify();
        }
        Incident::RotateKey => {
            env.faults().mark_rotation();
            state.ingress_key.current += 1;
            env.simulators
                .ingress
                .set_key(ingress_key(state.ingress_key.current));
        }
        Incident::RotateToken => {
            env.faults().mark_rotation();
            state.api_token.current += 1;
        }
        Incident::RotatePushKey => {
            state.push_key.current += 1;
            let env = Arc::clone(env);
            tokio::spawn(async move {
                sleep(ROTATION_DELAY).await;
                let mut state = env.state();
                state.push_key.configured = state.push_key.current;
                env.sigterm.notify();
            });
        }
        Incident::Clock(seconds) => {
            let wrong_by = TimeDelta::seconds(seconds);
            {
                let mut oracle = env.oracle();
                oracle.host_was_behind |= seconds < 0;
                oracle.host_was_ahead = oracle.host_was_ahead.max(wrong_by);
            }
            env.clocks.host.set_offset(wrong_by);
        }
        Incident::WriteCredentials => state.write_credentials(),
        Incident::Refusal(seam, status, time) => env.faults().begin_refusal(seam, status, time),
        Incident::Outage(seam, time) => env.faults().begin_outage(seam, time),
        Incident::Gateway(seam, answer, time) => env.faults().begin_gateway(seam, answer, time),
        Incident::Obstacle(obstacle, time) => {
            let kinds = env.plan.arrivals.iter().map(|arrival| arrival.kind);
            let forbidden = kinds.filter(|kind| *kind == EventKind::Forbidden).count();
            env.faults().begin_obstacle(obstacle, time, forbidden);
        }
        Incident::NoDescriptors(time) => env.faults().use_up_descriptors(time),
        Incident::DiskFull(time) => env.faults().fill_disk(time),
        Incident::ForgetCursors => env.simulators.org.forget_cursors(),
        Incident::ShowAll => env.simulators.queue.show_all(),
        Incident::Org(OrgBehavior::ShortPages(events)) => {
            env.simulators.org.cap_pages(Some(events));
        }
        Incident::Org(OrgBehavior::MovingLinks) => env.simulators.org.move_empty_links(true),
    }
}

/// The time of the last event or incident.
pub(crate) fn last(env: &Env) -> Duration {
    let events = env.events.iter().map(|event| event.at);
    let incidents = env.plan.incidents().map(|(at, _)| at);
    events.chain(incidents).max().unwrap_or_default()
}
