//! The settings of an org's source: the same in `pull` with one org, and in the file of `--config`.

use std::path::PathBuf;
use std::time::Duration;

use okta_coralogix_core::{Error, Result};
use okta_source::{OktaSourceBuilder, OrgUrl, Since};

use crate::program::settings::{About, Group, Setting, Values, WrittenNames, parse};

/// Where to begin.
pub(in super::super) static SINCE: Setting<Since> = Setting {
    about: About {
        flag: "--since",
        key: "since",
        value: "TIME|DURATION",
        default: "24h",
        builder: "OktaSourceBuilder::since",
        help: "Where to begin when there is no checkpoint yet: an RFC 3339 time, or how long ago (90m, 24h)",
        reason: "Coralogix takes no event of more than 24 hours",
        ..About::NONE
    },
    parse: parse::since,
};

/// From poll to poll.
pub(super) static POLL_INTERVAL: Setting<Duration> = Setting {
    about: About {
        flag: "--poll-interval",
        key: "poll_interval",
        value: "DURATION",
        default: "30s",
        builder: "OktaSourceBuilder::poll_interval",
        help: "How often to ask for new events",
        reason: "2 of the 60 and more requests a minute that an org has",
        ..About::NONE
    },
    parse: parse::duration,
};

/// How often the last minutes are read again.
pub(crate) static REREAD_EVERY: Setting<Option<Duration>> = Setting {
    about: About {
        flag: "--reread-every",
        key: "reread_every",
        value: "DURATION|off",
        default: "1h",
        builder: "OktaSourceBuilder::reread_every",
        help: "How often to read the last 10 minutes again, to find what Okta's links have passed; off: never",
        reason: "3 requests at most, and what was missed is an hour late at most",
        ..About::NONE
    },
    parse: parse::duration_or_off,
};

/// The file of the position.
pub static CHECKPOINT: Setting<PathBuf> = Setting {
    about: About {
        flag: "--checkpoint",
        key: "checkpoint",
        value: "FILE",
        default: "okta-coralogix.checkpoint",
        is_global: true,
        builder: "OktaSourceBuilder::checkpoint",
        help: "The file of the position; that of an integration is named after it, beside the file of --config",
        reason: "a second start in the same folder goes on where the first one stopped",
        ..About::NONE
    },
    parse: parse::file,
};

/// The domain of the org before it was changed.
pub(super) static RENAMED_FROM: Setting<OrgUrl> = Setting {
    about: About {
        flag: "--renamed-from",
        key: "renamed_from",
        value: "URL",
        default: "none",
        example: "https://before.okta.com",
        is_global: true,
        builder: "OktaSourceBuilder::renamed_from",
        help: "The domain of the org before it was changed: its checkpoint is then that of the org",
        reason: "a checkpoint of another org is a mistake",
        ..About::NONE
    },
    parse: |_, value| OrgUrl::parse(value).map_err(|error| error.to_string()),
};

/// Which events the org gives, by an expression.
pub(crate) static FILTER: Setting<String> = Setting {
    about: About {
        flag: "--filter",
        key: "filter",
        value: "EXPRESSION",
        default: "all",
        example: "eventType sw \"user.\"",
        builder: "OktaSourceBuilder::filter",
        help: "Which events Okta gives, as a SCIM expression: eventType sw \"user.\". A checkpoint remembers it",
        reason: "an audit log is whole unless its owner says otherwise",
        ..About::NONE
    },
    parse: parse::text,
};

/// Which events the org gives, by keywords.
pub(crate) static Q: Setting<String> = Setting {
    about: About {
        flag: "--q",
        key: "q",
        value: "KEYWORDS",
        default: "all",
        example: "admin",
        builder: "OktaSourceBuilder::q",
        help: "Which events Okta gives: those with all of these keywords in any of their values. A checkpoint remembers them",
        reason: "as above",
        ..About::NONE
    },
    parse: parse::text,
};

/// For a checkpoint with another query.
pub(super) static RESTART_ON_CHANGED_QUERY: Setting<bool> = Setting {
    about: About {
        flag: "--restart-on-changed-query",
        key: "restart_on_changed_query",
        default: "off",
        example: "true",
        builder: "OktaSourceBuilder::restart_on_changed_query",
        help: "Read on with a changed --filter or --q from shortly before the saved position; earlier events that only the new one matches are not \
               read",
        reason: "a changed query leaves a gap, which nobody should find out later",
        ..About::NONE
    },
    parse: parse::switch,
};

/// The share of the org's request limit.
pub(crate) static RATE_SHARE: Setting<f64> = Setting {
    about: About {
        flag: "--rate-share",
        key: "rate_share",
        value: "SHARE",
        default: "0.5",
        elsewhere: &[
            ("audit", "0.1"),
            ("eventbridge_http", "0.25"),
            ("eventbridge_sqs", "0.25"),
        ],
        builder: "OktaSourceBuilder::rate_share",
        help: "The share of the org's request limit that is used, above 0 and up to 1",
        reason: "other programs of the org have the same limit; a token gets half of it at most unless an administrator has changed that. An audit leaves \
                 the rest to the program that polls, and healing half of it to others",
        ..About::NONE
    },
    parse: parse::share,
};

/// The longest answer.
pub(super) static MAX_BODY_BYTES: Setting<usize> = Setting {
    about: About {
        flag: "--max-body-bytes",
        key: "max_body_bytes",
        value: "BYTES",
        default: "64MiB",
        builder: "OktaSourceBuilder::max_body_bytes",
        help: "The longest answer of Okta that is read. Of a longer one fewer events are asked for",
        reason: "1,000 events of 64 KiB each; real ones take 1 to 4 KB",
        ..About::NONE
    },
    parse: |about, value| parse::bytes_within(about, value, 64 << 10..=1 << 30),
};

/// When the absence of events is told.
pub(super) static SILENCE_ALARM: Setting<Option<Duration>> = Setting {
    about: About {
        flag: "--silence-alarm",
        key: "silence_alarm",
        value: "DURATION|off",
        default: "24h",
        builder: "OktaSourceBuilder::silence_alarm",
        help: "After how long without any event the log warns; off: never",
        reason: "an org whose log is empty for a day has most likely a fault somewhere",
        ..About::NONE
    },
    parse: parse::duration_or_off,
};

/// The flags of `pull` that are of one org. With `--config` each is a key.
#[derive(Debug)]
pub struct SourceGroup;

impl Group for SourceGroup {
    const SETTINGS: &'static [&'static About] = &[
        &SINCE.about,
        &POLL_INTERVAL.about,
        &REREAD_EVERY.about,
        &CHECKPOINT.about,
        &RENAMED_FROM.about,
        &FILTER.about,
        &Q.about,
        &RESTART_ON_CHANGED_QUERY.about,
        &RATE_SHARE.about,
        &MAX_BODY_BYTES.about,
        &SILENCE_ALARM.about,
    ];
}

/// The settings of a source, valid but for the query, which the source judges.
#[derive(Debug, Clone)]
pub(in super::super) struct SourceSettings {
    since: Since,
    /// The flag, variable or key that says where to begin, if one does.
    pub(in super::super) since_setting: Option<String>,
    poll_interval: Duration,
    reread_every: Option<Duration>,
    filter: Option<String>,
    q: Option<String>,
    restart_on_changed_query: bool,
    rate_share: f64,
    max_body_bytes: usize,
    silence_alarm: Option<Duration>,
    pub(in super::super) renamed_from: Option<OrgUrl>,
    pub(in super::super) names: WrittenNames,
}

impl SourceSettings {
    /// What is written of `org`, and the defaults.
    ///
    /// # Errors
    /// `Config`, which names the setting as it was written.
    pub(in super::super) fn read(values: &Values<'_>, org: Option<&OrgUrl>) -> Result<Self> {
        let written = |about: &About| -> Result<Option<String>> {
            Ok(values.find(about)?.map(|written| written.setting))
        };
        Ok(Self {
            since: SINCE.get(values)?,
            since_setting: written(&SINCE.about)?,
            poll_interval: POLL_INTERVAL.get(values)?,
            reread_every: REREAD_EVERY.get(values)?,
            filter: FILTER.given(values)?,
            q: Q.given(values)?,
            restart_on_changed_query: RESTART_ON_CHANGED_QUERY.given(values)?.unwrap_or(false),
            rate_share: RATE_SHARE.get(values)?,
            max_body_bytes: MAX_BODY_BYTES.get(values)?,
            silence_alarm: SILENCE_ALARM.get(values)?,
            renamed_from: renamed_from(values, org)?,
            names: WrittenNames::of(values, &[&FILTER.about, &Q.about])?,
        })
    }

    /// A source with these.
    pub(in super::super) fn apply(&self, mut source: OktaSourceBuilder) -> OktaSourceBuilder {
        if let Some(filter) = &self.filter {
            source = source.filter(filter);
        }
        if let Some(q) = &self.q {
            source = source.q(q);
        }
        if let Some(every) = self.reread_every {
            source = source.reread_every(every);
        }
        if let Some(before) = &self.renamed_from {
            source = source.renamed_from(before.clone());
        }
        source
            .since(self.since)
            .poll_interval(self.poll_interval)
            .restart_on_changed_query(self.restart_on_changed_query)
            .rate_share(self.rate_share)
            .max_body_bytes(self.max_body_bytes)
            .silence_alarm(self.silence_alarm)
    }
}

/// The domain of `org` before it was changed.
///
/// # Errors
/// `Config` if it is none, or that of the org itself.
pub(in super::super) fn renamed_from(
    values: &Values<'_>,
    org: Option<&OrgUrl>,
) -> Result<Option<OrgUrl>> {
    let before = RENAMED_FROM.given(values)?;
    if let (Some(before), Some(written)) = (&before, values.find(&RENAMED_FROM.about)?)
        && org == Some(before)
    {
        let detail = format!(
            "is {before}, the org itself: write its domain before the change, or leave it out"
        );
        return Err(Error::config(&written.setting, detail));
    }
    Ok(before)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use okta_source::OktaSource;

    use super::*;
    use crate::program::Environment;
    use crate::program::settings::KeyValues;

    const NOTHING: fn(&str) -> Option<OsString> = |_| None;

    fn shown(settings: &SourceSettings) -> String {
        format!("{:?}", settings.apply(OktaSource::builder()))
    }

    #[test]
    fn defaults_are_those_of_the_library_but_for_reading_again() {
        let environment = Environment::new(NOTHING);
        let settings = SourceSettings::read(&Values::of(&environment), None).unwrap();
        let hour = Duration::from_secs(3600);
        let library = OktaSource::builder().reread_every(hour);
        assert_eq!(shown(&settings), format!("{library:?}"));
    }

    #[test]
    fn flags_variables_and_keys_arrive_at_the_source_alike() {
        let text = "since = \"2h\"\npoll_interval = \"1m\"\nreread_every = \"off\"\nfilter = 'eventType sw \"user.\"'\nq = \"ann\"\n\
                    restart_on_changed_query = true\nrate_share = 0.25\nmax_body_bytes = \"1MiB\"\nsilence_alarm = \"off\"\nrenamed_from = \"before.okta.com\"";
        let keys: KeyValues = toml::from_str(text).unwrap();
        let written = |about: &About| keys.get(about.key).map(|value| value.unwrap());
        let of_keys = Environment::new(NOTHING);
        let of_keys = SourceSettings::read(&Values::of(&of_keys).table(&keys), None).unwrap();
        let expected = OktaSource::builder()
            .since(Duration::from_secs(7200))
            .poll_interval(Duration::from_secs(60))
            .filter("eventType sw \"user.\"")
            .q("ann")
            .restart_on_changed_query(true)
            .rate_share(0.25)
            .max_body_bytes(1 << 20)
            .silence_alarm(None)
            .renamed_from(OrgUrl::parse("before.okta.com").unwrap());
        assert_eq!(shown(&of_keys), format!("{expected:?}"));
        let values = SourceGroup::SETTINGS.iter();
        let values: Vec<_> = values
            .filter_map(|about| Some((about.variable(), written(about)?)))
            .collect();
        assert_eq!(values.len(), 10, "all but the checkpoint");
        let variables = Environment::new(move |name| {
            let found = values.iter().find(|(set, _)| set == name);
            found.map(|(_, value)| value.into())
        });
        let of_variables = SourceSettings::read(&Values::of(&variables), None).unwrap();
        assert_eq!(shown(&of_variables), shown(&of_keys));
        assert_eq!(
            of_variables.since_setting.as_deref(),
            Some("OKTA_CORALOGIX_SINCE")
        );
        assert_eq!(of_keys.since_setting.as_deref(), Some("since"));
    }

    #[test]
    fn query_that_the_source_refuses_is_named_as_it_was_written() {
        let environment =
            Environment::new(|name| (name == "OKTA_CORALOGIX_Q").then(|| "x".repeat(41).into()));
        let settings = SourceSettings::read(&Values::of(&environment), None).unwrap();
        let check = settings
            .apply(
                OktaSource::builder()
                    .org_url("acme.okta.com")
                    .api_token("00t"),
            )
            .check();
        let refused = futures::executor::block_on(check).unwrap_err();
        let named = settings.names.named(refused).to_string();
        assert!(
            named.starts_with("OKTA_CORALOGIX_Q: has a keyword of 41 characters"),
            "{named}"
        );
    }
}
