//! Metrics, health and status: `--admin-listen`.

mod cost;
mod dead_letters;
mod health;
mod monitoring;
mod names;
mod program_observer;
mod requests;
pub(crate) mod samples;
mod scrapes;
mod situation;
mod situations;
