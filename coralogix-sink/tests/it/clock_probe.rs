//! The clock of the ingress.

use std::sync::Arc;

use chrono::TimeDelta;
use coralogix_sink::CoralogixSink;
use coralogix_sink::simulator::CoralogixSimulator;
use okta_coralogix_core::SharedClockOffset;
use okta_coralogix_core::testing::TestClock;

#[tokio::test(start_paused = true)]
async fn clock_offset_is_taken_from_the_date_of_an_answer() {
    let right = "2026-11-22T12:00:00Z".parse().unwrap();
    let far = Arc::new(TestClock::starting_at(right));
    let ingress = CoralogixSimulator::builder().key("k").clock(far).build();
    let host = Arc::new(TestClock::starting_at(right));
    host.set_offset(TimeDelta::days(2));
    let offset = SharedClockOffset::unknown();
    let sink = CoralogixSink::builder()
        .endpoint("http://127.0.0.1")
        .api_key("k")
        .transport(Arc::new(ingress.clone()))
        .clock_offset(offset.clone(), host)
        .build()
        .unwrap();
    assert_eq!(offset.get().get(), TimeDelta::zero());
    sink.check().await.unwrap();
    assert_eq!(offset.get().get(), -TimeDelta::days(2));
}
