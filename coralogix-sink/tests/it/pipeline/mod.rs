//! What happens to events: the real pipeline over the sink and the simulated ingress, in memory under paused time.

mod faults;
mod harness;
mod key;
mod limits;
mod outage;
mod poison;
mod statuses;
