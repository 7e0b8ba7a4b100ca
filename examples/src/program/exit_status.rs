//! How a program ends: its exit code, and the summary as the last line of stdout.

use std::io::Write;
use std::process::ExitCode;

use okta_coralogix_core::{Error, Summary};

/// The end of a program.
#[derive(Debug)]
pub enum ExitStatus {
    /// 0: everything was done, or a signal asked to stop.
    Done(Summary),
    /// 1: something that waiting cannot mend.
    Failed(Error, Summary),
    /// 2: a wrong setting; nothing was started.
    WrongSetting(Error),
}

impl ExitStatus {
    /// Prints what is to be said, and gives the exit code.
    #[must_use]
    pub fn report(self) -> ExitCode {
        let code = match &self {
            Self::Done(_) => 0,
            Self::Failed(error, _) => {
                tell(error);
                1
            }
            Self::WrongSetting(error) => {
                tell(error);
                2
            }
        };
        if let Self::Done(summary) | Self::Failed(_, summary) = self {
            if summary.ambiguous_sends > 0 {
                tracing::warn!(
                    requests = summary.ambiguous_sends,
                    entries = summary.ambiguous_entries,
                    "the answers to some requests were lost: their entries may have arrived twice"
                );
            }
            let line = serde_json::to_string(&summary).expect("counts always serialise");
            // Whoever has closed stdout does not want the line.
            writeln!(std::io::stdout(), "{line}").ok();
        }
        ExitCode::from(code)
    }
}

/// The error and its causes, on one line of stderr.
fn tell(error: &Error) {
    let mut line = format!("error: {error}");
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        line.push_str(&format!(": {error}"));
        cause = error.source();
    }
    writeln!(std::io::stderr(), "{line}").ok();
}
