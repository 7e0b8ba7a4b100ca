//! Handles invocations: each runs a pipeline of its own.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures::FutureExt;
use okta_coralogix_core::pipeline::{RunError, Summary};
use okta_coralogix_core::{Error, ErrorKind, Outcome, Pipeline, Result};
use tokio::task::{JoinError, JoinHandle};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::builder::{LambdaHandlerBuilder, Settings};
use super::payload::Payload;
use super::reply::Reply;
use super::source::Invocation;

type Run = JoinHandle<Result<Summary, RunError>>;

/// Handles the invocations of a Lambda function. Each runs a pipeline of its own, which ends with it, so that no work is left half done
/// while Lambda freezes the process. They share the window of recent events.
///
/// At the deadline, less the margin, events that are not on their way to the sink are withdrawn and reported as failures. Those that are keep
/// their claims for as long as the pipeline's drain timeout: a copy that Lambda brings again joins the outcome of the first one.
#[derive(Debug)]
pub struct LambdaHandler {
    settings: Settings,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Pipelines that had not ended when their invocation was answered.
    running: Vec<Run>,
    summary: Summary,
}

impl LambdaHandler {
    /// A handler whose invocations each run through the pipeline that `open` makes. Give it a linger of zero: an invocation brings all of
    /// its events at once.
    pub fn builder(
        open: impl Fn(Invocation) -> Result<Pipeline<Invocation>> + Send + Sync + 'static,
    ) -> LambdaHandlerBuilder {
        LambdaHandlerBuilder::new(Box::new(open))
    }

    pub(super) fn new(settings: Settings) -> Self {
        Self {
            settings,
            state: Mutex::default(),
        }
    }

    /// Handles one invocation. `deadline` is when Lambda ends it: the time of its context.
    ///
    /// # Errors
    /// The invocation failed, and Lambda gives all of it again: an event of an invocation that is no batch was not settled, or nothing of a
    /// batch was and a retry does not help (a refused key).
    pub async fn handle(&self, payload: Bytes, deadline: Instant) -> Result<Reply> {
        self.collect();
        let Payload { items, messages } = Payload::read(payload, &self.settings.parser);
        let count = items.len();
        let margin = self.settings.deadline_margin;
        let ours = deadline.checked_sub(margin).unwrap_or(deadline);
        let window = self.settings.dedup_window.clone();
        let (source, outcomes) = Invocation::new(items, ours, window);
        let pipeline = (self.settings.open)(source)?;
        let mut run = tokio::spawn(pipeline.run(sleep_until(ours)));

        // The pipeline answers at the deadline; one that does not must not use up the margin.
        let last = ours + margin / 2;
        let outcomes = match timeout_at(last, outcomes).await {
            Ok(Ok(outcomes)) => outcomes,
            Ok(Err(_)) | Err(_) => Vec::new(),
        };
        let error = tokio::select! {
            biased;
            ended = &mut run => self.ended(ended),
            () = sleep_until(last) => {
                self.state().running.push(run);
                None
            }
        };
        let any_settled = outcomes.contains(&Outcome::Settled);
        match (error, messages) {
            // Where a part is settled, the reply can say which.
            (Some(error), Some(_)) if count > 0 && !any_settled => Err(error),
            (error, Some(messages)) => {
                if let Some(error) = error {
                    tracing::error!(%error, "a part of a batch is not settled");
                }
                Ok(Reply::of_batch(&messages, &outcomes))
            }
            (Some(error), None) => Err(error),
            (None, None) if outcomes.len() < count => {
                let detail = "the pipeline did not answer in time";
                Err(Error::temporary(ErrorKind::Unavailable, detail))
            }
            (None, None) => Reply::of_whole(&outcomes),
        }
    }

    /// Waits for the pipelines that still run, at most their drain timeout, and returns the counts of all invocations.
    pub async fn finish(&self) -> Summary {
        let running = std::mem::take(&mut self.state().running);
        for run in running {
            self.ended(run.await);
        }
        self.state().summary
    }

    /// The counts of the pipelines that have ended.
    #[must_use]
    pub fn summary(&self) -> Summary {
        self.collect();
        self.state().summary
    }

    /// Adds the counts of the pipelines that have ended since.
    fn collect(&self) {
        let ended: Vec<Run> = {
            let running = &mut self.state().running;
            running.extract_if(.., |run| run.is_finished()).collect()
        };
        for ended in ended.into_iter().filter_map(FutureExt::now_or_never) {
            self.ended(ended);
        }
    }

    /// Adds the counts of a pipeline; returns the error that ended it.
    fn ended(&self, ended: Result<Result<Summary, RunError>, JoinError>) -> Option<Error> {
        let (summary, error) = match ended {
            Ok(Ok(summary)) => (summary, None),
            Ok(Err(failed)) => (failed.summary, Some(failed.error)),
            Err(aborted) => {
                let error = Error::temporary(ErrorKind::Unavailable, "the pipeline was aborted");
                return Some(error.with_source(aborted));
            }
        };
        self.state().summary += summary;
        error
    }

    /// Nothing that runs under this lock panics half way.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
