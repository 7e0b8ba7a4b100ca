//! Each public trait is implemented for the pointers that it can be used through.

use std::sync::Arc;

use okta_coralogix_core::checkpoint::CheckpointStore;
use okta_coralogix_core::dead_letter::DeadLetters;
use okta_coralogix_core::filter::EventFilter;
use okta_coralogix_core::internal::{Disk, DiskLock};
use okta_coralogix_core::observe::Observer;
use okta_coralogix_core::testing::conformance;
use okta_coralogix_core::testing::{MemoryCheckpoint, MemorySink};
use okta_coralogix_core::transport::Transport;
use okta_coralogix_core::{Acker, Clock, EventSource, LogSink, Mapping};

use crate::conformance::check_sink;

/// Compiled, not run.
#[test]
fn public_traits_are_implemented_for_box_and_arc() {
    macro_rules! both {
        ($($of:ident)*) => {$({
            fn is<T: $of>() {}
            is::<Box<dyn $of>>();
            is::<Arc<dyn $of>>();
        })*};
    }
    both!(CheckpointStore Clock DeadLetters Disk DiskLock EventFilter LogSink Mapping Observer Transport);
    // Those that are used by `&mut`, or consumed.
    fn source<T: EventSource>() {}
    source::<Box<dyn EventSource>>();
    fn acker<T: Acker>() {}
    acker::<Box<dyn Acker>>();
}

#[tokio::test(start_paused = true)]
async fn boxed_sink_and_store_keep_the_contract() {
    let memory = MemorySink::new();
    let boxed: Box<dyn LogSink> = Box::new(memory.clone());
    check_sink(&boxed, &memory).await;
    let store = MemoryCheckpoint::default();
    let open = || async { Ok(Box::new(store.clone()) as Box<dyn CheckpointStore>) };
    conformance::checkpoint_store(open).await;
}
