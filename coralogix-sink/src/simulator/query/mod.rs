//! The query API of the simulated Coralogix: `POST /api/v1/dataprime/query` about the entries that it accepted.
//!
//! It reads the part of DataPrime that [`query`](crate::query) writes (`source`, `filter`, `groupby … aggregate count()`, `aggregate
//! count()`, `limit`) and answers as Coralogix does, with every trap: a delay until logs are visible, tiers, a key that sees a part,
//! limits with and without a warning, a range that was moved, and what a [`QueryFault`] makes of the answer.

mod account;
mod evaluate;
mod fault;
mod handler;
mod state;
mod stored;
mod syntax;

pub use account::{Priority, QueryAccount};
pub use fault::QueryFault;
pub(super) use state::QueryState;
pub use state::RecordedQuery;
