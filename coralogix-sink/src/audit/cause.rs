//! Why an event is missing, most likely.

use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};
use okta_coralogix_core::Severity;

/// The likely cause of a missing event. The first four are what the caller knows of it; the others show in what else is missing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// It was too old when it came, and so was not sent.
    TooOld,
    /// It is in the dead letters, for this reason.
    DeadLettered(String),
    /// It was sent before, and the answer to it is not known.
    AnswerLost,
    /// Coralogix accepted it before, and does not have it: a policy or rule blocks it, or a quota is used up.
    AcceptedNotStored,
    /// All events between these times are missing: nothing ran, or nothing came through.
    #[non_exhaustive]
    Outage {
        /// The time of the first of them.
        from: DateTime<Utc>,
        /// The time of the last of them.
        to: DateTime<Utc>,
    },
    /// Events of several types are missing, all of this severity, and others are there: a policy of Coralogix blocks them.
    Policy(Severity),
    /// All events of its type are missing for a time, and others are there: the pattern of a rule leaves it out.
    RulePattern,
    /// Events around it are there.
    Single,
}

impl Cause {
    /// Its name, for reports: it stays as it is.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::TooOld => "too_old",
            Self::DeadLettered(_) => "dead_lettered",
            Self::AnswerLost => "answer_lost",
            Self::AcceptedNotStored => "accepted_not_stored",
            Self::Outage { .. } => "outage",
            Self::Policy(_) => "policy",
            Self::RulePattern => "rule_pattern",
            Self::Single => "single",
        }
    }
}

/// As a sentence without its full stop.
impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |time: &DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Secs, true);
        match self {
            Self::TooOld => f.write_str("too old when it came: older events than 24 hours are not sent"),
            Self::DeadLettered(reason) => write!(f, "in the dead letters: {reason}"),
            Self::AnswerLost => f.write_str("sent before, and the answer was lost: unknown until it is found or twice not found"),
            Self::AcceptedNotStored => f.write_str(
                "Coralogix accepted it before and does not store it: a TCO policy or a parsing rule blocks it, or a quota is used up",
            ),
            Self::Outage { from, to } => write!(f, "an outage: nothing from {} to {} is stored", text(from), text(to)),
            Self::Policy(severity) => write!(
                f,
                "no event of severity {severity:?} is stored for a time, of whatever type: a TCO policy may block them"
            ),
            Self::RulePattern => f.write_str("no event of its type is stored for a time: the pattern of a rule may leave it out"),
            Self::Single => f.write_str("a single loss: events around it are stored"),
        }
    }
}
