//! What a round may send again, and when.

use std::path::PathBuf;

use coralogix_sink::CoralogixSink;
use coralogix_sink::simulator::Priority;
use okta_coralogix_core::dead_letter::{
    DeadLetter, DeadLetterReason, DeadLetterTarget, DeadLetters, FileDeadLetters,
};
use okta_coralogix_core::testing::MemoryDeadLetters;
use okta_coralogix_core::{CoralogixMapping, Origin};

use super::*;
use crate::audit::continuous::visibility::Visibility;
use crate::audit::killed::{Killed, Steps};

impl World {
    /// An audit that refills, with what was measured before.
    fn refilling(&self, steps: &Steps) -> AuditorParts {
        let disk: Arc<dyn Disk> = Arc::new(Killed(OsDisk, steps.clone()));
        let mut parts = self.parts(Arc::clone(&disk));
        let sink = CoralogixSink::builder()
            .endpoint("https://ingress.eu2.coralogix.com")
            .api_key(self.account.key())
            .transport(Killed(self.account.clone(), steps.clone()))
            .build()
            .unwrap();
        let mapping = CoralogixMapping::builder().subsystem("acme").build();
        let sides = AuditSides {
            refill: Some(RefillSides {
                sink: Arc::new(sink),
                mapping: Arc::new(mapping.unwrap()),
            }),
            ..self.sides()
        };
        parts.connect = Arc::new(move || Ok(sides.clone()));
        let refill = RefillParts {
            integration: "acme".into(),
            ledger: self.folder.path().join("ledger"),
            marker: self.marker(),
            disk,
            dead_letters: Arc::new(MemoryDeadLetters::default()),
            options: Default::default(),
            reread_every: TimeDelta::zero(),
        };
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        parts.refill = Some((refill, Sampler::new(clock)));
        parts
    }

    fn marker(&self) -> PathBuf {
        self.folder.path().join("okta.audit.json.refill-stopped")
    }

    /// The state of an audit that knows how long a log takes until it is found.
    fn measured(&self) {
        let mut record = Record::new(
            "https://acme.okta.com",
            Ranges::beginning(noon() - TimeDelta::hours(2)),
        );
        record.visibility = Visibility::of_a_clean_day();
        self.keep("okta.audit.json", &record);
    }

    /// How often each lost event has arrived.
    fn arrivals(&self, lost: impl IntoIterator<Item = usize>) -> Vec<usize> {
        let ledger = self.account.ledger();
        let counts = ledger.count_by_id();
        let arrived = |event: usize| counts.get(&*self.events[event].uuid).copied();
        lost.into_iter()
            .map(|event| arrived(event).unwrap_or_default())
            .collect()
    }
}

/// 11:10 to 11:20.
fn lost(minute: i64) -> bool {
    (670..680).contains(&minute)
}

const LOST: std::ops::Range<usize> = 670..680;

#[tokio::test(start_paused = true)]
async fn nothing_is_refilled_before_the_time_until_a_log_is_found_is_measured() {
    let world = World::new(lost);
    let _audit = Auditor::start(world.refilling(&Steps::allow(usize::MAX)));
    sleep(3 * HOUR).await;
    assert_eq!(world.found(), [10, 0, 0]);
    assert_eq!(world.arrivals(LOST), [0; 10]);
}

/// Okta stores an event late, and the pipeline reads it only after the round.
#[tokio::test(start_paused = true)]
async fn event_that_is_delivered_behind_the_round_is_not_refilled() {
    let world = World::new(lost);
    world.measured();
    let _audit = Auditor::start(world.refilling(&Steps::allow(usize::MAX)));
    sleep(HOUR + 10 * MINUTE).await;
    assert_eq!(world.found(), [10, 0, 0]);
    let late = (670..679).map(|event| {
        let uuid = &world.events[event as usize].uuid;
        (EventId::new(uuid), minute(event))
    });
    world.account.store_events("okta", "acme", late);
    sleep(6 * HOUR).await;
    // One is missing still.
    assert_eq!(world.arrivals(LOST), [0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
}

/// A refill that sends nothing does not hold up the next one, and what it could not send is sent by that.
#[tokio::test(start_paused = true)]
async fn events_of_a_refill_that_cannot_send_are_sent_by_the_next() {
    let world = World::new(lost);
    world.measured();
    let ledger = world.folder.path().join("ledger.lock");
    let lock = OsDisk.lock(&ledger, Duration::ZERO).await.unwrap().unwrap();
    let _audit = Auditor::start(world.refilling(&Steps::allow(usize::MAX)));
    sleep(4 * HOUR).await;
    assert_eq!(
        (world.found(), world.arrivals(LOST)),
        ([10, 0, 0], vec![0; 10])
    );
    drop(lock);
    sleep(HOUR).await;
    assert_eq!(world.arrivals(LOST), [1; 10]);
}

/// Two integrations of one org have the same events, and one file of dead letters.
#[tokio::test(start_paused = true)]
async fn letters_of_another_integration_keep_no_event_from_the_refill() {
    let world = World::new(lost);
    world.measured();
    let path = world.folder.path().join("letters");
    let letters = FileDeadLetters::open(&path).await.unwrap();
    let written = LOST.map(|event| {
        let mut letter = DeadLetter::new(
            noon(),
            DeadLetterReason::Rejected,
            "",
            Arc::new(Origin::org("acme")),
            world.events[event].json.clone(),
        );
        let integration = if event < 675 { "other" } else { "acme" };
        letter.target = Some(DeadLetterTarget::integration(integration));
        letter
    });
    let written: Vec<_> = written.collect();
    letters.write(&written).await.unwrap();
    let mut parts = world.refilling(&Steps::allow(usize::MAX));
    parts.options.dead_letters = Some(path);
    parts.options.integration = Some("acme".into());
    let _audit = Auditor::start(parts);
    sleep(3 * HOUR).await;
    assert_eq!(world.found(), [10, 0, 0]);
    assert_eq!(world.arrivals(LOST), [1, 1, 1, 1, 1, 0, 0, 0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn loss_is_refilled_once_it_is_measured_and_the_next_look_finds_it() {
    let world = World::new(|minute| lost(minute) || (800..805).contains(&minute));
    world.measured();
    let audit = Auditor::start(world.refilling(&Steps::allow(usize::MAX)));
    sleep(3 * HOUR).await;
    assert_eq!(
        (world.found(), world.arrivals(LOST)),
        ([10, 0, 0], vec![1; 10])
    );
    sleep(3 * HOUR).await;
    // The first one was seen, so that the second loss is sent too.
    assert_eq!(
        (world.found(), world.arrivals(800..805)),
        ([15, 0, 0], vec![1; 5])
    );
    assert!(!world.marker().exists());
    drop(audit);
    let _audit = Auditor::start(world.refilling(&Steps::allow(usize::MAX)));
    sleep(3 * HOUR).await;
    assert_eq!(world.arrivals(LOST), [1; 10]);
}

#[tokio::test(start_paused = true)]
async fn refill_that_does_not_become_visible_stops_refills_until_a_person_acts() {
    let world = World::new(|minute| lost(minute) || minute == 850 || minute == 1_100);
    world.measured();
    // Coralogix accepts what it does not store.
    world.account.set_policy(|_, _, _| Priority::Block);
    let audit = Auditor::start(world.refilling(&Steps::allow(usize::MAX)));
    sleep(5 * HOUR).await;
    assert_eq!(world.arrivals(LOST), [1; 10]);
    let text = std::fs::read_to_string(world.marker()).unwrap();
    assert!(text.starts_with("0 of 10 events"), "{text}");
    assert!(text.contains("remove this file"), "{text}");
    assert!(world.figures.is_refill_stopped());
    drop(audit);
    // Over a restart, too.
    let _audit = Auditor::start(world.refilling(&Steps::allow(usize::MAX)));
    sleep(3 * HOUR).await;
    assert_eq!(world.found(), [11, 0, 0]);
    assert_eq!(world.arrivals([850]), [0]);
    std::fs::remove_file(world.marker()).unwrap();
    world.account.set_policy(|_, _, _| Priority::High);
    sleep(5 * HOUR).await;
    assert_eq!(world.arrivals([1_100]), [1]);
    assert!(!world.figures.is_refill_stopped());
    assert_eq!(world.arrivals(LOST), [1; 10], "none a second time");
}

#[tokio::test(start_paused = true)]
async fn kill_at_every_step_of_a_round_refills_no_event_twice() {
    let mut kills = 0;
    for steps in 0.. {
        let world = World::new(lost);
        world.measured();
        let allowed = Steps::allow(steps);
        let audit = Auditor::start(world.refilling(&allowed));
        let is_killed = tokio::select! {
            biased;
            () = allowed.killed() => true,
            () = sleep(2 * HOUR + HOUR / 2) => false,
        };
        drop(audit);
        let _audit = Auditor::start(world.refilling(&Steps::allow(usize::MAX)));
        sleep(4 * HOUR).await;
        let arrivals = world.arrivals(LOST);
        assert!(
            arrivals.iter().all(|times| *times <= 1),
            "killed at step {steps}: {arrivals:?}"
        );
        // What arrived before the kill is found by the round that is repeated.
        let is_found = world.found()[0] >= 10 || arrivals == [1; 10];
        assert!(is_found, "killed at step {steps}: {arrivals:?}");
        if !is_killed {
            assert_eq!(arrivals, [1; 10]);
            break;
        }
        kills += 1;
    }
    assert!(kills > 20, "{kills}");
}

#[tokio::test(start_paused = true)]
async fn time_until_a_log_is_found_is_measured_from_its_acceptance() {
    use okta_coralogix_core::testing::MemorySource;

    let world = World::new(|_| false);
    world
        .account
        .set_query_account(|account| account.visible_after = 10 * MINUTE);
    let parts = world.refilling(&Steps::allow(usize::MAX));
    let (state, sampler) = (parts.state.clone(), parts.refill.clone().unwrap().1);
    let sides = (parts.connect)().unwrap();
    let _audit = Auditor::start(parts);
    for _ in 0..3 {
        let RefillSides { sink, mapping } = sides.refill.clone().unwrap();
        let mut generator = EventGenerator::new(77);
        let events = (0..7).map(|_| generator.event(world.clock.now()).json);
        let pipeline = okta_coralogix_core::Pipeline::builder(
            MemorySource::new(
                okta_coralogix_core::AckOrder::Individual,
                vec![events.collect()],
            ),
            sink,
        )
        .mapping(mapping)
        .observer(sampler.clone())
        .dead_letters(MemoryDeadLetters::default())
        .build()
        .unwrap();
        pipeline.run(std::future::pending()).await.unwrap();
        sleep(HOUR + MINUTE).await;
    }
    let state: Value = serde_json::from_slice(&std::fs::read(state).unwrap()).unwrap();
    let within = state["visibility"]["within"].as_array().unwrap();
    // The look at 5 minutes finds none, that at 15 all.
    assert_eq!(within[..2], [0, 0]);
    assert!(within[2].as_u64().unwrap() >= 7, "{within:?}");
    assert_eq!(within[3..], [0, 0, 0, 0]);
}
