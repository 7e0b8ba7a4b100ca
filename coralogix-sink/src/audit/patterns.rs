//! What the missing events have in common: runs of them without a stored event in between, of all events, of a type, and of a severity.

use std::collections::HashMap;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use okta_coralogix_core::Severity;

use super::cause::Cause;

/// Missing events in a row that are no coincidence: even where one in ten is lost.
const OUTAGE_EVENTS: u32 = 20;
/// Those that are an outage if they fill an hour.
const OUTAGE_EVENTS_OF_AN_HOUR: u32 = 3;
/// Missing events of a type, or of a severity, in a row.
const TYPE_EVENTS: u32 = 5;
const SEVERITY_EVENTS: u32 = 10;

/// The number of an event type.
pub(super) type TypeNumber = u32;

/// The runs that a missing event is part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Runs {
    all: u32,
    event_type: u32,
    severity: u32,
}

/// Missing events between two that are stored.
#[derive(Debug, Clone, Copy)]
struct Run {
    events: u32,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    first_type: TypeNumber,
    has_several_types: bool,
}

/// Told of each event in the order of time.
#[derive(Debug, Default)]
pub(super) struct Patterns {
    runs: Vec<Run>,
    /// The runs that no stored event has ended yet.
    open: Option<u32>,
    open_by_type: HashMap<TypeNumber, u32>,
    open_by_severity: HashMap<Severity, u32>,
}

impl Patterns {
    /// An event is stored.
    pub(super) fn found(&mut self, event_type: TypeNumber, severity: Severity) {
        self.open = None;
        self.open_by_type.remove(&event_type);
        self.open_by_severity.remove(&severity);
    }

    /// An event was not found.
    pub(super) fn not_found(
        &mut self,
        event_type: TypeNumber,
        severity: Severity,
        published: DateTime<Utc>,
    ) -> Runs {
        let runs = Runs {
            all: extend(&mut self.runs, self.open, event_type, published),
            event_type: extend(
                &mut self.runs,
                self.open_by_type.get(&event_type).copied(),
                event_type,
                published,
            ),
            severity: extend(
                &mut self.runs,
                self.open_by_severity.get(&severity).copied(),
                event_type,
                published,
            ),
        };
        self.open = Some(runs.all);
        self.open_by_type.insert(event_type, runs.event_type);
        self.open_by_severity.insert(severity, runs.severity);
        runs
    }

    /// The likely cause of an event of these runs.
    pub(super) fn cause(&self, runs: Runs, severity: Severity) -> Cause {
        let run = |number: u32| self.runs[number as usize];
        let all = run(runs.all);
        if all.events >= OUTAGE_EVENTS || all.fills_an_hour() {
            return Cause::Outage {
                from: all.from,
                to: all.to,
            };
        }
        let of_severity = run(runs.severity);
        if of_severity.events >= SEVERITY_EVENTS && of_severity.has_several_types {
            return Cause::Policy(severity);
        }
        match run(runs.event_type).events >= TYPE_EVENTS {
            true => Cause::RulePattern,
            false => Cause::Single,
        }
    }
}

/// The number of the run that the event is part of: `open`, or a new one.
fn extend(
    runs: &mut Vec<Run>,
    open: Option<u32>,
    event_type: TypeNumber,
    published: DateTime<Utc>,
) -> u32 {
    if let Some(number) = open {
        let run = &mut runs[number as usize];
        run.events += 1;
        run.to = published;
        run.has_several_types |= run.first_type != event_type;
        return number;
    }
    runs.push(Run {
        events: 1,
        from: published,
        to: published,
        first_type: event_type,
        has_several_types: false,
    });
    u32::try_from(runs.len() - 1).expect("no more runs than lookups")
}

impl Run {
    /// Some of a whole hour by the clock, and nothing that is stored.
    fn fills_an_hour(&self) -> bool {
        let hour = TimeDelta::hours(1);
        let begins = self.from.duration_trunc(hour).unwrap_or(self.from);
        self.events >= OUTAGE_EVENTS_OF_AN_HOUR && self.to - begins >= hour * 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_000_800 + second, 0).unwrap()
    }

    /// The causes of the events that are not found, one event a second; upper case is stored. The letter is the type, vowels are warnings.
    fn causes(events: &str, step: i64) -> Vec<&'static str> {
        let mut patterns = Patterns::default();
        let mut missing = Vec::new();
        for (second, letter) in (0..).zip(events.chars()) {
            let kind = u32::from(letter.to_ascii_lowercase());
            let severity = match "aeiou".contains(letter.to_ascii_lowercase()) {
                true => Severity::Warn,
                false => Severity::Info,
            };
            match letter.is_uppercase() {
                true => patterns.found(kind, severity),
                false => missing.push((
                    patterns.not_found(kind, severity, at(second * step)),
                    severity,
                )),
            }
        }
        let names = missing.iter();
        names
            .map(|(runs, severity)| patterns.cause(*runs, *severity).as_str())
            .collect()
    }

    #[test]
    fn single_losses_are_no_pattern() {
        assert_eq!(causes("BCbBCBcBB", 1), ["single"; 2]);
        assert_eq!(causes("BbbbbCB", 1), ["single"; 4]);
        assert_eq!(causes("", 1), [""; 0]);
    }

    #[test]
    fn outage_is_a_long_row_or_a_row_over_an_hour() {
        assert_eq!(causes(&"b".repeat(20), 1), ["outage"; 20]);
        assert_eq!(causes("BbcdB", 3600), ["outage"; 3]);
        assert_eq!(causes("BbcB", 3600), ["single"; 2]);
    }

    #[test]
    fn type_or_severity_that_is_missing_alone_is_a_rule_or_a_policy() {
        assert_eq!(causes("BcBcBcBcBcB", 1), ["rule_pattern"; 5]);
        assert_eq!(
            causes(&"BaBe".repeat(5), 1),
            ["policy"; 10],
            "two types of a severity"
        );
        assert_eq!(
            causes(&"Ba".repeat(10), 1),
            ["rule_pattern"; 10],
            "one type of a severity"
        );
        assert_eq!(
            causes("BcBcCcBcBcB", 1),
            ["single"; 5],
            "one of the type is there"
        );
    }
}
