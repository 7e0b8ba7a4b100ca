use okta_coralogix_cookbook::two_targets::run;
use okta_coralogix_core::testing::{MemoryDeadLetters, MemorySink, MemorySource};
use okta_coralogix_core::{AckOrder, RawEvent};

#[tokio::test(start_paused = true)]
async fn what_one_target_refuses_costs_the_other_nothing() {
    let events = super::events(2_000);
    let is_users = |json: &bytes::Bytes| {
        let event = RawEvent::parse(json.clone(), Default::default()).unwrap();
        event
            .event_type()
            .is_some_and(|name| name.starts_with("user."))
    };
    let users = events.iter().filter(|event| is_users(&event.json));
    let users: Vec<_> = users.collect();
    let poison = users[3].json.clone();
    let pages = super::json(&events)
        .chunks(500)
        .map(<[_]>::to_vec)
        .collect();
    let source = MemorySource::new(AckOrder::Cumulative, pages);
    let (siem, archive) = (
        MemorySink::new(),
        MemorySink::new().refusing(move |text| text == poison),
    );
    let letters = MemoryDeadLetters::default();
    let (first, second) = run(
        source.clone(),
        siem.clone(),
        archive.clone(),
        std::sync::Arc::new(super::plain_mapping()),
        letters.clone(),
    )
    .await
    .unwrap();
    let (first, second) = (first.unwrap(), second.unwrap());
    assert_eq!((first.delivered, first.duplicate), (2_000, 0));
    assert_eq!(siem.arrived().len(), 2_000, "none twice");
    let (users, others) = (users.len() as u64, (2_000 - users.len()) as u64);
    assert_eq!((second.delivered, second.filtered), (users - 1, others));
    assert_eq!(letters.records().len(), 1);
    assert_eq!(source.settled_events(), 2_000);
}
