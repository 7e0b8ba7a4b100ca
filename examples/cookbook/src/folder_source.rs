//! Events from the files of a folder, in the order of their names.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use okta_coralogix_core::checkpoint::{CheckpointStore, Page, PagedSource, Pages};
use okta_coralogix_core::{Error, ErrorKind, EventSource, Origin, RawEvent, Result};
use tokio::fs;

/// The files `*.ndjson`, an event a line. A file has to be complete when it gets this name.
struct Folder(PathBuf);

/// A source of all files behind the last one that was delivered.
pub async fn open(folder: PathBuf, store: Arc<dyn CheckpointStore>) -> Result<impl EventSource> {
    let identity = format!("files of {}", folder.display());
    PagedSource::open(Folder(folder), store, identity, 20_000).await
}

#[async_trait]
impl Pages for Folder {
    async fn page_after(&mut self, cursor: Option<&str>) -> Result<Option<Page>> {
        let read = self.read_after(cursor).await;
        let failed =
            |error| Error::temporary(ErrorKind::Storage, format!("{}: {error}", self.0.display()));
        let Some((next, lines)) = read.map_err(failed)? else {
            return Ok(None);
        };
        let origin = Arc::new(Origin::org("files"));
        let lines = lines
            .split(|&byte| byte == b'\n')
            .filter(|line| !line.is_empty());
        let items = lines
            .map(|line| RawEvent::parse(line.to_vec().into(), Arc::clone(&origin)))
            .collect();
        Ok(Some(Page::new(items, next)))
    }
}

impl Folder {
    /// The name and the content of the next file.
    async fn read_after(&self, last: Option<&str>) -> io::Result<Option<(String, Vec<u8>)>> {
        let mut files = fs::read_dir(&self.0).await?;
        let mut next: Option<String> = None;
        while let Some(file) = files.next_entry().await? {
            let name = file.file_name().to_string_lossy().into_owned();
            let is_next = next.as_ref().is_none_or(|next| name < *next);
            if name.ends_with(".ndjson") && Some(name.as_str()) > last && is_next {
                next = Some(name);
            }
        }
        let Some(name) = next else { return Ok(None) };
        let lines = fs::read(self.0.join(&name)).await?;
        Ok(Some((name, lines)))
    }
}
