//! What the user set, read and checked before anything starts.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Parser;
use coralogix_sink::CoralogixSink;
use okta_coralogix_core::filter::AgePolicy;
use okta_coralogix_core::{CoralogixMapping, Error, Result};

use crate::coralogix;
use crate::program::Environment;
use crate::program::args::Args;

/// Sends the dead letters of a file once more.
///
/// What can be sent is; what cannot stands in the file again, with the new reason. It can be stopped at any time and goes on
/// where it stood. Reads CORALOGIX_DOMAIN (or CORALOGIX_ENDPOINT), CORALOGIX_API_KEY, CORALOGIX_APPLICATION and
/// CORALOGIX_SUBSYSTEM from the environment. Every flag can be given as a variable too: `OKTA_CORALOGIX_<FLAG>`. Without any of
/// them it demonstrates itself on a stand-in.
#[derive(Debug, Clone, Default, Parser)]
#[command(name = "replay", version)]
pub struct Flags {
    /// The file, with all that was rotated away from it [default: okta-coralogix.dead-letters.ndjson]
    #[arg(long, value_name = "FILE")]
    pub dead_letters: Option<String>,
    /// What becomes of events of more than 24 hours: keep (in the file), drop, or restamp (send them with the time of now)
    /// [default: keep]
    #[arg(long, value_name = "keep|drop|restamp")]
    pub too_old: Option<String>,
    /// Send the bare event where a whole EventBridge envelope was kept
    #[arg(long)]
    pub bare_event: bool,
    /// Give up after this long without progress [default: 10m]
    #[arg(long, value_name = "DURATION")]
    pub give_up_after: Option<String>,
}

impl Flags {
    /// The environment twins of the flags.
    pub const VARIABLES: [&str; 4] = [
        "OKTA_CORALOGIX_DEAD_LETTERS",
        "OKTA_CORALOGIX_TOO_OLD",
        "OKTA_CORALOGIX_BARE_EVENT",
        "OKTA_CORALOGIX_GIVE_UP_AFTER",
    ];
}

/// What the user wants.
#[derive(Debug)]
pub enum Wanted {
    /// Nothing was set at all.
    Demonstration,
    /// A run with these settings.
    Real(Box<Settings>),
}

/// The settings of a run.
#[derive(Debug)]
pub struct Settings {
    /// Where entries go.
    pub sink: CoralogixSink,
    /// How they are made.
    pub mapping: CoralogixMapping,
    /// The file.
    pub dead_letters: PathBuf,
    /// What becomes of events that are too old.
    pub too_old: AgePolicy,
    /// How long to go on without progress.
    pub give_up: Duration,
}

impl Wanted {
    /// Reads what was set. Any variable or argument at all means a real run.
    ///
    /// # Errors
    /// `Config`, which names what is missing or wrong and says what to write.
    pub fn read(flags: Flags, any_argument: bool, environment: &Environment) -> Result<Self> {
        let mut variables = coralogix::VARIABLES.into_iter().chain(Flags::VARIABLES);
        if !any_argument && !variables.any(|name| environment.has(name)) {
            return Ok(Self::Demonstration);
        }
        let given = Args { environment };
        let dead_letters = given.file(
            "DEAD_LETTERS",
            "--dead-letters",
            flags.dead_letters,
            "okta-coralogix.dead-letters.ndjson",
        )?;
        if !is_there(&dead_letters) {
            let detail = format!(
                "{} does not exist: name the file that the program writes its dead letters to",
                dead_letters.display()
            );
            return Err(Error::config("--dead-letters", detail));
        }
        let bare = given.switch("BARE_EVENT", flags.bare_event)?;
        Ok(Self::Real(Box::new(Settings {
            sink: coralogix::sink(environment)?.build()?,
            mapping: coralogix::mapping(environment, None)?
                .bare_event(bare)
                .build()?,
            dead_letters,
            too_old: too_old(given.value("TOO_OLD", "--too-old", flags.too_old)?)?,
            give_up: given.duration(
                "GIVE_UP_AFTER",
                "--give-up-after",
                flags.give_up_after,
                "10m",
            )?,
        })))
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

/// True if the file is there, or one that was rotated away from it: a replay that was stopped leaves only those.
fn is_there(path: &Path) -> bool {
    if path.exists() {
        return true;
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let rotated = |entry: std::fs::DirEntry| {
        let other = entry.file_name();
        let other = other.to_string_lossy();
        let number = other
            .strip_prefix(&*name)
            .and_then(|rest| rest.strip_prefix('.'));
        number.is_some_and(|number| number.parse::<u64>().is_ok())
    };
    std::fs::read_dir(folder).is_ok_and(|entries| entries.flatten().any(rotated))
}
