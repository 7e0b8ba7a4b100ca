//! Which events are in the dead letters, and why.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind};
use std::path::Path;

use coralogix_sink::audit::Cause;
use coralogix_sink::query::EventId;
use okta_coralogix_core::dead_letter::{DeadLetterReason, DeadLetterRecord, DeadLetterTarget};
use okta_coralogix_core::{Error, Result};

use crate::program::pipeline_settings::DEAD_LETTERS;
use crate::program::rotations;
use crate::replay::event_of;

/// The name that refills of earlier versions gave to all their letters.
const REFILL: &str = "refill";

/// The events in the dead letters of `path`, those in rotated files too. Nothing is there: none. With `integration` without those that
/// name another one, which a replay sends elsewhere: two integrations may have one org, and so the same events.
///
/// # Errors
/// `Config` if a file cannot be read.
pub(super) fn causes(path: &Path, integration: Option<&str>) -> Result<HashMap<EventId, Cause>> {
    read_all((path, integration), |_| true)
}

/// As [`causes`], of the events `wanted` only, so that no more is held than them.
///
/// # Errors
/// As there.
pub(super) fn causes_of(
    path: &Path,
    integration: Option<&str>,
    wanted: &HashSet<EventId>,
) -> Result<HashMap<EventId, Cause>> {
    read_all((path, integration), |id| wanted.contains(id))
}

fn read_all(
    (path, integration): (&Path, Option<&str>),
    is_wanted: impl Fn(&EventId) -> bool,
) -> Result<HashMap<EventId, Cause>> {
    let mut causes = HashMap::new();
    for file in rotations(path).chain([path.to_owned()]) {
        let read = read((&file, integration), &is_wanted, &mut causes);
        read.map_err(|error| {
            let detail = format!("{} cannot be read: {error}", file.display());
            Error::config(DEAD_LETTERS.about.flag, detail)
        })?;
    }
    Ok(causes)
}

fn read(
    (path, integration): (&Path, Option<&str>),
    is_wanted: impl Fn(&EventId) -> bool,
    causes: &mut HashMap<EventId, Cause>,
) -> std::io::Result<()> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let mut lines = BufReader::new(file);
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line)? > 0 {
        // A line that a crash has cut off is no letter.
        let record = DeadLetterRecord::from_line(&line).ok();
        if let Some(record) = record.filter(|record| is_of(integration, record.target.as_ref())) {
            let (reason, detail) = (record.reason.clone(), record.detail.clone());
            let uuid = event_of(record)
                .ok()
                .and_then(|event| event.uuid().map(|uuid| EventId::new(&uuid)))
                .filter(&is_wanted);
            causes.extend(uuid.map(|uuid| (uuid, cause(&reason, &detail))));
        }
        line.clear();
    }
    Ok(())
}

/// True unless the letter names another integration.
fn is_of(integration: Option<&str>, target: Option<&DeadLetterTarget>) -> bool {
    let (Some(integration), Some(target)) = (integration, target) else {
        return true;
    };
    [integration, REFILL, ""].contains(&&*target.integration)
}

fn cause(reason: &str, detail: &str) -> Cause {
    match reason == DeadLetterReason::TooOld.as_str() {
        true => Cause::TooOld,
        false if detail.is_empty() => Cause::DeadLettered(reason.to_owned()),
        false => Cause::DeadLettered(format!("{reason}, {detail}")),
    }
}
