//! From an invocation to its answer.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use okta_coralogix_core::filter::DedupWindow;
use okta_coralogix_core::pipeline::{RunError, Summary};
use okta_coralogix_core::{Error, ErrorKind, Pipeline, Result};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::payload::Payload;
use super::reply::Reply;
use super::source::Invocation;
use crate::BodyParser;

type Open = dyn Fn(Invocation) -> Result<Pipeline<Invocation>> + Send + Sync;
type Run = JoinHandle<Result<Summary, RunError>>;

/// Handles the invocations of a Lambda function: each runs a pipeline of its own, which ends with it, so that nothing is left
/// half done while Lambda freezes the process. What they share is the window of recent events.
///
/// At the deadline, less the margin, what is not on its way to the sink is withdrawn and reported as not done. What is on its way keeps its claim
/// for as long as the pipeline's drain timeout: the copy that Lambda brings again joins the first one's outcome.
pub struct LambdaHandler {
    parser: BodyParser,
    deadline_margin: Duration,
    dedup: DedupWindow,
    open: Box<Open>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Pipelines that had not ended when their invocation was answered.
    running: Vec<Run>,
    summary: Summary,
}

/// Builds a [`LambdaHandler`].
#[must_use]
pub struct LambdaHandlerBuilder(LambdaHandler);

impl LambdaHandler {
    /// A handler whose invocations each run through the pipeline that `open` makes. Give it a linger of zero: an invocation brings all it
    /// has at once.
    pub fn builder(
        open: impl Fn(Invocation) -> Result<Pipeline<Invocation>> + Send + Sync + 'static,
    ) -> LambdaHandlerBuilder {
        LambdaHandlerBuilder(Self {
            parser: BodyParser::default(),
            deadline_margin: Duration::from_secs(1),
            dedup: DedupWindow::default(),
            open: Box::new(open),
            state: Mutex::default(),
        })
    }

    /// Handles one invocation. `deadline` is when Lambda ends it: the time of its context.
    ///
    /// # Errors
    /// Lambda is to be told that the invocation failed, and gives all of it again: nothing of a batch was settled and the reason is one that
    /// waiting cannot mend (a refused key), or an event of an invocation that is no batch was not settled.
    pub async fn handle(&self, payload: Bytes, deadline: Instant) -> Result<Reply> {
        self.collect();
        let Payload { items, messages } = Payload::read(payload, &self.parser);
        let count = items.len();
        let ours = deadline
            .checked_sub(self.deadline_margin)
            .unwrap_or(deadline);
        let (source, told) = Invocation::new(items, ours, self.dedup.clone());
        let pipeline = (self.open)(source)?;
        let mut run = tokio::spawn(pipeline.run(sleep_until(ours)));

        // The pipeline answers at the deadline; one that does not must not cost the rest of the time.
        let last = ours + self.deadline_margin / 2;
        let outcomes = match timeout_at(last, told).await {
            Ok(Ok(outcomes)) => outcomes,
            Ok(Err(_)) | Err(_) => Vec::new(),
        };
        let failed = tokio::select! {
            biased;
            ended = &mut run => self.ended(ended),
            () = sleep_until(last) => {
                self.state().running.push(run);
                None
            }
        };
        let settled = |outcomes: &[_]| {
            let settled = |outcome: &&_| **outcome == okta_coralogix_core::Outcome::Settled;
            outcomes.iter().filter(settled).count()
        };
        match (failed, messages) {
            // Where a part is settled, the batch can say which.
            (Some(error), Some(_)) if count > 0 && settled(&outcomes) == 0 => Err(error),
            (failed, Some(messages)) => {
                if let Some(error) = failed {
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

    /// Waits for what is still on its way, as the pipeline's drain timeout allows, and returns the counts of all invocations.
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

    /// Takes note of pipelines that have ended since.
    fn collect(&self) {
        let ended: Vec<Run> = {
            let mut state = self.state();
            let running = std::mem::take(&mut state.running);
            let (ended, still): (Vec<_>, Vec<_>) =
                running.into_iter().partition(|run| run.is_finished());
            state.running = still;
            ended
        };
        for run in ended {
            use futures::FutureExt;
            if let Some(ended) = run.now_or_never() {
                self.ended(ended);
            }
        }
    }

    /// Adds the counts of a pipeline; returns what ended it early.
    fn ended(
        &self,
        ended: Result<Result<Summary, RunError>, tokio::task::JoinError>,
    ) -> Option<Error> {
        let (summary, error) = match ended {
            Ok(Ok(summary)) => (summary, None),
            Ok(Err(failed)) => (failed.summary, Some(failed.error)),
            Err(broken) => {
                let error = Error::temporary(ErrorKind::Unavailable, "the pipeline broke off");
                return Some(error.with_source(broken));
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

impl LambdaHandlerBuilder {
    /// Which bodies are taken, and how. Default: Okta's envelopes, and bare events.
    pub fn body_parser(mut self, parser: BodyParser) -> Self {
        self.0.parser = parser;
        self
    }

    /// How long before Lambda's deadline an invocation is answered. Default: 1 s.
    pub fn deadline_margin(mut self, deadline_margin: Duration) -> Self {
        self.0.deadline_margin = deadline_margin;
        self
    }

    /// The window in which events are de-duplicated. Default: the last 20,000 of this process.
    pub fn dedup_window(mut self, window: DedupWindow) -> Self {
        self.0.dedup = window;
        self
    }

    /// The handler.
    #[must_use]
    pub fn build(self) -> LambdaHandler {
        self.0
    }
}

impl fmt::Debug for LambdaHandler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LambdaHandler")
            .field("parser", &self.parser)
            .field("deadline_margin", &self.deadline_margin)
            .field("dedup", &self.dedup)
            .field("summary", &self.state().summary)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for LambdaHandlerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LambdaHandlerBuilder")
            .field(&self.0)
            .finish()
    }
}
