//! The lines of a check.

use std::fmt::Display;

use okta_coralogix_core::text::with_causes;
use okta_coralogix_core::{Error, ErrorKind, Result};

use crate::program::ExitStatus;

/// What a check has found: a line of the log for each subject, with `ok` or with what to do.
#[derive(Debug, Default)]
pub struct Report {
    /// The subjects that are not as they should be.
    wrong: Vec<String>,
}

/// True for what a run waits out. Of files the message says what to do.
fn may_pass(error: &Error) -> bool {
    use ErrorKind::{Intercepted, Network, RateLimited, TimedOut, Unavailable, UnexpectedResponse};
    let of_remotes = [
        Intercepted,
        Network,
        RateLimited,
        TimedOut,
        Unavailable,
        UnexpectedResponse,
    ];
    error.is_temporary() && of_remotes.contains(&error.kind())
}

impl Report {
    /// Logs what was found of a subject. The span of the caller names the integration.
    pub fn add(&mut self, subject: &str, found: Result<impl Display>) {
        match found {
            Ok(detail) => tracing::info!("{subject}: ok: {detail}"),
            Err(error) => {
                let advice = match may_pass(&error) {
                    true => {
                        "; a check asks once: check again in a minute, and if it lasts, see whether a proxy is in between, and whether \
                         others have the same trouble with this service"
                    }
                    false => "",
                };
                tracing::error!("{subject}: {}{advice}", with_causes(&error));
                self.wrong.push(subject.to_owned());
            }
        }
    }

    /// True if all is well.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.wrong.is_empty()
    }

    /// Adds what was found of an integration, which was logged by then.
    pub fn add_integration(&mut self, name: &str, report: &Self) {
        if !report.is_ok() {
            self.wrong.push(name.to_owned());
        }
    }

    /// 0 if all is well, else the exit code of wrong settings.
    #[must_use]
    pub fn status<S: Default>(self) -> ExitStatus<S> {
        if self.is_ok() {
            // The summary counts events, and so it does not tell.
            tracing::info!(
                "the check passed; nothing was sent, so that the summary counts nothing"
            );
            return ExitStatus::Done(S::default());
        }
        let subjects = self.wrong.join(", ");
        let detail = format!("the check failed for {subjects}: the lines above say what to do");
        ExitStatus::WrongSetting(Error::new(ErrorKind::Config, detail))
    }
}
