//! The settings that pipelines have.

use std::path::{Path, PathBuf};
use std::time::Duration;

use okta_coralogix_core::filter::{AgeFilter, AgePolicy, EventTypeFilter};
use okta_coralogix_core::{Error, Result};

use super::args::age_filter;
use super::fault_timeouts::FaultTimeouts;
use super::settings::{About, Flags, Group, Setting, Values, parse};
use super::state_dir::{STATE_DIR, StateDir};
use super::state_files::is_file;

/// As the pipeline has it.
const MAX_OUTAGE_PATIENCE: Duration = Duration::from_secs(6 * 3600);

/// Where events go that cannot be delivered.
pub static DEAD_LETTERS: Setting<PathBuf> = Setting {
    about: About {
        flag: "--dead-letters",
        value: "FILE",
        default: "okta-coralogix.dead-letters.ndjson",
        builder: "PipelineBuilder::dead_letters",
        help: "The file of the events that cannot be delivered; - writes them to the log, on standard output; with pull and replay, state \
               keeps them where replicas share the positions",
        reason: "no event is lost silently, also where nothing was set",
        ..About::NONE
    },
    parse: parse::file,
};

/// What becomes of events that are too old.
pub static TOO_OLD: Setting<AgePolicy> = Setting {
    about: About {
        flag: "--too-old",
        key: "too_old",
        value: "drop|dead-letter|restamp",
        default: "drop",
        elsewhere: &[("replay", "dead-letter")],
        example: "dead-letter",
        is_global: true,
        builder: "PipelineBuilder::age_filter",
        help: "For events older than 24 hours, which Coralogix does not take: drop (and count), dead-letter (keep in the file), or restamp (send \
               with the present time)",
        reason: "Coralogix drops them without a word; a replay must not lose the letters that it reads",
        ..About::NONE
    },
    parse: parse::too_old,
};

/// How long events in flight may take after a signal.
pub static DRAIN_TIMEOUT: Setting<Duration> = Setting {
    about: About {
        flag: "--drain-timeout",
        key: "drain_timeout",
        value: "DURATION",
        default: "25s",
        elsewhere: &[("eventbridge_http", "6s")],
        builder: "PipelineBuilder::drain_timeout",
        help: "How long events in flight may take after SIGTERM or SIGINT, before they are handed back",
        reason: "less than the 30 s after which Kubernetes kills; EventBridge waits 5 s for an answer and sends again",
        ..About::NONE
    },
    parse: parse::duration,
};

/// How long something else than the remote may answer.
pub static INTERCEPTION_TIMEOUT: Setting<Duration> = Setting {
    about: About {
        flag: "--interception-timeout",
        key: "interception_timeout",
        value: "DURATION",
        default: "5m",
        builder: "PipelineBuilder::interception_timeout",
        help: "How long a proxy or web page may answer before anything was accepted, until the run ends",
        reason: "a proxy that starts later than the program is waited for, a wrong address is not waited for long",
        ..About::NONE
    },
    parse: parse::duration,
};

/// When a refused credential is tried again.
pub static REFUSAL_WAIT: Setting<Duration> = Setting {
    about: About {
        flag: "--refusal-wait",
        key: "refusal_wait",
        value: "DURATION",
        default: "60s",
        builder: "PipelineBuilder::refusal_wait",
        help: "The wait after which a credential that was refused is tried once more; then the program ends",
        reason: "a new key takes up to a minute until all servers know it; more attempts could lock an account",
        ..About::NONE
    },
    parse: parse::duration,
};

/// How long an event is tried at which Coralogix fails.
pub static OUTAGE_PATIENCE: Setting<Duration> = Setting {
    about: About {
        flag: "--outage-patience",
        key: "outage_patience",
        value: "DURATION",
        default: "30m",
        builder: "PipelineBuilder::outage_patience",
        help: "How long an event is tried at which Coralogix fails, while others pass, until it is dead-lettered; at most 6h",
        reason: "longer than most outages of a part of an ingress, and short enough that no queue fills up",
        ..About::NONE
    },
    parse: |about, value| {
        let patience = parse::duration(about, value)?;
        match patience > MAX_OUTAGE_PATIENCE {
            true => Err(format!(
                "{value:?} is longer than an event may be tried, which then becomes too old; write 6h at most"
            )),
            false => Ok(patience),
        }
    },
};

/// The event types that are delivered.
pub static EVENT_TYPES: Setting<Vec<String>> = Setting {
    about: About {
        flag: "--event-types",
        key: "event_types",
        value: "TYPES",
        default: "all",
        example: "user.session.*",
        builder: "PipelineBuilder::filter",
        help: "Deliver only these event types, with commas between them; a * at the end stands for any end. The others are counted as filtered",
        reason: "an audit log is whole unless its owner says otherwise",
        ..About::NONE
    },
    parse: event_types,
};

/// The event types that are not delivered.
pub static SKIP_EVENT_TYPES: Setting<Vec<String>> = Setting {
    about: About {
        flag: "--skip-event-types",
        key: "skip_event_types",
        value: "TYPES",
        default: "none",
        example: "system.*",
        builder: "PipelineBuilder::filter",
        help: "Do not deliver these event types, also where --event-types has them; written as there",
        reason: "an audit log is whole unless its owner says otherwise",
        ..About::NONE
    },
    parse: event_types,
};

fn event_types(about: &About, value: &str) -> Result<Vec<String>, String> {
    let types = parse::list(about, value)?;
    let none: [&str; 0] = [];
    let wrong = types
        .iter()
        .find(|name| EventTypeFilter::new([name.as_str()], none).is_err());
    match wrong {
        Some(name) => Err(format!(
            "{name:?} is no event type; write one such as user.session.start, or {}, with a * at its end only",
            about.example()
        )),
        None => Ok(types),
    }
}

/// The flags of every program with a pipeline.
#[derive(Debug)]
pub struct PipelineGroup;

impl Group for PipelineGroup {
    const SETTINGS: &'static [&'static About] = &[
        &DEAD_LETTERS.about,
        &STATE_DIR.about,
        &TOO_OLD.about,
        &DRAIN_TIMEOUT.about,
        &INTERCEPTION_TIMEOUT.about,
        &REFUSAL_WAIT.about,
        &OUTAGE_PATIENCE.about,
    ];
}

/// The flags of programs that may leave events out.
#[derive(Debug)]
pub struct FilterGroup;

impl Group for FilterGroup {
    const SETTINGS: &'static [&'static About] = &[&EVENT_TYPES.about, &SKIP_EVENT_TYPES.about];
}

/// The flag of `service_logs`, which has no pipeline.
#[derive(Debug)]
pub struct RefusalGroup;

impl Group for RefusalGroup {
    const SETTINGS: &'static [&'static About] = &[&REFUSAL_WAIT.about];
}

/// Those of [`PipelineGroup`].
pub type PipelineArgs = Flags<PipelineGroup>;

/// Those of [`FilterGroup`].
pub type FilterArgs = Flags<FilterGroup>;

/// Those of [`RefusalGroup`].
pub type RefusalArgs = Flags<RefusalGroup>;

/// What pipelines have that integrations may have each by itself. What is not set has the pipeline's default.
#[derive(Debug, Clone, Default)]
pub struct PipelineOptions {
    /// For events that are too old.
    pub too_old: Option<AgePolicy>,
    /// How long events in flight may take after a signal.
    pub drain_timeout: Option<Duration>,
    /// How long faults are waited for.
    pub faults: FaultTimeouts,
    /// Which event types are delivered; `None`: all.
    pub event_types: Option<EventTypeFilter>,
}

/// What the pipelines of a program have in common. The defaults are those of a program without a flag.
#[derive(Debug, Clone, Default)]
pub struct PipelineSettings {
    /// The folder of what is kept.
    pub state: StateDir,
    /// The file of dead letters.
    pub dead_letters: PathBuf,
    /// What integrations may have each by itself.
    pub options: PipelineOptions,
}

impl PipelineOptions {
    /// What is written.
    ///
    /// # Errors
    /// `Config` if a value is wrong.
    pub fn read(values: &Values<'_>) -> Result<Self> {
        Ok(Self {
            too_old: TOO_OLD.given(values)?,
            drain_timeout: DRAIN_TIMEOUT.given(values)?,
            faults: FaultTimeouts {
                interception: Some(INTERCEPTION_TIMEOUT.get(values)?),
                refusal_wait: REFUSAL_WAIT.given(values)?,
                outage_patience: Some(OUTAGE_PATIENCE.get(values)?),
            },
            event_types: event_type_filter(values)?,
        })
    }

    /// The age rule: events that are too old are dropped unless it was set otherwise.
    #[must_use]
    pub fn age_filter(&self) -> AgeFilter {
        age_filter(self.too_old.unwrap_or_default())
    }

    /// How long events in flight may take after a signal.
    #[must_use]
    pub fn drain_timeout(&self) -> Duration {
        self.drain_timeout
            .unwrap_or_else(|| DRAIN_TIMEOUT.default())
    }
}

/// The filter of event types, if one is set.
///
/// # Errors
/// `Config` if a value is wrong.
pub fn event_type_filter(values: &Values<'_>) -> Result<Option<EventTypeFilter>> {
    let allowed = EVENT_TYPES.given(values)?;
    let skipped = SKIP_EVENT_TYPES.given(values)?;
    if allowed.is_none() && skipped.is_none() {
        return Ok(None);
    }
    let filter = EventTypeFilter::new(allowed.unwrap_or_default(), skipped.unwrap_or_default())
        .map_err(|error| Error::config(EVENT_TYPES.about.flag, error))?;
    Ok(Some(filter))
}

impl PipelineSettings {
    /// What is written, and the defaults of the programs.
    ///
    /// # Errors
    /// `Config` if a value is wrong, or dead letters were left where they were before.
    pub fn read(values: &Values<'_>) -> Result<Self> {
        let options = PipelineOptions::read(values)?;
        Self::of_integration(values, options)
    }

    /// Those of one integration with `options`, which runs alone.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn of_integration(values: &Values<'_>, mut options: PipelineOptions) -> Result<Self> {
        let state = StateDir::read(values)?;
        let mut dead_letters = DEAD_LETTERS.get(values)?;
        if is_file(&dead_letters) {
            dead_letters = state.place(Path::new(""), &dead_letters);
            state.check_dead_letters(DEAD_LETTERS.about.flag, &dead_letters)?;
        }
        let refusal_wait = &mut options.faults.refusal_wait;
        *refusal_wait = Some(refusal_wait.unwrap_or_else(|| REFUSAL_WAIT.default()));
        Ok(Self {
            state,
            dead_letters,
            options,
        })
    }

    /// The file of dead letters; `None` if they are written to the log, or kept where replicas share the positions.
    #[must_use]
    pub fn dead_letters_file(&self) -> Option<PathBuf> {
        is_file(&self.dead_letters).then(|| self.dead_letters.clone())
    }
}

#[cfg(test)]
mod tests {
    use okta_coralogix_core::AckOrder;
    use okta_coralogix_core::Pipeline;
    use okta_coralogix_core::observe::TracingObserver;
    use okta_coralogix_core::testing::{MemorySink, MemorySource};

    use super::*;
    use crate::program::Environment;
    use crate::program::pipeline::configure;
    use crate::program::settings::KeyValues;

    /// The limits and filters of a pipeline with these options.
    fn shown(options: &PipelineOptions) -> String {
        let builder = Pipeline::builder(
            MemorySource::new(AckOrder::Cumulative, Vec::new()),
            MemorySink::default(),
        );
        let builder = configure(builder.seed(0), TracingObserver::new(), options, None);
        let all = format!("{builder:?}");
        let (_, rules) = all.split_once("age: ").unwrap();
        let (rules, rest) = rules.split_once("dead_letters: ").unwrap();
        let (_, limits) = rest.split_once("limits: Limits").unwrap();
        // A filter of the pipeline shows no more than that it is there.
        let types = options.event_types.as_ref();
        let has_filter = rules.contains("filters: [EventFilter]");
        assert_eq!(has_filter, types.is_some(), "{rules}");
        format!("{types:?}{rules}{limits}")
    }

    #[test]
    fn keys_of_an_integration_arrive_at_its_pipeline() {
        let environment = Environment::new(|_| None);
        let defaults = PipelineOptions::read(&Values::of(&environment)).unwrap();
        for (key, expected) in [
            ("too_old = \"restamp\"", "Restamp"),
            ("drain_timeout = \"7s\"", "drain: 7s"),
            ("interception_timeout = \"77s\"", "77s"),
            ("refusal_wait = \"78s\"", "78s"),
            ("outage_patience = \"79s\"", "79s"),
            ("event_types = [\"user.*\"]", "Prefix(\"user.\")"),
            ("skip_event_types = \"a, b\"", "Exact(\"b\")"),
        ] {
            let keys: KeyValues = toml::from_str(key).unwrap();
            let options = PipelineOptions::read(&Values::of(&environment).table(&keys));
            let options = shown(&options.unwrap());
            assert!(options.contains(expected), "{key}: {options}");
            assert!(!shown(&defaults).contains(expected), "{key}");
        }
    }

    #[test]
    fn defaults_are_those_of_the_library_but_for_the_drain() {
        let environment = Environment::new(|_| None);
        let settings = PipelineSettings::read(&Values::of(&environment)).unwrap();
        let builder = Pipeline::builder(
            MemorySource::new(AckOrder::Cumulative, Vec::new()),
            MemorySink::default(),
        );
        let builder = builder.seed(0).drain_timeout(Duration::from_secs(25));
        let library = format!("{:?}", builder.observer(TracingObserver::new()));
        let (_, limits) = library.split_once("limits: Limits").unwrap();
        assert!(shown(&settings.options).ends_with(limits), "{limits}");
    }

    #[test]
    fn wrong_event_types_are_named_with_a_right_one() {
        for types in ["", "a,,b", "*.start", "user.*.start"] {
            let environment = Environment::new(move |name| {
                (name == "OKTA_CORALOGIX_EVENT_TYPES").then(|| types.into())
            });
            let wrong = PipelineOptions::read(&Values::of(&environment)).unwrap_err();
            let wrong = wrong.to_string();
            assert!(
                wrong.starts_with("OKTA_CORALOGIX_EVENT_TYPES: ")
                    && wrong.contains("user.session.*"),
                "{wrong}"
            );
        }
    }
}
