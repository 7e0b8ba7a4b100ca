//! What came of all parts of a replay.

use okta_coralogix_core::{Error, ErrorKind, Summary};

use super::settings::Places;
use crate::program::ExitStatus;
use crate::program::start::span;

/// The results of all parts.
#[derive(Debug, Default)]
pub(super) struct Total {
    summary: Summary,
    is_handed_back: bool,
    failed: Vec<(String, Error)>,
}

impl Total {
    pub(super) fn add(&mut self, integration: &str, status: ExitStatus) {
        match status {
            ExitStatus::Done(summary) => self.summary += summary,
            ExitStatus::HandedBack(summary) => {
                self.summary += summary;
                self.is_handed_back = true;
            }
            ExitStatus::Failed(error, summary) => {
                self.summary += summary;
                self.failed.push((integration.to_owned(), error));
            }
            ExitStatus::WrongSetting(error) | ExitStatus::Silent(_, Some(error)) => {
                self.failed.push((integration.to_owned(), error));
            }
            ExitStatus::Silent(_, None) => {}
        }
    }

    /// `left`: why letters stay where they are.
    pub(super) fn status(mut self, places: &Places, left: Option<String>) -> ExitStatus {
        if matches!(places, Places::One(_)) && self.failed.len() == 1 {
            let (_, error) = self.failed.remove(0);
            return ExitStatus::Failed(error, self.summary);
        }
        for (name, error) in &self.failed {
            span(name).in_scope(|| tracing::error!("its letters were not all sent: {error}"));
        }
        let names: Vec<_> = self.failed.iter().map(|(name, _)| name.as_str()).collect();
        let names = names.join(", ");
        let failed = self.failed.into_iter().next().map(|(_, first)| {
            let detail = format!("the letters of some integrations were not all sent: {names}");
            Error::new(first.kind(), detail).with_source(first)
        });
        let left = left.map(|left| Error::new(ErrorKind::Config, left));
        match failed.or(left) {
            Some(error) => ExitStatus::Failed(error, self.summary),
            None if self.is_handed_back => ExitStatus::HandedBack(self.summary),
            None => ExitStatus::Done(self.summary),
        }
    }
}
