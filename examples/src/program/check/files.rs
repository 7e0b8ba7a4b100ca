//! The files of a run: whether they can be written, without one that stays.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use okta_coralogix_core::checkpoint::{FileCheckpoint, StoredWindow};
use okta_coralogix_core::internal::{Disk, OsDisk};
use okta_coralogix_core::{Error, ErrorKind, Result};
use okta_source::OktaSourceBuilder;

use super::Report;
use crate::program::args::in_setting;
use crate::program::dead_letters::without_state;
use crate::program::{CheckedFolder, STATE_DIR, StateDir, is_log, is_state};

/// As much as is written for a moment: a small checkpoint, or a dead letter of the usual size.
const ROOM: usize = 4096;

/// The folder of `--state-dir`, if it is set. It is there as long as the result is, for the checks of the files in it.
pub fn check_state_dir(report: &mut Report, state: &StateDir) -> Option<CheckedFolder> {
    let path = state.folder()?.display();
    let found = state.create_for_a_check();
    let subject = STATE_DIR.about.flag;
    match found {
        Ok(folder) => {
            let will = match folder.is_new() {
                true => "is not there, and a run will create it",
                false => "is there",
            };
            report.add(subject, Ok(format!("{path} {will}")));
            Some(folder)
        }
        Err(error) => {
            report.add(subject, Err::<&str, _>(error));
            None
        }
    }
}

/// The file of a position: it can be written, and `source` would go on from what is in it.
pub async fn check_checkpoint(
    report: &mut Report,
    setting: &str,
    path: &Path,
    source: OktaSourceBuilder,
) {
    let found = match writable(path).await {
        Ok(true) => stored_position(path, source).await,
        Ok(false) => Ok("no position is saved, and one can be"),
        Err(error) => Err(error),
    };
    let path = path.display();
    report.add(setting, found.map(|found| format!("{path}: {found}")));
}

async fn stored_position(path: &Path, source: OktaSourceBuilder) -> Result<&'static str> {
    let store = match FileCheckpoint::open_read_only(path).await {
        Err(error) if error.kind() == ErrorKind::Locked => {
            return Ok("another process runs with it, and writes it");
        }
        opened => opened?,
    };
    // Makes no request, and writes nothing.
    source.checkpoint(store).open().await?;
    Ok("a position is saved, from which a run goes on")
}

/// The file of a window of delivered events: it can be written, and what is in it belongs to `owner`.
pub async fn check_window(report: &mut Report, setting: &str, path: &Path, owner: &str) {
    let found = match writable(path).await {
        Ok(true) => stored_window(path, owner).await,
        Ok(false) => Ok("no window is saved, and one can be"),
        Err(error) => Err(error),
    };
    let path = path.display();
    report.add(setting, found.map(|found| format!("{path}: {found}")));
}

async fn stored_window(path: &Path, owner: &str) -> Result<&'static str> {
    let store = match FileCheckpoint::open_read_only(path).await {
        Err(error) if error.kind() == ErrorKind::Locked => {
            return Ok("another process runs with it, and writes it");
        }
        opened => opened?,
    };
    let checked = StoredWindow::check(&store, owner).await;
    checked.map_err(in_setting(path.display()))?;
    Ok("the events that were delivered are saved")
}

/// The file of dead letters.
pub async fn check_dead_letters(report: &mut Report, setting: &str, path: &Path) {
    if is_log(path) {
        report.add(setting, Ok("dead letters are written to standard output"));
        return;
    }
    if is_state(path) {
        report.add(setting, Err::<&str, _>(without_state()));
        return;
    }
    let found = writable(path).await;
    let path = path.display();
    report.add(setting, found.map(|_| format!("{path} can be written")));
}

/// True if the file is there. It can be written, or made.
async fn writable(path: &Path) -> Result<bool> {
    let failed = |path: &Path, error: &io::Error| {
        let remedy = match error.kind() {
            io::ErrorKind::NotFound => "create the folder, or name a file in one that is there",
            io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory => {
                "name a file, not a folder"
            }
            io::ErrorKind::InvalidInput => "name a file",
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "free some space",
            io::ErrorKind::FileTooLarge => "raise the limit of file sizes (`ulimit -f`)",
            _ => "let this user read and write the file and its folder, or name another file",
        };
        let detail = format!("{} cannot be written ({error}): {remedy}", path.display());
        Error::new(ErrorKind::Config, detail)
    };
    // As the stores find it, and refuse what cannot be opened without waiting.
    let found = OsDisk.resolve(path).await;
    found.map_err(|error| failed(path, &error))?;
    let is_there = match OpenOptions::new().read(true).append(true).open(path) {
        Ok(_) => true,
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) => return Err(failed(path, &error)),
    };
    let probe = beside(path);
    let written = write_probe(&probe);
    fs::remove_file(&probe).ok();
    match written {
        Ok(()) => Ok(is_there),
        Err(error) => Err(failed(path, &error)),
    }
}

/// A name that no store has, in the same folder.
fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.check-{}", std::process::id()))
}

fn write_probe(path: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(&[b'\n'; ROOM])?;
    file.sync_all()
}
