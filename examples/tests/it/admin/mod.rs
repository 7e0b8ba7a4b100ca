//! Metrics, health and status: `--admin-listen`.

mod cost;
mod dead_letters;
mod health;
mod log_capture;
mod monitoring;
mod names;
mod requests;
pub(crate) mod samples;
mod scrapes;
mod situation;
mod situations;
