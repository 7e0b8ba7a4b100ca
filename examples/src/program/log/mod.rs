//! The log of a program, on stderr.

mod filter;
mod json;
mod written;

use std::io::{self, IsTerminal};
use std::time::Duration;

use okta_coralogix_core::Result;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, registry};

use self::written::log_filter;
use super::Environment;
use super::settings::{About, Flags, Group, Setting, parse};

/// The form of the log.
pub static LOG_FORMAT: Setting<Format> = Setting {
    about: About {
        flag: "--log-format",
        value: "text|json",
        default: "text",
        help: "The log on stderr: text, or one JSON object a line",
        reason: "people read it first",
        ..About::NONE
    },
    parse: |_, value| match value {
        "text" => Ok(Format::Text),
        "json" => Ok(Format::Json),
        _ => Err(format!("is {value:?}; write text or json")),
    },
};

/// Between two lines with counts.
pub static LOG_INTERVAL: Setting<Duration> = Setting {
    about: About {
        flag: "--log-interval",
        value: "DURATION",
        default: "1m",
        help: "From one line with counts to the next, while events move",
        reason: "often enough to see a fault, seldom enough to read",
        ..About::NONE
    },
    parse: parse::duration,
};

/// Between two lines without any.
pub static HEARTBEAT_INTERVAL: Setting<Duration> = Setting {
    about: About {
        flag: "--heartbeat-interval",
        value: "DURATION",
        default: "1h",
        help: "From one line to the next that says that all is well, while no event moves",
        reason: "an org without events at night shows that its program runs",
        ..About::NONE
    },
    parse: parse::duration,
};

/// The flags of every program's log.
#[derive(Debug)]
pub struct LogGroup;

impl Group for LogGroup {
    const SETTINGS: &'static [&'static About] = &[
        &LOG_FORMAT.about,
        &LOG_INTERVAL.about,
        &HEARTBEAT_INTERVAL.about,
    ];
}

/// Those of [`LogGroup`].
pub type LogArgs = Flags<LogGroup>;

/// How a program logs.
#[derive(Debug, Clone, PartialEq)]
pub struct LogSettings {
    format: Format,
    /// The levels that `RUST_LOG` asks for.
    targets: Targets,
    has_colour: bool,
    /// Progress is drawn, below the log.
    pub(super) draws: bool,
    /// Between two lines with counts.
    pub(super) interval: Duration,
    /// Between two lines without any.
    pub(super) heartbeat: Duration,
}

/// The form of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// An object.
    Json,
}

impl LogArgs {
    /// Those of the args, of their variables, and of `RUST_LOG`, `NO_COLOR` and `TERM`.
    ///
    /// # Errors
    /// `Config`, which names the flag or the variable.
    pub fn settings(&self, environment: &Environment) -> Result<LogSettings> {
        let values = self.values(environment);
        let interval = LOG_INTERVAL.get(&values)?;
        let heartbeat = HEARTBEAT_INTERVAL.get(&values)?;
        let settings = LogSettings {
            format: LOG_FORMAT.get(&values)?,
            targets: filter::targets(environment)?,
            has_colour: false,
            draws: false,
            interval,
            heartbeat,
        };
        Ok(settings.on(io::stderr().is_terminal(), environment))
    }
}

impl LogSettings {
    pub(super) fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// Whether it is coloured and progress is drawn: on a terminal that can, for a person who has not forbidden it.
    fn on(self, is_terminal: bool, environment: &Environment) -> Self {
        let is_set_to = |name, value: &str| environment.raw(name).is_some_and(|is| is == value);
        let is_capable = is_terminal && self.format == Format::Text && !is_set_to("TERM", "dumb");
        // By the convention of no-color.org, set to nothing means not set.
        let no_colour = environment
            .raw("NO_COLOR")
            .is_some_and(|value| !value.is_empty());
        Self {
            has_colour: is_capable && !no_colour,
            draws: is_capable,
            ..self
        }
    }

    /// Sends the log of the process to `writer`. A second program in the same process keeps the first one's log.
    pub(super) fn start<W>(&self, writer: W)
    where
        W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
    {
        let log = tracing_subscriber::fmt::layer().with_writer(writer);
        let written = log_filter(self.targets.clone());
        let started = match self.format {
            Format::Text => {
                let log = log.with_target(false).with_ansi(self.has_colour);
                registry().with(log.with_filter(written)).try_init()
            }
            Format::Json => {
                let log = log
                    .with_ansi(false)
                    .fmt_fields(json::JsonMembers)
                    .event_format(json::JsonLines);
                registry().with(log.with_filter(written)).try_init()
            }
        };
        started.ok();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn environment(variables: &[(&'static str, &str)]) -> Environment {
        let variables: HashMap<_, _> = variables
            .iter()
            .map(|(name, value)| (*name, (*value).into()))
            .collect();
        Environment::new(move |name| variables.get(name).cloned())
    }

    #[test]
    fn colour_and_progress_need_a_terminal_that_takes_them() {
        type Case<'a> = (bool, &'a [(&'static str, &'a str)], [bool; 2]);
        let cases: [Case<'_>; 7] = [
            (true, &[], [true, true]),
            (false, &[], [false, false]),
            (true, &[("NO_COLOR", "1")], [false, true]),
            (true, &[("NO_COLOR", "")], [true, true]),
            (true, &[("TERM", "dumb")], [false, false]),
            (true, &[("TERM", "xterm-256color")], [true, true]),
            (
                true,
                &[("OKTA_CORALOGIX_LOG_FORMAT", "json")],
                [false, false],
            ),
        ];
        for (is_terminal, variables, expected) in cases {
            let environment = environment(variables);
            let settings = LogArgs::default().settings(&environment).unwrap();
            let settings = settings.on(is_terminal, &environment);
            assert_eq!(
                [settings.has_colour, settings.draws],
                expected,
                "{is_terminal} {variables:?}"
            );
        }
    }

    #[test]
    fn wrong_setting_of_the_log_is_named() {
        for (variable, value, advice) in [
            ("OKTA_CORALOGIX_LOG_FORMAT", "xml", "text or json"),
            ("OKTA_CORALOGIX_LOG_INTERVAL", "0s", "1m"),
            ("OKTA_CORALOGIX_HEARTBEAT_INTERVAL", "often", "1h"),
            ("RUST_LOG", "okta_source=loud", "info"),
        ] {
            let error = LogArgs::default().settings(&environment(&[(variable, value)]));
            let error = error.unwrap_err().to_string();
            assert!(
                error.starts_with(variable) && error.contains(advice),
                "{error}"
            );
        }
    }
}
