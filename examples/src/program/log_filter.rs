//! Which lines of the log are written.

use tracing::{Level, Metadata};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{FilterExt, filter_fn};
use tracing_subscriber::layer::Filter;

/// The beginnings of the targets of this workspace, libraries and programs.
const OURS: [&str; 6] = [
    "coralogix_sink",
    "eventbridge_",
    "okta_",
    "pull",
    "replay",
    "service_logs",
];

/// The filter of `RUST_LOG`, default `info`, within [`is_harmless`].
pub(super) fn log_filter<S>() -> impl Filter<S>
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
{
    let asked = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    FilterExt::<S>::and(asked, filter_fn(is_harmless))
}

/// False for what the libraries write at the level `trace`: requests and responses whole, with session tokens and events.
fn is_harmless(line: &Metadata<'_>) -> bool {
    let target = line.target();
    *line.level() <= Level::DEBUG || OURS.iter().any(|ours| target.starts_with(ours))
}
