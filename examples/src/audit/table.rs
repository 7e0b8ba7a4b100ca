//! The report as a table, for a person.

use std::collections::BTreeMap;

use coralogix_sink::audit::{AuditTotals, AuditVerdict, HourReport};

use super::refill::Refilled;
use super::report::Report;
use crate::pull::text;

/// Hours that are shown whatever they have: two days.
const HOURS: usize = 48;
/// Events, and reasons, that are listed.
const LISTED: usize = 20;

const HEAD: [&str; 7] = [
    "in Okta",
    "in Coralogix",
    "missing",
    "doubled",
    "foreign",
    "left out",
    "unverifiable",
];

impl Report<'_> {
    /// The lines of the table, and what follows it.
    pub(super) fn lines(&self) -> Vec<String> {
        let found = self.found;
        let name = match self.integration {
            Some(name) => format!("integration {name:?}: "),
            None => String::new(),
        };
        let mut lines = vec![format!(
            "{name}{} against {} from {} to {}",
            self.org,
            self.target,
            text(found.range().start()),
            text(found.range().end())
        )];
        lines.push(format!(
            "{:<22}{}",
            "hour",
            HEAD.map(|name| format!("{name:>14}")).concat()
        ));
        let shows_all = found.hours().len() <= HOURS;
        let shown = found
            .hours()
            .iter()
            .filter(|hour| shows_all || !is_clear(hour));
        lines.extend(shown.clone().map(|hour| {
            let mark = if hour.is_verified {
                ""
            } else {
                "  not verified"
            };
            row(&text(hour.slice.start()), hour.totals) + mark
        }));
        let hidden = found.hours().len() - shown.count();
        if hidden > 0 {
            lines.push(format!("{hidden} more hours are complete"));
        }
        lines.push(row("all", found.totals()));
        lines.extend(self.missing());
        if found.moved() > 0 {
            lines.push(format!(
                "{} events are stored with another time than theirs: they were sent late, and Coralogix or --too-old restamp gave them a later one",
                found.moved()
            ));
        }
        let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
        for part in found.unverified() {
            *reasons.entry(&part.reason).or_default() += 1;
        }
        let more = reasons.len().saturating_sub(LISTED);
        let listed = reasons.into_iter().take(LISTED);
        lines.extend(listed.map(|(reason, times)| match times {
            1 => format!("not verified: {reason}"),
            times => format!("not verified, {times} times: {reason}"),
        }));
        if more > 0 {
            lines.push(format!(
                "not verified: {more} more reasons; --json has them all"
            ));
        }
        lines.extend(self.advice.clone());
        lines.extend(self.refilled.map(Refilled::lines).unwrap_or_default());
        lines.push(self.verdict());
        lines
    }

    /// What is missing, by its cause, and the first of the events.
    fn missing(&self) -> Vec<String> {
        let missing = self.found.missing();
        let mut causes: BTreeMap<String, usize> = BTreeMap::new();
        for event in missing {
            let cause = match event.cause.as_str() {
                "rule_pattern" => format!("{}, type {}", event.cause, event.event_type),
                _ => event.cause.to_string(),
            };
            *causes.entry(cause).or_default() += 1;
        }
        let causes = causes.into_iter();
        let mut lines: Vec<_> = causes
            .take(LISTED)
            .map(|(cause, events)| format!("{events} missing: {cause}"))
            .collect();
        lines.extend(missing.iter().take(LISTED).map(|event| {
            format!(
                "  {}  {}  {}  {}",
                event.id,
                text(event.published),
                event.event_type,
                event.cause.as_str()
            )
        }));
        if missing.len() > LISTED {
            lines.push(format!(
                "  and {} more; --json has them all",
                missing.len() - LISTED
            ));
        }
        lines
    }

    fn verdict(&self) -> String {
        let totals = self.found.totals();
        let took = format!(
            "({} requests to Okta, {} queries of Coralogix, {})",
            self.okta_requests,
            self.found.queries(),
            humantime::format_duration(std::time::Duration::from_secs(self.seconds))
        );
        let unverifiable = match (totals.unverifiable, self.found.unverified().is_empty()) {
            (0, true) => String::new(),
            (events, _) => format!("; not all could be verified, {events} events among it"),
        };
        match self.found.verdict() {
            AuditVerdict::Complete => format!("complete: every event is stored, once {took}"),
            AuditVerdict::Differences => format!(
                "differences: {} missing, {} doubled, {} foreign{unverifiable} {took}",
                totals.missing, totals.doubled, totals.foreign
            ),
            AuditVerdict::NothingFound => format!(
                "not verified: not one of {} events was found, which shows a wrong setting more likely than a loss of all {took}",
                totals.in_log
            ),
            _ => format!("not verified: no difference was found{unverifiable} {took}"),
        }
    }
}

fn is_clear(hour: &HourReport) -> bool {
    let totals = hour.totals;
    hour.is_verified && totals.missing + totals.doubled + totals.foreign + totals.unverifiable == 0
}

fn row(name: &str, totals: AuditTotals) -> String {
    let counts = [
        totals.in_log,
        totals.in_coralogix,
        totals.missing,
        totals.doubled,
        totals.foreign,
        totals.left_out,
        totals.unverifiable,
    ];
    format!(
        "{name:<22}{}",
        counts.map(|count| format!("{count:>14}")).concat()
    )
}
