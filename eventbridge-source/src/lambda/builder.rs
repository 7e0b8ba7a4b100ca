//! The settings of a [`LambdaHandler`], and their defaults.

use std::fmt;
use std::time::Duration;

use okta_coralogix_core::filter::DedupWindow;
use okta_coralogix_core::{Pipeline, Result, Secret};

use super::handler::LambdaHandler;
use super::source::Invocation;
use crate::BodyParser;
use crate::receiver::CredentialDigest;

/// Makes the pipeline of one invocation.
pub(super) type OpenPipeline = dyn Fn(Invocation) -> Result<Pipeline<Invocation>> + Send + Sync;

pub(super) struct Settings {
    pub(super) parser: BodyParser,
    pub(super) deadline_margin: Duration,
    pub(super) dedup_window: DedupWindow,
    pub(super) keys: Vec<CredentialDigest>,
    pub(super) open: Box<OpenPipeline>,
}

/// Builds a [`LambdaHandler`].
#[derive(Debug)]
#[must_use]
pub struct LambdaHandlerBuilder(Settings);

impl LambdaHandlerBuilder {
    pub(super) fn new(open: Box<OpenPipeline>) -> Self {
        Self(Settings {
            parser: BodyParser::default(),
            deadline_margin: Duration::from_secs(1),
            dedup_window: DedupWindow::default(),
            keys: Vec::new(),
            open,
        })
    }

    /// Which bodies are taken, and how. Default: Okta's envelopes, and bare events.
    pub fn body_parser(mut self, parser: BodyParser) -> Self {
        self.0.parser = parser;
        self
    }

    /// How long before Lambda's deadline an invocation is answered. Default: 1 s.
    pub fn deadline_margin(mut self, margin: Duration) -> Self {
        self.0.deadline_margin = margin;
        self
    }

    /// The window in which events are de-duplicated. Default: the last 20,000 of this process.
    pub fn dedup_window(mut self, window: DedupWindow) -> Self {
        self.0.dedup_window = window;
        self
    }

    /// A key that requests to the function's URL must have, in the header `x-amz-event-bridge-access-key` or
    /// `x-amz-firehose-access-key`; call it again for another one. Without any, only requests that Lambda has authorized (`AWS_IAM`) are taken.
    pub fn api_key(mut self, key: impl Into<Secret>) -> Self {
        let key: Secret = key.into();
        let digest = CredentialDigest::of(key.expose().as_bytes());
        self.0.keys.push(digest);
        self
    }

    /// The handler.
    #[must_use]
    pub fn build(self) -> LambdaHandler {
        LambdaHandler::new(self.0)
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("parser", &self.parser)
            .field("deadline_margin", &self.deadline_margin)
            .field("dedup_window", &self.dedup_window)
            .field("keys", &self.keys.len())
            .finish_non_exhaustive()
    }
}
