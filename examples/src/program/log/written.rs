//! Which lines of the log are written.

use tracing::{Level, Metadata};
use tracing_subscriber::filter::{FilterExt, Targets, filter_fn};
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

/// A filter of these levels, without what nobody should read: [`is_harmless`], [`is_for_people`].
pub(super) fn log_filter<S>(asked: Targets) -> impl Filter<S> + use<S>
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
{
    let written = |line: &Metadata<'_>| is_harmless(line) && is_for_people(line);
    FilterExt::<S>::and(asked, filter_fn(written))
}

/// False for what the libraries write at the level `trace`: requests and responses whole, with session tokens and events.
fn is_harmless(line: &Metadata<'_>) -> bool {
    let target = line.target();
    *line.level() <= Level::DEBUG || OURS.iter().any(|ours| target.starts_with(ours))
}

/// False for the line with which the Lambda runtime repeats the error of a handler, in the form for debugging: the program has logged it.
/// Its lines about a panic have a field `error`.
fn is_for_people(line: &Metadata<'_>) -> bool {
    line.target() != "lambda_runtime::layers::panic" || line.fields().field("error").is_some()
}
