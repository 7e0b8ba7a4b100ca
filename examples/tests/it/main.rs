//! The programs end to end: real processes and sockets, and the whole path in memory under injected time.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may fail by a panic and show its figures"
)]

mod admin;
mod audit;
mod blocked;
mod check;
mod config_file;
mod connection_errors;
mod disconnects;
#[cfg(target_os = "linux")]
mod disk;
mod dry_run;
mod event_settings;
mod eventbridge_http;
mod eventbridge_lambda;
mod eventbridge_sqs;
mod exit_status;
mod hangup;
mod harness;
mod healing;
mod in_memory;
mod judged_secrets;
mod kill;
#[cfg(target_os = "linux")]
mod limits;
mod log_lines;
mod many_orgs;
#[cfg(target_os = "linux")]
mod memory;
mod mended_token;
mod mistakes;
mod network;
mod position;
mod range;
mod reading_again;
mod replay;
mod replicas;
mod secret_files;
mod seeds;
mod service_app;
mod service_logs;
mod settings;
mod settings_declared;
#[cfg(target_os = "linux")]
mod soak;
mod state_dir;
mod stops;
mod too_old;
