//! What the runnable programs share: settings, progress, signals, exit status.

pub mod args;
pub mod demonstration;
pub mod environment;
pub mod exit_status;
pub mod progress;
pub mod signals;

pub use environment::Environment;
pub use exit_status::ExitStatus;
