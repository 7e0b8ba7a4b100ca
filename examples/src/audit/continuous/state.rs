//! The file in which an audit that goes on keeps what is verified, so that a restart goes on from there.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use okta_coralogix_core::internal::{Disk, DiskLock};
use okta_coralogix_core::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

use super::args::EVERY;
use super::ranges::Ranges;
use super::refill::Pending;
use super::visibility::Visibility;
use super::wanted::Wanted;

/// What the file is, and in which form.
const FORMAT: &str = "okta-coralogix audit 1";

/// Bytes of the file that are read, at most.
const MAX_BYTES: u64 = 16 << 20;

/// What is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    format: String,
    /// The address of the org.
    org: String,
    #[serde(flatten)]
    pub(super) ranges: Ranges,
    /// When a round last verified anything.
    pub(super) last_proof: Option<DateTime<Utc>>,
    /// How long a log takes until it is found.
    #[serde(default)]
    pub(super) visibility: Visibility,
    /// A refill that was not looked at yet.
    #[serde(default)]
    pub(super) pending: Option<Pending>,
    /// Missing events that are looked for once more, and sent then.
    #[serde(default)]
    pub(super) wanted: Wanted,
}

impl Record {
    pub(super) fn new(org: &str, ranges: Ranges) -> Self {
        Self {
            format: FORMAT.to_owned(),
            org: org.to_owned(),
            ranges,
            last_proof: None,
            visibility: Visibility::default(),
            pending: None,
            wanted: Wanted::default(),
        }
    }
}

/// The file, locked for as long as this lives.
#[derive(Debug)]
pub(super) struct StateFile {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    _lock: Box<dyn DiskLock>,
}

impl StateFile {
    /// The file and what is in it, if it is there.
    ///
    /// # Errors
    /// `Locked` if another process uses it, `Corrupt` if it is no such file, or that of another org, `Storage` if it cannot be read.
    pub(super) async fn open(
        disk: Arc<dyn Disk>,
        path: &Path,
        org: &str,
    ) -> Result<(Self, Option<Record>)> {
        let failed = |error| storage(path, &error);
        let path = disk.resolve(path).await.map_err(failed)?;
        let lock = disk.lock(&beside(&path, ".lock"), Duration::ZERO).await;
        let Some(lock) = lock.map_err(failed)? else {
            let detail = format!(
                "{}: another process audits with {}; one is enough, end the other, or leave {0} out of one of them",
                EVERY.about.flag,
                path.display()
            );
            return Err(Error::new(ErrorKind::Locked, detail));
        };
        let bytes = match disk.read(&path, 0, MAX_BYTES).await {
            Ok(bytes) => Some(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(storage(&path, &error)),
        };
        let record = bytes.map(|bytes| read(&path, &bytes, org)).transpose()?;
        let file = Self {
            disk,
            path,
            _lock: lock,
        };
        Ok((file, record))
    }

    /// Replaces what is in the file, or leaves it as it was.
    ///
    /// # Errors
    /// `Storage` if it cannot be written.
    pub(super) async fn save(&self, record: &Record) -> Result<()> {
        let mut bytes = serde_json::to_vec_pretty(record).expect("a record is texts and numbers");
        bytes.push(b'\n');
        let saved = replace(&*self.disk, &self.path, Bytes::from(bytes));
        saved.await.map_err(|error| storage(&self.path, &error))
    }
}

/// Writes the file as a whole: a crash leaves the old one, or the new one.
pub(super) async fn replace(disk: &dyn Disk, path: &Path, bytes: Bytes) -> io::Result<()> {
    let temporary = beside(path, ".tmp");
    disk.write(&temporary, bytes).await?;
    disk.rename(&temporary, path).await?;
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    disk.sync_folder(folder.unwrap_or(Path::new("."))).await
}

fn read(path: &Path, bytes: &[u8], org: &str) -> Result<Record> {
    let corrupt = |why: String| {
        let detail = format!(
            "{}: {} {why}; move it away to begin anew: what was open then is not audited again",
            EVERY.about.flag,
            path.display()
        );
        Error::new(ErrorKind::Corrupt, detail)
    };
    let record: Record = serde_json::from_slice(bytes)
        .map_err(|error| corrupt(format!("is no state of an audit ({error})")))?;
    if record.format != FORMAT {
        return Err(corrupt(format!("is of the form {:?}", record.format)));
    }
    match record.org == org {
        true => Ok(record),
        false => Err(corrupt(format!(
            "is of the org {}, not of {org}",
            record.org
        ))),
    }
}

pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn storage(path: &Path, error: &io::Error) -> Error {
    let detail = format!(
        "{}: {} cannot be used ({error})",
        EVERY.about.flag,
        path.display()
    );
    Error::new(ErrorKind::Storage, detail)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use coralogix_sink::query::TimeSlice;
    use okta_coralogix_core::internal::OsDisk;

    use super::*;

    const ORG: &str = "https://acme.okta.com";

    async fn open(path: &Path, org: &str) -> Result<(StateFile, Option<Record>)> {
        StateFile::open(Arc::new(OsDisk), path, org).await
    }

    #[tokio::test]
    async fn state_of_an_audit_is_read_as_it_was_saved() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("okta.audit.json");
        let (file, none) = open(&path, ORG).await.unwrap();
        assert_eq!(none, None);
        let start = DateTime::UNIX_EPOCH;
        let mut record = Record::new(ORG, Ranges::beginning(start));
        let part = TimeSlice::new(start, start + TimeDelta::hours(2)).unwrap();
        let open_part = TimeSlice::new(start, start + TimeDelta::milliseconds(7)).unwrap();
        record
            .ranges
            .audited(part, &[(open_part, "why".into())], start);
        record.last_proof = Some(start);
        file.save(&record).await.unwrap();
        let other = open(&path, ORG).await.unwrap_err();
        assert_eq!(other.kind(), ErrorKind::Locked);
        drop(file);
        let (file, found) = open(&path, ORG).await.unwrap();
        assert_eq!(found, Some(record));
        drop(file);
        let other = open(&path, "https://other.okta.com").await.unwrap_err();
        assert!(
            other.to_string().contains("is of the org https://acme"),
            "{other}"
        );
        std::fs::write(&path, "{}").unwrap();
        let corrupt = open(&path, ORG).await.unwrap_err();
        assert_eq!(corrupt.kind(), ErrorKind::Corrupt);
        assert!(corrupt.to_string().contains("move it away"), "{corrupt}");
    }
}
