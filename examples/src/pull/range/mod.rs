//! `pull --from TIME --to TIME`: a bounded range of one org, read once.

mod run;
mod settings;
mod times;

pub(super) use run::run;
pub(super) use settings::RangeSettings;
pub(crate) use times::RangeTimes;
