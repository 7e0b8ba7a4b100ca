//! Whatever a name or an id holds, it selects its own logs and no other.

use coralogix_sink::query::{EventFilter, EventId, Lookup};
use coralogix_sink::simulator::CoralogixSimulator;
use proptest::prelude::*;

use super::harness::{client, hour, stored};

/// Texts with what ends or escapes a literal.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a'\\\\ |&()\\[\\]$@\"]{1,8}",
        "\\PC{1,12}",
        Just("' || $l.subsystemname != '".to_owned()),
        Just("\\' | limit 0".to_owned()),
    ]
    .prop_filter("a name is not blank", |text| !text.trim().is_empty())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_name_and_any_id_select_their_own_logs(application in text(), subsystem in text(), id in text(), other in text()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let simulator = CoralogixSimulator::new();
            let (id, stranger) = (EventId::new(&id), EventId::new(&format!("{other}.")));
            let at = hour().start();
            simulator.store_events(&application, &subsystem, [(id.clone(), at)]);
            simulator.store_events(&format!("{application}'"), &subsystem, [(stranger.clone(), at)]);
            simulator.store_events(&application, &format!("{subsystem}\\"), [(stranger.clone(), at)]);
            let client = client(&simulator);
            let filter = EventFilter::all().application(&*application).unwrap().subsystem(&*subsystem).unwrap();
            let found = stored(client.count_by_uuid(&filter, hour()).await.unwrap());
            assert_eq!(found.into_iter().collect::<Vec<_>>(), [(id.clone(), 1)]);
            let ids = [id.clone(), stranger.clone()];
            let found = stored(client.lookup(&filter, &Lookup::new(hour(), &ids)).await.unwrap());
            assert_eq!(found.get(&id), Some(&1));
            let all = stored(client.lookup(&EventFilter::all(), &Lookup::new(hour(), &ids)).await.unwrap());
            assert_eq!(all.values().sum::<u32>(), 3);
        });
    }
}
