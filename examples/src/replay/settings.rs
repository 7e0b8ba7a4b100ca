//! The settings of `replay`, from args and environment.

use std::path::{Path, PathBuf};
use std::time::Duration;

use coralogix_sink::CoralogixSink;
use okta_coralogix_core::dead_letter::FileDeadLetters;
use okta_coralogix_core::filter::AgePolicy;
use okta_coralogix_core::{CoralogixMapping, Error, Result};

use super::ReplayArgs;
use crate::program::admin::AdminAddress;
use crate::program::coralogix;
use crate::program::{Environment, FaultTimeouts, Network};

/// The settings of a run.
#[derive(Debug)]
pub struct Settings {
    pub(super) sink: CoralogixSink,
    pub(super) mapping: CoralogixMapping,
    pub(super) dead_letters: PathBuf,
    pub(super) faults: FaultTimeouts,
    /// For events that are too old.
    pub(super) too_old: AgePolicy,
    pub(super) give_up_after: Duration,
    pub(super) admin: Option<AdminAddress>,
}

impl Settings {
    pub(super) fn read(args: ReplayArgs, environment: &Environment) -> Result<Self> {
        let (dead_letters, faults) = args.pipeline.settings(environment)?;
        if !is_there(&dead_letters) {
            let detail = format!(
                "{} does not exist: name the file that the program writes its dead letters to",
                dead_letters.display()
            );
            return Err(Error::config("--dead-letters", detail));
        }
        let network = Network::read(args.network, environment)?;
        let bare = environment.switch("--bare-event", args.bare_event)?;
        let mapping = coralogix::mapping(environment, None)?.bare_event(bare);
        Ok(Self {
            sink: coralogix::sink(environment, &network)?.build()?,
            mapping: mapping.build()?,
            dead_letters,
            faults,
            too_old: too_old(environment.flag("--too-old", args.too_old)?)?,
            give_up_after: environment.duration("--give-up-after", args.give_up_after, "10m")?,
            admin: args.admin.address(environment)?,
        })
    }
}

fn too_old(value: Option<(String, String)>) -> Result<AgePolicy> {
    let Some((name, value)) = value else {
        return Ok(AgePolicy::DeadLetter);
    };
    match value.as_str() {
        "keep" => Ok(AgePolicy::DeadLetter),
        "drop" => Ok(AgePolicy::Drop),
        "restamp" => Ok(AgePolicy::Restamp),
        _ => Err(Error::config(
            &name,
            format!("is {value:?}; write keep, drop or restamp"),
        )),
    }
}

/// True if the file exists, or one that was rotated away from it: a replay that was stopped leaves only those.
fn is_there(path: &Path) -> bool {
    if path.exists() {
        return true;
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let rotated = |entry: std::fs::DirEntry| {
        let name = entry.file_name();
        FileDeadLetters::is_rotation(path, &name.to_string_lossy())
    };
    std::fs::read_dir(folder).is_ok_and(|entries| entries.flatten().any(rotated))
}
