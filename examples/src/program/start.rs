//! The first line of a run: what runs, from where to where; and the span that names it in all others.

use std::path::Path;

use tracing::Span;
use tracing::field::display;

/// The commit that the program was built from: of a release build in a git repository, or as the build set the variable of this name.
pub const COMMIT: Option<&str> = option_env!("OKTA_CORALOGIX_COMMIT");

/// What an operator wants to know of an integration that starts.
#[derive(Debug, Clone, Copy, Default)]
pub struct Start<'a> {
    /// Where events come from: an org, a queue, an address that is listened on, a file.
    pub source: &'a str,
    /// The proxy on the way to the source.
    pub source_proxy: Option<&'a str>,
    /// Where they go to.
    pub target: &'a str,
    /// The proxy on the way to the target.
    pub proxy: Option<&'a str>,
    /// Where it goes on, in words.
    pub resumes: &'a str,
    /// The file of its position.
    pub checkpoint: Option<&'a Path>,
    /// The file of dead letters.
    pub dead_letters: Option<&'a Path>,
}

impl Start<'_> {
    /// Logs it. The span of the caller names the integration.
    pub fn log(&self) {
        let path = |path: Option<&Path>| path.map(|path| display(path.display().to_string()));
        tracing::info!(
            version = env!("CARGO_PKG_VERSION"),
            commit = COMMIT,
            source = self.source,
            source_proxy = self.source_proxy,
            target = self.target,
            proxy = self.proxy,
            resumes = self.resumes,
            checkpoint = path(self.checkpoint),
            dead_letters = path(self.dead_letters),
            "started"
        );
    }
}

/// The span of all that happens in a pipeline: each line of the log within names its integration, once, wherever it is entered.
#[must_use]
pub fn span(integration: &str) -> Span {
    // As an error, so that no filter removes it.
    tracing::error_span!(parent: None, "pipeline", integration)
}
