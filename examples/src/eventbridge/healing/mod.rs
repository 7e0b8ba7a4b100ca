//! Healing: what EventBridge has not brought is read from Okta's System Log, and sent (`--heal-after`).
//!
//! A second pipeline reads the log as `pull` does, holds each page until its events are as old as the delay, and shares the
//! deduplication window with the pipeline of the pushed events. `settings`: its flags; `files`: its position and the window on the
//! disk; `push_share`: whether another process receives a part of the events; `run`: its runs, one after the other, beside the receiver.

mod files;
mod push_share;
mod run;
mod settings;

pub(super) use run::{Healing, Parts};
pub use settings::HealGroup;
pub(super) use settings::{HealSettings, check_beside_audit};
