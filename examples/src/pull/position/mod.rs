//! `pull position`: shows the saved position of an org, and moves it, while no program uses it.

mod args;
mod cost;
mod run;
mod settings;
mod shared;
mod shown;
mod time;

pub use args::PositionCommand;
pub(super) use run::run;
pub(super) use settings::PositionSettings;
pub(super) use time::time_of;
pub(crate) use time::{check_kept, text};
