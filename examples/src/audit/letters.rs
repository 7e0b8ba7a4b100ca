//! Which events are in the dead letters, and why.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, ErrorKind};
use std::path::{Path, PathBuf};

use coralogix_sink::audit::Cause;
use coralogix_sink::query::EventId;
use okta_coralogix_core::dead_letter::{DeadLetterReason, DeadLetterRecord, FileDeadLetters};
use okta_coralogix_core::{Error, Result};

use crate::program::pipeline_settings::DEAD_LETTERS;
use crate::replay::event_of;

/// The events in the dead letters of `path`, those in rotated files too. Nothing is there: none.
///
/// # Errors
/// `Config` if a file cannot be read.
pub(super) fn causes(path: &Path) -> Result<HashMap<EventId, Cause>> {
    let mut causes = HashMap::new();
    for file in files(path) {
        let read = read(&file, &mut causes);
        read.map_err(|error| {
            let detail = format!("{} cannot be read: {error}", file.display());
            Error::config(DEAD_LETTERS.about.flag, detail)
        })?;
    }
    Ok(causes)
}

fn files(path: &Path) -> Vec<PathBuf> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let rotated = names.filter(|name| FileDeadLetters::is_rotation(path, name));
    let rotated = rotated.map(|name| folder.join(name));
    rotated.chain([path.to_owned()]).collect()
}

fn read(path: &Path, causes: &mut HashMap<EventId, Cause>) -> std::io::Result<()> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let mut lines = BufReader::new(file);
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line)? > 0 {
        // A line that a crash has cut off is no letter.
        if let Ok(record) = serde_json::from_slice::<DeadLetterRecord>(&line) {
            let (reason, detail) = (record.reason.clone(), record.detail.clone());
            let uuid = event_of(record)
                .ok()
                .and_then(|event| event.uuid().map(|uuid| EventId::new(&uuid)));
            causes.extend(uuid.map(|uuid| (uuid, cause(&reason, &detail))));
        }
        line.clear();
    }
    Ok(())
}

fn cause(reason: &str, detail: &str) -> Cause {
    match reason == DeadLetterReason::TooOld.as_str() {
        true => Cause::TooOld,
        false if detail.is_empty() => Cause::DeadLettered(reason.to_owned()),
        false => Cause::DeadLettered(format!("{reason}, {detail}")),
    }
}
