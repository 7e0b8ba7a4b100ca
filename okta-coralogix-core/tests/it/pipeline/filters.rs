//! Filters of the caller.

use std::sync::{Arc, Mutex};

use okta_coralogix_core::AckOrder;
use okta_coralogix_core::filter::{EventFilter, drop_if};
use okta_coralogix_core::observe::{Observer, PipelineContext, PipelineEvent};

use super::harness::{Harness, pages, run};

/// Keeps why filters dropped something, with the uuid.
#[derive(Debug, Clone, Default)]
struct Drops(Arc<Mutex<Vec<(String, String)>>>);

impl Observer for Drops {
    fn observe(&self, _: &PipelineContext<'_>, event: &PipelineEvent<'_>) {
        if let PipelineEvent::Dropped { reason, event, .. } = event {
            let uuid = event.uuid().unwrap_or_default().into_owned();
            self.0.lock().unwrap().push((reason.to_string(), uuid));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn closure_filters_for_a_reason_that_the_observer_is_told() {
    let (pages, events) = pages(1, 10);
    let harness = Harness::new(AckOrder::Cumulative, pages);
    let (drops, unwanted) = (Drops::default(), events[3].uuid.clone());
    let expected = vec![("chosen".to_owned(), unwanted.clone())];
    let chosen = drop_if("chosen", move |event| {
        event.uuid().as_deref() == Some(&*unwanted)
    });
    let boxed: Box<dyn EventFilter> = Box::new(chosen);
    let builder = harness.builder().filter(boxed).observer(drops.clone());
    let summary = run(builder).await.unwrap();
    assert_eq!((summary.filtered, summary.delivered), (1, 9));
    assert_eq!(*drops.0.lock().unwrap(), expected);
}
