//! Requests that fail whenever they are sent, while others pass: the entry at fault is found and dead-lettered as `blocked`.
//!
//! A web filter may refuse a word in an event, and an ingress may fail at one. Without this such a request would be sent again for
//! ever, and block what waits behind it until that is too old.
//!
//! * A request that failed the same way a few times ([`FailureClass::failures_before_split`]), while there is [`Evidence`] that the sink
//!   takes others, is halved. Its halves need one failure each. Innocent entries leave by being accepted.
//! * An entry that fails alone is a *suspect*. It no longer takes a place among the requests in flight, and is sent alone now and then
//!   (`suspect.rs`), each time after evidence that is newer than its last failure.
//! * A suspect that is handed back is remembered ([`SuspectMemory`]): given again, it goes on where it was, and meets no other entry.
//! * A suspect is *blocked* by the rule in `rule.rs`, unless the [`Guard`] finds too many suspects: then the endpoint is at fault, and
//!   all are held.
//!
//! Nothing is a suspect during an outage: there is no evidence then. An entry is never sent as a probe unless it is itself undelivered.

mod evidence;
mod guard;
mod memory;
mod rule;
mod suspect;

pub(crate) use evidence::Evidence;
pub(crate) use guard::Guard;
pub(crate) use memory::SuspectMemory;
pub(crate) use rule::{FailureClass, Patience};
pub(crate) use suspect::Isolation;
