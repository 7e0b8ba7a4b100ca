//! Handles invocations: each runs a pipeline of its own.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use okta_coralogix_core::internal::text::seconds;
use okta_coralogix_core::pipeline::RunError;
use okta_coralogix_core::text::sanitize;
use okta_coralogix_core::{Error, ErrorKind, Outcome, Pipeline, Result, Summary};
use tokio::task::{JoinError, JoinHandle};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::builder::{LambdaHandlerBuilder, Settings};
use super::payload::Payload;
use super::reply::Reply;
use super::source::Invocation;
use super::url_request::Sender;

type Run = JoinHandle<Result<Summary, RunError>>;

/// Handles the invocations of a Lambda function. Each runs a pipeline of its own, which ends with it, so that no work is left half done
/// while Lambda freezes the process. They share the window of recent events.
///
/// At the deadline, less the margin, events that are not on their way to the sink are withdrawn and reported as failures. Those that are keep
/// their claims for as long as the pipeline's drain timeout: a copy that Lambda brings again joins the outcome of the first one.
#[derive(Debug)]
pub struct LambdaHandler {
    settings: Settings,
    /// A payload with an event was seen. Before that nothing is dead-lettered: what comes here may be something else.
    event_seen: AtomicBool,
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
            event_seen: AtomicBool::new(false),
            state: Mutex::default(),
        }
    }

    /// Handles one invocation. `deadline` is when Lambda ends it: the time of its context.
    ///
    /// # Errors
    /// The invocation failed, and Lambda gives all of it again: an event of an invocation that is no batch was not settled, or nothing of a
    /// batch was and a retry does not help (a refused key). `Config` if the function's time-out leaves no time. `UnexpectedResponse` if the
    /// payload has no event, and none was seen before.
    pub async fn handle(&self, payload: Bytes, deadline: std::time::Instant) -> Result<Reply> {
        self.collect();
        let deadline = Instant::from_std(deadline);
        let margin = self.settings.deadline_margin;
        let payload = Payload::read(payload, &self.settings.parser, &self.settings.keys);
        if let Err(error) = check_time(deadline, margin) {
            return not_tried(&payload, error);
        }
        if let Some(sender) = payload.request.as_ref().filter(|s| !s.is_authorized) {
            return Ok(unauthorized(sender));
        }
        let has_event = payload.has_event;
        self.event_seen.fetch_or(has_event, Ordering::Relaxed);
        if !payload.items.is_empty() && !self.event_seen.load(Ordering::Relaxed) {
            return no_event(&payload);
        }
        let Payload {
            items,
            messages,
            request,
            ..
        } = payload;
        let count = items.len();
        let ours = deadline - margin;
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
        let reply = match (error, messages) {
            // Where a part is settled, the reply can say which.
            (Some(error), Some(_)) if count > 0 && !any_settled => Err(error),
            (error, Some(messages)) => {
                if let Some(error) = error {
                    tracing::error!(%error, "a part of a batch is not settled");
                }
                return Ok(Reply::of_batch(&messages, &outcomes));
            }
            (Some(error), None) => Err(error),
            (None, None) if outcomes.len() < count => {
                let detail = "the pipeline did not answer in time";
                Err(Error::temporary(ErrorKind::Unavailable, detail))
            }
            (None, None) => Reply::of_whole(&outcomes),
        };
        match request {
            Some(sender) => Ok(response(reply, has_event, sender)),
            None => reply,
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

/// # Errors
/// `Config` if no time is left to do anything.
fn check_time(deadline: Instant, margin: Duration) -> Result<()> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left > margin {
        return Ok(());
    }
    let detail = format!(
        "the time-out of the function leaves {} for this invocation, and the last {} are kept for the reply; set the time-out to 10 s or more",
        seconds(left),
        seconds(margin)
    );
    Err(Error::new(ErrorKind::Config, detail))
}

/// The reply to a payload without an event, before any event was seen.
fn no_event(payload: &Payload) -> Result<Reply> {
    let first = payload.items.first().and_then(|item| item.as_ref().err());
    let why = first.map(|malformed| sanitize(&malformed.reason.to_string()));
    let detail = format!(
        "no event was found in the payload ({}), and none was seen before: it is not dead-lettered; check what invokes the function",
        why.unwrap_or_default()
    );
    not_tried(payload, Error::new(ErrorKind::UnexpectedResponse, detail))
}

/// The reply to a payload of which nothing was given to a pipeline.
fn not_tried(payload: &Payload, error: Error) -> Result<Reply> {
    match (&payload.messages, &payload.request) {
        (Some(messages), _) => {
            tracing::error!(%error, "the messages of a batch are reported as failed");
            Ok(Reply::of_batch(messages, &[]))
        }
        (None, Some(sender)) => Ok(response(Err(error), false, sender.clone())),
        (None, None) => Err(error),
    }
}

/// The response of the function's URL, with the statuses of the HTTP endpoint: EventBridge sends again after a 503.
fn response(reply: Result<Reply>, has_event: bool, sender: Sender) -> Reply {
    let (status, reason) = match reply {
        Ok(_) if has_event => (200, String::new()),
        Ok(_) => (400, "no event was found in the body".to_owned()),
        Err(error) => {
            tracing::error!(%error, "a request to the function's URL is not settled");
            (503, "not settled: send it again".to_owned())
        }
    };
    Reply::Response {
        status,
        reason,
        firehose_request: sender.firehose_request,
    }
}

fn unauthorized(sender: &Sender) -> Reply {
    tracing::warn!(
        "a request to the function's URL has no valid key, and no IAM signature: set EVENTBRIDGE_API_KEY to the API key of the connection"
    );
    Reply::Response {
        status: 401,
        reason: "the credential is missing or wrong".to_owned(),
        firehose_request: sender.firehose_request.clone(),
    }
}
