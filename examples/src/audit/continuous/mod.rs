//! `--audit-every`: an audit that goes on beside the delivery, round by round.
//!
//! | file | what it decides |
//! |---|---|
//! | `ranges` | which time is verified, and which is audited next |
//! | `delivered` | which time can be judged already |
//! | `round` | what an audit of a range says, and how it is told |
//! | `auditor` | when rounds run, and that none reaches the delivery |
//! | `wanted`, `refill`, `refilling`, `visibility` | what is sent again, and how long it is to be waited before |
//! | `state` | what a restart goes on with |

mod args;
mod auditor;
mod check;
mod delivered;
mod observer;
mod ranges;
mod refill;
mod refilling;
mod round;
mod settings;
mod state;
#[cfg(test)]
mod tests;
mod visibility;
mod wanted;

pub use args::ContinuousGroup;
pub(crate) use auditor::{AuditTurns, Auditor, AuditorParts};
pub(crate) use check::check_audit;
pub(crate) use delivered::DeliveredLog;
pub(crate) use observer::AuditObserver;
pub(crate) use refill::RefillParts;
pub use refill::RefillSides;
pub use round::AuditSides;
pub(crate) use round::RoundOptions;
pub use settings::ContinuousSettings;
pub(crate) use settings::{ContinuousParts, RefillFiles, ledger_beside, ledger_of, state_beside};
pub(crate) use visibility::Sampler;
