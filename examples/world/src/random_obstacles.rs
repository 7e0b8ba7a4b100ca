//! Obstacles, odd events and broken framing, which a seed adds to its world. They are drawn apart from the rest, so that the rest of a
//! world stays as it is when one of them changes.

use std::time::Duration;

use fastrand::Rng;

use crate::fault::{Fault, Framing, Incident, NetFault, Seam};
use crate::gateway::{GatewayAnswer, GatewayBody};
use crate::obstacle::{FailureMode, Obstacle, Trigger};
use crate::plan::{Arrival, EventKind, Plan, Route};

/// Each event alone has fewer bytes than this as an entry.
const LARGER_THAN_ONE: usize = 1_800;

/// Adds what the seed says.
pub(crate) fn add_obstacles(plan: &mut Plan, seed: u64) {
    let rng = &mut Rng::with_seed(seed ^ 0x0b57_ac1e);
    if plan.route != Route::Pull && rng.u8(0..3) == 0 {
        plan.events_per_body = rng.usize(2..=4);
    }
    if rng.u8(0..4) == 0 {
        odd_events(rng, plan);
    }
    if rng.u8(0..4) == 0 {
        plan.faults.extend(broken_bodies(rng, plan));
    }
    match rng.u8(0..40) {
        0..3 => forbidden_words(rng, plan),
        3 | 4 => limit(rng, plan),
        5 | 6 => flapping(rng, plan),
        7 => slow(rng, plan),
        8 => many_forbidden(rng, plan),
        9 => many_rejected(rng, plan),
        10 if plan.route == Route::Http => unknown_age(rng, plan),
        10 => refused_key(rng, plan),
        _ => {}
    }
}

/// Some fresh events become others with the uuid of the one before, or hold a byte that is not UTF-8.
fn odd_events(rng: &mut Rng, plan: &mut Plan) {
    let has_poison = plan
        .arrivals
        .iter()
        .any(|arrival| arrival.kind == EventKind::Poison);
    for arrival in &mut plan.arrivals {
        if arrival.kind == EventKind::Fresh {
            arrival.kind = match rng.u8(0..8) {
                0 if !has_poison => EventKind::Twin,
                1 => EventKind::NotUtf8,
                _ => EventKind::Fresh,
            };
        }
    }
}

/// Bodies that are cut off: pages of Okta behind a bracket, or requests of EventBridge; and requests to the ingress without an answer.
fn broken_bodies(rng: &mut Rng, plan: &Plan) -> Vec<Fault> {
    const FRAMINGS: [Framing; 5] = [
        Framing::Whole,
        Framing::Recounted,
        Framing::Identity,
        Framing::ChunkedBefore,
        Framing::Silent,
    ];
    let framing = FRAMINGS[rng.usize(..FRAMINGS.len())];
    let (seam, fault) = match plan.route {
        Route::Pull if rng.bool() => (Seam::Okta, NetFault::Cut(framing)),
        Route::Http if rng.bool() => (Seam::Push, NetFault::HalfRequest),
        _ => (Seam::Ingress, NetFault::Silence),
    };
    let first = rng.u64(1..12);
    let has_broken = plan
        .arrivals
        .iter()
        .any(|arrival| arrival.kind == EventKind::Broken);
    let is_set_anew = plan
        .incidents()
        .any(|(_, incident)| matches!(incident, Incident::Restart(_)));
    let count = match seam {
        // A page that is cut off alike twice is believed if it is of one event, or if its last element is broken anyway.
        Seam::Okta if has_broken || is_set_anew => 1,
        Seam::Okta => rng.u64(1..=u64::from(plan.settings.page_size.min(2))),
        _ => [1, 1, 2, 4][rng.usize(..4)],
    };
    (first..first + count)
        .map(|number| Fault::Net(seam, number, fault))
        .collect()
}

/// Some fresh events hold a word that something refuses, for a while or for hours.
fn forbidden_words(rng: &mut Rng, plan: &mut Plan) {
    let most = [1, 1, 3, 7][rng.usize(..4)];
    let mut places: Vec<usize> = (0..plan.arrivals.len())
        .filter(|place| plan.arrivals[*place].kind == EventKind::Fresh)
        .collect();
    rng.shuffle(&mut places);
    for &place in places.iter().take(most) {
        plan.arrivals[place].kind = EventKind::Forbidden;
    }
    for _ in 0..[1, 1, 2][rng.usize(..3)] {
        let failure = FailureMode::ALL[rng.usize(..FailureMode::ALL.len())];
        let obstacle = Obstacle {
            trigger: Trigger::Word,
            failure,
        };
        stand(rng, plan, obstacle);
    }
}

/// Something on the way fails what is longer than so many bytes.
fn limit(rng: &mut Rng, plan: &mut Plan) {
    let obstacle = Obstacle {
        trigger: Trigger::Bytes(rng.usize(LARGER_THAN_ONE..6_000)),
        failure: FailureMode::ALL[rng.usize(..FailureMode::ALL.len())],
    };
    stand(rng, plan, obstacle);
}

/// A backend that fails now and then, whatever it gets.
fn flapping(rng: &mut Rng, plan: &mut Plan) {
    let failure = match rng.u8(0..6) {
        0 => FailureMode::Answer(GatewayAnswer::new(403, GatewayBody::Html)),
        1 => FailureMode::Answer(GatewayAnswer::new(409, GatewayBody::Empty)),
        2 => FailureMode::Answer(GatewayAnswer::new(500, GatewayBody::Json)),
        3 => FailureMode::Answer(GatewayAnswer::new(502, GatewayBody::Html)),
        4 => FailureMode::Reset,
        _ => FailureMode::ResetAfter,
    };
    let obstacle = Obstacle {
        trigger: Trigger::Chance(rng.u8(10..70)),
        failure,
    };
    stand(rng, plan, obstacle);
}

/// An ingress that takes long for each entry.
fn slow(rng: &mut Rng, plan: &mut Plan) {
    let obstacle = Obstacle {
        trigger: Trigger::Chance(100),
        failure: FailureMode::Slow(Duration::from_millis(rng.u64(500..12_000))),
    };
    stand(rng, plan, obstacle);
}

fn stand(rng: &mut Rng, plan: &mut Plan, obstacle: Obstacle) {
    let start = match rng.u8(0..3) {
        0 => Duration::from_millis(rng.u64(0..60_000)),
        _ => Duration::ZERO,
    };
    let time = Duration::from_secs([30, 600, 4 * 3600][rng.usize(..3)]);
    let time = match obstacle.trigger {
        // Those that are never dead-lettered wait for its end.
        Trigger::Word => time,
        Trigger::Bytes(_) | Trigger::Chance(_) => time.min(Duration::from_secs(1_800)),
    };
    plan.faults
        .push(Fault::At(start, Incident::Obstacle(obstacle, time)));
}

/// So many events hold the word at the same time that the endpoint must be at fault.
fn many_forbidden(rng: &mut Rng, plan: &mut Plan) {
    let share = rng.u8(40..100);
    plan.arrivals = (0..60)
        .map(|_| Arrival {
            at: Duration::ZERO,
            kind: match rng.u8(0..100) < share {
                true => EventKind::Forbidden,
                false => EventKind::Fresh,
            },
        })
        .collect();
    plan.settings.page_size = 30;
    plan.settings.max_in_flight_deliveries = 4;
    plan.settings.max_in_flight_requests = 4;
    plan.settings.max_entries = rng.usize(1..=15);
    plan.faults
        .retain(|fault| matches!(fault, Fault::Crash { .. }));
    let failure = FailureMode::ALL[rng.usize(..5)];
    let obstacle = Obstacle {
        trigger: Trigger::Word,
        failure,
    };
    let time = Duration::from_secs(1_500);
    plan.faults.push(Fault::At(
        Duration::ZERO,
        Incident::Obstacle(obstacle, time),
    ));
}

/// A key is refused while something on the way fails all that is sent, so that only checks tell.
fn refused_key(rng: &mut Rng, plan: &mut Plan) {
    let rotated = Duration::from_secs(rng.u64(5..20));
    plan.arrivals = (0..rng.u64(1..4))
        .map(|number| Arrival {
            at: rotated + Duration::from_secs(5 + number),
            kind: EventKind::Forbidden,
        })
        .collect();
    let obstacle = Obstacle {
        trigger: Trigger::Word,
        failure: FailureMode::ALL[rng.usize(..FailureMode::ALL.len())],
    };
    let time = Duration::from_secs(4 * 3600);
    plan.faults = vec![
        Fault::At(Duration::ZERO, Incident::Obstacle(obstacle, time)),
        Fault::At(rotated, Incident::RotateKey),
    ];
}

/// Events that become too old after lost answers, before the ingress has shown its clock.
fn unknown_age(rng: &mut Rng, plan: &mut Plan) {
    for arrival in &mut plan.arrivals {
        if rng.bool() {
            arrival.kind = EventKind::Ageing(rng.u8(3..40));
        }
    }
    let answers = rng.u64(4..12);
    let fault = NetFault::Status([500, 502][rng.usize(..2)]);
    plan.faults = (1..=answers)
        .map(|number| Fault::Net(Seam::Ingress, number, fault))
        .collect();
}

/// More events are rejected than may be in a row, with others between them.
fn many_rejected(rng: &mut Rng, plan: &mut Plan) {
    let kinds = [EventKind::Fresh, EventKind::Fresh, EventKind::Poison];
    let count = rng.usize(54..75);
    plan.arrivals = (0..count)
        .map(|number| Arrival {
            at: Duration::from_secs(4 * number as u64),
            kind: kinds[number % 3],
        })
        .collect();
    plan.faults.clear();
}
