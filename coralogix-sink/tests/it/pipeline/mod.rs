//! Events end to end: the real pipeline over the sink and the simulated ingress, in memory under paused time.

mod faults;
mod harness;
mod key_rotation;
mod limits;
mod outage;
mod rejected_entries;
mod slow_ingress;
mod statuses;
