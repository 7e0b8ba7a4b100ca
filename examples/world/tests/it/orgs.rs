//! Orgs that are not at fault: one that always has something new, and one whose links move on every empty page.

use std::time::Duration;

use okta_coralogix_world::{
    Arrival, EventKind, Fault, Incident, OrgBehavior, Outcome, Plan, QueueKind, Route, Settings,
    report, run,
};

/// The faults that a busy org is read through: none; or kills, a power cut, forgotten cursors, and a restart.
fn faults(seed: u64) -> Vec<Fault> {
    let at = Duration::from_secs;
    match seed % 4 {
        0 => Vec::new(),
        1 => vec![
            Fault::Crash {
                step: 40 + seed,
                power: false,
            },
            Fault::Crash {
                step: 200 + 3 * seed,
                power: true,
            },
        ],
        2 => vec![Fault::At(at(100 + seed), Incident::ForgetCursors)],
        _ => vec![
            Fault::At(at(60 + seed), Incident::Restart(Settings::default())),
            Fault::At(at(130 + seed), Incident::ForgetCursors),
        ],
    }
}

/// Five minutes of an org, read by pages of up to 1,000.
fn passes(seed: u64, arrivals: Vec<Arrival>, behavior: Option<OrgBehavior>) -> Outcome {
    let mut faults = faults(seed);
    let settings = Settings {
        page_size: 1_000,
        max_entries: 100,
        ..Settings::default()
    };
    faults.extend(behavior.map(|behavior| Fault::At(Duration::ZERO, Incident::Org(behavior))));
    let plan = Plan {
        events_per_body: 1,
        seed,
        route: Route::Pull,
        queue: QueueKind::default(),
        programs: 1,
        settings,
        max_latency: Duration::from_millis(50),
        arrivals,
        faults,
    };
    let outcome = run(&plan, false);
    assert!(outcome.violations.is_empty(), "{}", report(&plan));
    outcome
}

fn fresh(seconds: impl IntoIterator<Item = u64>) -> Vec<Arrival> {
    let arrival = |second| Arrival {
        at: Duration::from_secs(second),
        kind: EventKind::Fresh,
    };
    seconds.into_iter().map(arrival).collect()
}

#[test]
fn org_with_one_to_five_new_events_is_read_by_each_poll() {
    for seed in 0..40 {
        // One in 6 to 28 seconds: one to five in each poll interval.
        let arrivals = fresh((0..300).step_by(6 + seed as usize % 23));
        passes(seed, arrivals.clone(), None);
        passes(
            seed,
            arrivals,
            Some(OrgBehavior::ShortPages(1 + seed as usize % 3)),
        );
    }
}

#[test]
fn org_whose_link_moves_on_every_empty_page_loses_nothing() {
    for seed in 0..40 {
        let arrivals = fresh((0..300).step_by(20 + 7 * (seed as usize % 9)));
        passes(seed, arrivals, Some(OrgBehavior::MovingLinks));
    }
}

#[test]
fn org_that_gives_short_pages_is_read_to_its_end() {
    for seed in 0..40 {
        // A backlog of old events, which each page has a few of.
        let arrivals = (0..40).map(|number| Arrival {
            at: Duration::from_secs(number / 20 * 200),
            kind: if number % 3 == 0 {
                EventKind::Old
            } else {
                EventKind::Fresh
            },
        });
        let cap = 1 + seed as usize % 7;
        passes(seed, arrivals.collect(), Some(OrgBehavior::ShortPages(cap)));
    }
}
