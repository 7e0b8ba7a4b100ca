//! `--html`: a dry run as a page that a browser shows.

mod chart;
mod data;
mod render;

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use okta_coralogix_core::mapping::MappingError;
use okta_coralogix_core::observe::{Observer, PipelineContext, PipelineEvent};
use okta_coralogix_core::{Error, LogEntry, RawEvent, Result};

use self::data::Data;
use super::report::Report;

/// The page of a dry run, filled while it runs.
#[derive(Debug)]
pub(super) struct Page {
    path: PathBuf,
    file: File,
    data: Mutex<Data>,
}

impl Page {
    /// # Errors
    /// `Config`, in the name of the setting, if the file cannot be written, or is no page: better known before the run than after it.
    pub(super) fn create(setting: &str, path: &Path) -> Result<Self> {
        let shown = path.display();
        let mut file = private().open(path).map_err(|error| {
            let detail = format!(
                "{shown} cannot be written: {error}; name a file in a folder that is there"
            );
            Error::config(setting, detail)
        })?;
        if !is_empty_or_page(&mut file).unwrap_or(false) {
            let detail = format!(
                "{shown} is there and is no page of a dry run: it stays as it is; name another file"
            );
            return Err(Error::config(setting, detail));
        }
        Ok(Self {
            path: path.to_owned(),
            file,
            data: Mutex::default(),
        })
    }

    /// Takes an event and its entry for one of the samples.
    pub(super) fn sample(
        &self,
        event: &RawEvent,
        entry: LogEntry,
    ) -> Result<LogEntry, MappingError> {
        self.data().sample(event, &entry);
        Ok(entry)
    }

    /// Writes the page, and says where it is.
    pub(super) fn write(&self, report: &Report) {
        let page = render::page(&self.data(), report);
        let path = self.path.display();
        match self.replace(page.as_bytes()) {
            Ok(()) => tracing::info!("the page of --html is in {path}; open it in a browser"),
            Err(error) => tracing::error!("the page of --html is incomplete: {path}: {error}"),
        }
    }

    fn replace(&self, page: &[u8]) -> io::Result<()> {
        let mut file = &self.file;
        file.rewind()?;
        file.set_len(0)?;
        file.write_all(page)
    }

    /// Nothing that runs under this lock panics.
    fn data(&self) -> MutexGuard<'_, Data> {
        self.data.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Page {
    fn observe(&self, _: &PipelineContext<'_>, event: &PipelineEvent<'_>) {
        if let PipelineEvent::Ended {
            disposition,
            event: Some(event),
        } = event
        {
            self.data().count(*disposition, event);
        }
    }
}

/// For its owner only: the samples have personal data.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// False for a checkpoint, say, or dead letters.
fn is_empty_or_page(file: &mut File) -> io::Result<bool> {
    let mut beginning = Vec::new();
    let begins = render::BEGINS.as_bytes();
    file.take(begins.len() as u64).read_to_end(&mut beginning)?;
    Ok(beginning.is_empty() || beginning == begins)
}
