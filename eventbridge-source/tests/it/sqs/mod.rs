//! The SQS source over a simulated queue: in memory under paused time, and on a socket through the AWS SDK.

mod blocked;
mod bounds;
mod conformance;
mod deletes;
mod drain;
mod fifo;
mod harness;
mod http_client;
mod receives_during_calls;
mod settlement;
mod socket;
mod unreadable;
mod visibility;
