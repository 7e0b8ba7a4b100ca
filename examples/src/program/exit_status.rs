//! The exit status of a program, with the summary as the last line of stdout.

use std::borrow::Cow;
use std::io::Write;
use std::process::ExitCode;

use okta_coralogix_core::internal::text::hide_secrets;
use okta_coralogix_core::pipeline::RunError;
use okta_coralogix_core::text::with_causes;
use okta_coralogix_core::{Error, Summary};
use serde::Serialize;

/// How a program has ended.
#[derive(Debug)]
pub enum ExitStatus<S = Summary> {
    /// 0: everything was done, or a signal asked to stop and what was in flight was finished.
    Done(S),
    /// 4: a signal asked to stop, and what was not finished in time was handed back: it is read again.
    HandedBack(S),
    /// 1: a fault that waiting does not cure.
    Failed(Error, S),
    /// 2: a wrong setting; nothing was started.
    WrongSetting(Error),
    /// As one of the others, with its code and its error, and without a summary on stdout: there was no run, or the summary was given
    /// elsewhere.
    Silent(u8, Option<Error>),
}

impl ExitStatus {
    /// After a run that counted `summary`.
    #[must_use]
    pub fn of_run(summary: Summary, error: Option<Error>) -> Self {
        if summary.ambiguous_sends > 0 {
            tracing::warn!(
                requests = summary.ambiguous_sends,
                entries = summary.ambiguous_entries,
                "the answers to some requests were lost: their entries may have arrived twice"
            );
        }
        match error {
            None => Self::Done(summary),
            Some(error) => Self::Failed(error, summary),
        }
    }

    /// With the counts of a pipeline that ran beside.
    #[must_use]
    pub fn and(mut self, beside: Summary) -> Self {
        match &mut self {
            Self::Done(summary) | Self::HandedBack(summary) | Self::Failed(_, summary) => {
                *summary += beside;
            }
            Self::WrongSetting(_) | Self::Silent(..) => {}
        }
        self
    }

    /// After a run that was asked to stop, or ended by itself: `handed_back` events were handed back since it was asked.
    #[must_use]
    pub fn after_stop(self, handed_back: u64) -> Self {
        match self {
            Self::Done(summary) if handed_back > 0 => {
                tracing::warn!(
                    events = handed_back,
                    "not everything in flight was finished in time: the rest was handed back, and is read again by the next run"
                );
                Self::HandedBack(summary)
            }
            status => status,
        }
    }
}

impl<S> ExitStatus<S> {
    /// 0, after all that there was to say was printed.
    #[must_use]
    pub fn told() -> Self {
        Self::Silent(0, None)
    }

    /// The code, the error, and the counts if something ran.
    #[must_use]
    pub fn into_parts(self) -> (u8, Option<Error>, Option<S>) {
        match self {
            Self::Done(summary) => (0, None, Some(summary)),
            Self::HandedBack(summary) => (4, None, Some(summary)),
            Self::Failed(error, summary) => (1, Some(error), Some(summary)),
            // The value that is wrong may be a secret in the wrong place.
            Self::WrongSetting(error) => {
                let text = with_causes(&error);
                let error = match hide_secrets(&text) {
                    Cow::Borrowed(_) => error,
                    Cow::Owned(hidden) => Error::new(error.kind(), hidden),
                };
                (2, Some(error), None)
            }
            Self::Silent(code, error) => (code, error, None),
        }
    }
}

impl From<Result<Summary, RunError>> for ExitStatus {
    fn from(ended: Result<Summary, RunError>) -> Self {
        match ended {
            Ok(summary) => Self::of_run(summary, None),
            Err(failed) => Self::of_run(failed.summary, Some(failed.error)),
        }
    }
}

impl<S: Serialize> ExitStatus<S> {
    /// Prints the error on stderr and the summary on stdout, and gives the exit code.
    #[must_use]
    pub fn report(self) -> ExitCode {
        let (code, error, summary) = self.into_parts();
        if let Some(error) = error {
            print_error(&error);
        }
        if let Some(summary) = summary {
            let line = serde_json::to_string(&summary).expect("counts always serialise");
            // A closed stdout means that nobody reads the line.
            writeln!(std::io::stdout(), "{line}").ok();
        }
        ExitCode::from(code)
    }
}

/// The error and its causes, on one line of stderr.
pub fn print_error(error: &Error) {
    writeln!(std::io::stderr(), "error: {}", with_causes(error)).ok();
}
