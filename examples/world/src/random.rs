//! A random world, made of a seed.

use std::time::Duration;

use fastrand::Rng;

use crate::fault::{DiskFault, Fault, Incident, NetFault, OrgBehavior, Seam};
use crate::gateway::{GatewayAnswer, GatewayBody, GatewayHeader};
use crate::plan::{Arrival, EventKind, Plan, QueueKind, Route, Settings};
use crate::random_obstacles::add_obstacles;

/// The plan of a seed.
#[must_use]
pub fn world(seed: u64) -> Plan {
    let mut plan = plain_world(seed);
    add_obstacles(&mut plan, seed);
    plan
}

/// The same without obstacles, odd events and broken bodies.
#[must_use]
pub fn plain_world(seed: u64) -> Plan {
    let rng = &mut Rng::with_seed(seed);
    let route = match rng.u8(0..4) {
        0 => Route::Http,
        1 => Route::Sqs,
        _ => Route::Pull,
    };
    let programs = match route {
        Route::Sqs => rng.usize(1..=3),
        _ => 1,
    };
    let latencies: &[u64] = match route {
        Route::Http => &[2, 50, 400],
        _ => &[2, 50, 400, 2_500],
    };
    let settings = settings(rng);
    // In some worlds half of the events expire on their way.
    let ageing = rng.u8(0..10) == 0;
    let arrivals = arrivals(rng, ageing);
    let last = arrivals.last().map_or(Duration::ZERO, |arrival| arrival.at);
    let count = [0, 1, 1, 2, 2, 3, 4, 6, 9][rng.usize(..9)];
    let mut faults: Vec<_> = (0..count)
        .map(|_| fault(rng, route, programs, settings, last))
        .collect();
    keep_one_refusal(&mut faults);
    faults.extend(interceptions(
        &mut Rng::with_seed(seed ^ 0x6a7e_3a91),
        route,
        last,
    ));
    if route == Route::Http && rng.u8(0..6) == 0 {
        faults.extend(unknown_clock(rng));
    }
    faults.extend(org_behavior(&mut Rng::with_seed(seed ^ 0x09_ba6e), route));
    Plan {
        seed: rng.u64(..),
        route,
        queue: queue(&mut Rng::with_seed(seed ^ 0x51_5f1f0)),
        programs,
        events_per_body: 1,
        settings,
        max_latency: Duration::from_millis(latencies[rng.usize(..latencies.len())]),
        arrivals,
        faults,
    }
}

/// Keeps one refusal of entries by a proxy: the program has to believe a second one.
fn keep_one_refusal(faults: &mut [Fault]) {
    let refusals = faults.iter_mut().filter_map(|fault| match fault {
        Fault::Net(_, _, NetFault::Status(status)) => Some(status),
        _ => None,
    });
    let refusals = refusals.filter(|status| matches!(status, 400 | 422));
    for status in refusals.skip(1) {
        *status = 503;
    }
}

/// How the org gives its log, in a third of the worlds that read it.
fn org_behavior(rng: &mut Rng, route: Route) -> Option<Fault> {
    let behavior = match rng.u8(0..6) {
        0 => OrgBehavior::MovingLinks,
        1 => OrgBehavior::ShortPages(rng.usize(1..4)),
        _ => return None,
    };
    (route == Route::Pull).then_some(Fault::At(Duration::ZERO, Incident::Org(behavior)))
}

fn queue(rng: &mut Rng) -> QueueKind {
    QueueKind {
        fifo: rng.bool(),
        max_receives: (rng.u8(0..4) == 0).then(|| rng.u32(3..12)),
    }
}

fn settings(rng: &mut Rng) -> Settings {
    Settings {
        page_size: rng.u16(1..=6),
        max_in_flight_deliveries: rng.usize(1..=4),
        max_in_flight_requests: rng.usize(1..=4),
        max_entries: rng.usize(1..=6),
        gzip: rng.bool(),
        filter: rng.u8(0..3) == 0,
        drain_timeout: Duration::from_secs([2, 20][rng.usize(..2)]),
    }
}

/// Events in a few bursts.
fn arrivals(rng: &mut Rng, ageing: bool) -> Vec<Arrival> {
    let mut arrivals = Vec::new();
    let mut at = Duration::ZERO;
    // The program takes many bad entries in a row for an endpoint that refuses everything.
    let mut poison = 0;
    for _ in 0..rng.usize(1..=4) {
        for _ in 0..rng.usize(1..=12) {
            let kind = match rng.u8(0..100) {
                50.. if ageing => EventKind::Ageing(rng.u8(1..60)),
                0..4 => EventKind::Old,
                4..7 => EventKind::Ageing(rng.u8(1..120)),
                7..13 => EventKind::Noise,
                13..16 => EventKind::NoTime,
                16..18 => EventKind::Broken,
                18..21 => EventKind::NoUuid,
                21..23 => EventKind::Oversized,
                23..25 if poison < 2 => {
                    poison += 1;
                    EventKind::Poison
                }
                25..32 if poison == 0 => EventKind::Duplicate,
                _ => EventKind::Fresh,
            };
            arrivals.push(Arrival { at, kind });
            if rng.u8(0..4) == 0 {
                at += Duration::from_millis(rng.u64(1..3_000));
            }
        }
        at += Duration::from_millis(rng.u64(1..60_000));
    }
    arrivals
}

fn fault(
    rng: &mut Rng,
    route: Route,
    programs: usize,
    settings: Settings,
    last: Duration,
) -> Fault {
    match rng.u8(0..20) {
        0..7 => Fault::Crash {
            step: rng.u64(1..500),
            // All programs run on one machine.
            power: programs == 1 && rng.bool(),
        },
        7..13 => {
            let seams = route.seams();
            let seam = seams[rng.usize(..seams.len())];
            let max = [8, 40][rng.usize(..2)];
            let number = rng.u64(1..max);
            Fault::Net(seam, number, net_fault(rng, seam))
        }
        13..16 => {
            let fault = match rng.u8(0..5) {
                0 => DiskFault::Full,
                1 => DiskFault::ReadOnly,
                2 => DiskFault::Fails,
                3 => DiskFault::FailsAfter,
                _ => DiskFault::Slow(Duration::from_secs(rng.u64(1..60))),
            };
            Fault::Disk(rng.u64(1..80), fault)
        }
        _ => {
            let at = rng.u64(0..last.as_millis() as u64 + 20_000);
            Fault::At(Duration::from_millis(at), incident(rng, route, settings))
        }
    }
}

/// In every other world: gateways that answer in the place of Okta or of the ingress, credentials that these refuse for a while or that the
/// operator changes without a restart, and files that cannot be opened.
fn interceptions(rng: &mut Rng, route: Route, last: Duration) -> Vec<Fault> {
    let count = [0, 0, 0, 0, 1, 1, 2, 4][rng.usize(..8)];
    let mut faults = Vec::new();
    for _ in 0..count {
        let at = Duration::from_millis(rng.u64(0..last.as_millis() as u64 + 20_000));
        // Some last longer than the program waits for a remote that has accepted nothing.
        let max = [5_000, 90_000, 90_000, 700_000][rng.usize(..4)];
        let time = Duration::from_millis(rng.u64(1..max));
        let seam = match route {
            Route::Pull if rng.bool() => Seam::Okta,
            _ => Seam::Ingress,
        };
        // From the start, so that nothing was accepted before.
        let start = match rng.u8(0..3) {
            0 => Duration::ZERO,
            _ => at,
        };
        match rng.u8(0..10) {
            0..4 => {
                let max = [4, 30][rng.usize(..2)];
                let first = rng.u64(1..max);
                let answer = gateway_answer(rng, seam, true);
                // One, or a few in a row.
                let numbers = first..first + [1, 1, 3, 8][rng.usize(..4)];
                faults.extend(
                    numbers.map(|number| Fault::Net(seam, number, NetFault::Gateway(answer))),
                );
            }
            4 | 5 => {
                let answer = gateway_answer(rng, seam, false);
                faults.push(Fault::At(start, Incident::Gateway(seam, answer, time)));
            }
            6 | 7 => {
                let status = [401, 403][rng.usize(..2)];
                if seam == Seam::Okta && rng.bool() {
                    // While the ingress cannot be reached: what was read before is in flight when Okta refuses once more.
                    let out = time + Duration::from_secs(90);
                    let answer = gateway_answer(rng, Seam::Ingress, false);
                    let gateway = Incident::Gateway(Seam::Ingress, answer, out);
                    faults.push(Fault::At(at, gateway));
                    let later = at + Duration::from_secs(rng.u64(1..40));
                    let refusal = Incident::Refusal(seam, status, out);
                    faults.push(Fault::At(later, refusal));
                } else {
                    faults.push(Fault::At(start, Incident::Refusal(seam, status, time)));
                }
            }
            8 => {
                let rotated = match seam {
                    Seam::Okta => Incident::RotateToken,
                    _ => Incident::RotateKey,
                };
                faults.push(Fault::At(at, rotated));
                let written = at + time.min(Duration::from_secs(90));
                faults.push(Fault::At(written, Incident::WriteCredentials));
            }
            _ if rng.bool() => faults.push(Fault::Disk(rng.u64(1..80), DiskFault::NoDescriptor)),
            _ => faults.push(Fault::At(at, Incident::NoDescriptors(time))),
        }
    }
    faults
}

/// An answer of a gateway at Okta or the ingress. `once`: also one that the program has to believe if it lasts: that a request is too
/// large, or what looks like a refusal of the ingress.
fn gateway_answer(rng: &mut Rng, seam: Seam, once: bool) -> GatewayAnswer {
    const PAGES: [u16; 9] = [200, 400, 401, 403, 404, 405, 406, 410, 422];
    const FOREIGN: [u16; 9] = [301, 302, 307, 407, 411, 415, 421, 451, 511];
    const ODD: [u16; 4] = [203, 205, 206, 207];
    let page = [GatewayBody::Html, GatewayBody::Xhtml][rng.usize(..2)];
    let plain = [GatewayBody::Empty, GatewayBody::Json][rng.usize(..2)];
    let answer = match rng.u8(0..12) {
        0..4 => GatewayAnswer::new(PAGES[rng.usize(..PAGES.len())], page),
        4 | 5 => GatewayAnswer::new(
            FOREIGN[rng.usize(..FOREIGN.len())],
            [plain, page][rng.usize(..2)],
        ),
        6 | 7 => GatewayAnswer::new(ODD[rng.usize(..ODD.len())], plain),
        8 => GatewayAnswer::new(200, GatewayBody::JsonError),
        9 if seam == Seam::Okta || once => {
            GatewayAnswer::new([401, 403, 404][rng.usize(..3)], plain)
        }
        10 => GatewayAnswer::new(429, page),
        _ => GatewayAnswer::new([402, 418, 503][rng.usize(..3)], plain),
    };
    let header = match rng.u8(0..8) {
        0 | 1 => GatewayHeader::Date([-2, 2][rng.usize(..2)] * 24 * 3600),
        2 => GatewayHeader::RateLimit,
        3 => GatewayHeader::RetryAfter([-5, 0, 1, 30, 1_000_000_000][rng.usize(..5)]),
        4 => GatewayHeader::RetryAfterPast,
        _ => GatewayHeader::Silent,
    };
    let mut answer = answer.with(header);
    answer.passes_on = matches!(answer.status, 200..=299) && rng.bool();
    answer.spares_checks = rng.u8(0..4) == 0;
    answer
}

/// Sets the host's clock about a day ahead before the program knows the ingress's clock.
fn unknown_clock(rng: &mut Rng) -> Vec<Fault> {
    let ahead = [rng.i64(86_300..86_400), 2 * 24 * 3600][rng.usize(..2)];
    let mut faults = vec![Fault::At(
        Duration::from_millis(rng.u64(0..10_000)),
        Incident::Clock(ahead),
    )];
    if rng.bool() {
        let out = Duration::from_millis(rng.u64(1..90_000));
        faults.push(Fault::At(
            Duration::ZERO,
            Incident::Outage(Seam::Ingress, out),
        ));
    } else {
        let answers = rng.u64(1..6);
        faults.extend((1..=answers).map(|number| {
            let status = [502, 503][rng.usize(..2)];
            Fault::Net(Seam::Ingress, number, NetFault::Status(status))
        }));
    }
    faults
}

fn net_fault(rng: &mut Rng, seam: Seam) -> NetFault {
    let some = Duration::from_millis(rng.u64(1..40_000));
    match rng.u8(0..11) {
        0 => NetFault::Delay(some),
        1 => NetFault::Refused,
        2 => NetFault::ResetBefore,
        3 | 4 => NetFault::ResetAfter,
        5 => NetFault::HalfBody,
        6 => NetFault::Stalled,
        7 => NetFault::Duplicated,
        8 => NetFault::Late(some),
        9 if seam != Seam::Push => NetFault::Gateway(GatewayAnswer::SIGN_IN_PAGE),
        10 if seam == Seam::Ingress && rng.bool() => {
            NetFault::Status([400, 403, 404, 413, 422][rng.usize(..5)])
        }
        // EventBridge does not retry a 408.
        _ if seam == Seam::Push => NetFault::Status([429, 500, 502, 503, 504][rng.usize(..5)]),
        _ => NetFault::Status([408, 429, 500, 502, 503, 504][rng.usize(..6)]),
    }
}

fn incident(rng: &mut Rng, route: Route, before: Settings) -> Incident {
    let some = Duration::from_millis(rng.u64(1..90_000));
    let seams = route.seams();
    match rng.u8(0..10) {
        0 | 1 => Incident::Restart(settings(rng)),
        2 => Incident::Restart(Settings {
            filter: !before.filter,
            ..before
        }),
        3 => Incident::RotateKey,
        4 if route == Route::Pull => Incident::RotateToken,
        4 if route == Route::Http => Incident::RotatePushKey,
        5 if route == Route::Pull => Incident::ForgetCursors,
        5 if route == Route::Sqs => Incident::ShowAll,
        6 => Incident::DiskFull(some),
        7 | 8 => {
            let day = 24 * 3600;
            let by = [2 * day, -2 * day, day + 60, 3600, -3600, 200, -200, 0];
            Incident::Clock(by[rng.usize(..by.len())])
        }
        _ => Incident::Outage(seams[rng.usize(..seams.len())], some),
    }
}
