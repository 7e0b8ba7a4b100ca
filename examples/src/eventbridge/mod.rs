//! The programs of the EventBridge route, and the settings that they share.

mod backlog;
pub mod http;
pub mod lambda;
pub mod sqs;

use std::path::PathBuf;
use std::sync::Arc;

use coralogix_sink::CoralogixSink;
use eventbridge_source::Intake;
use okta_coralogix_core::{CoralogixMapping, Result, SharedClockOffset, SystemClock};

use crate::coralogix;
use crate::program::Environment;
use crate::program::args::Args;

/// The flags that all programs of this route have.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct SharedFlags {
    /// Where events are kept that cannot be delivered [default: okta-coralogix.dead-letters.ndjson]
    #[arg(long, value_name = "FILE")]
    pub dead_letters: Option<String>,
    /// Send the bare event instead of the whole envelope
    #[arg(long)]
    pub bare_event: bool,
    /// Take events of every source, not only Okta's: for tests
    #[arg(long)]
    pub any_source: bool,
}

/// The settings that all programs of this route have.
#[derive(Debug)]
pub struct Shared {
    /// Where entries go.
    pub sink: CoralogixSink,
    /// How far the clock of the ingress is, which the sink notes.
    pub clock_offset: SharedClockOffset,
    /// How they are made.
    pub mapping: CoralogixMapping,
    /// How bodies are read.
    pub intake: Intake,
    /// The file of what cannot be delivered.
    pub dead_letters: PathBuf,
}

impl Shared {
    /// The environment twins of the shared flags.
    pub const VARIABLES: [&str; 3] = [
        "OKTA_CORALOGIX_DEAD_LETTERS",
        "OKTA_CORALOGIX_BARE_EVENT",
        "OKTA_CORALOGIX_ANY_SOURCE",
    ];

    /// Reads what was set.
    ///
    /// # Errors
    /// `Config`, which names what is missing or wrong and says what to write.
    pub fn read(flags: SharedFlags, environment: &Environment) -> Result<Self> {
        let given = Args { environment };
        let bare = given.switch("BARE_EVENT", flags.bare_event)?;
        let any_source = given.switch("ANY_SOURCE", flags.any_source)?;
        let clock_offset = SharedClockOffset::unknown();
        let sink =
            coralogix::sink(environment)?.clock_offset(clock_offset.clone(), Arc::new(SystemClock));
        Ok(Self {
            sink: sink.build()?,
            clock_offset,
            mapping: coralogix::mapping(environment, None)?
                .bare_event(bare)
                .build()?,
            intake: Intake::default().any_source(any_source),
            dead_letters: given.file(
                "DEAD_LETTERS",
                "--dead-letters",
                flags.dead_letters,
                "okta-coralogix.dead-letters.ndjson",
            )?,
        })
    }
}
