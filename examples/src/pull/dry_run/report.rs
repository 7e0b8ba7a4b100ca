//! The summary of a dry run.

use chrono::{DateTime, Utc};
use okta_coralogix_core::Summary;
use serde::Serialize;

use super::tally::{Count, Tally};

/// The summary of a dry run: these members are the JSON object.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    #[serde(flatten)]
    pub(super) summary: Summary,
    /// Of the entries as they are written, which Coralogix would be sent.
    pub(super) entry_bytes: u64,
    /// The time of which events were read.
    pub(super) seconds: Option<i64>,
    /// All types together.
    #[serde(flatten)]
    pub(super) all: Row,
    /// The most bytes first.
    pub(super) event_types: Vec<TypeRow>,
}

#[derive(Debug, Serialize)]
pub(super) struct TypeRow {
    pub(super) event_type: String,
    #[serde(flatten)]
    pub(super) row: Row,
}

/// Events, and their bytes as Okta gives them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct Row {
    pub(super) events: u64,
    pub(super) bytes: u64,
    /// `None` if too short a time was read to tell.
    pub(super) events_per_day: Option<u64>,
    pub(super) bytes_per_day: Option<u64>,
}

impl Row {
    fn of(count: &Count, is_known: bool) -> Self {
        let whole = |number: f64| is_known.then(|| number.round() as u64);
        Self {
            events: count.events,
            bytes: count.bytes,
            events_per_day: whole(count.events_per_day),
            bytes_per_day: whole(count.bytes_per_day),
        }
    }

    fn cells(&self) -> [String; 4] {
        let known = |number: Option<u64>| number.map_or_else(|| "?".into(), |n| n.to_string());
        [
            self.events.to_string(),
            self.bytes.to_string(),
            known(self.events_per_day),
            known(self.bytes_per_day),
        ]
    }
}

impl Report {
    /// `through`: everything before this time was read, if the run has come to its end.
    pub(super) fn new(summary: Summary, tally: &Tally, through: Option<DateTime<Utc>>) -> Self {
        let span = tally.span(through);
        let mut types: Vec<_> = tally.by_type(through).into_iter().collect();
        types.sort_by_key(|(_, count)| std::cmp::Reverse(count.bytes));
        let mut all = Count::default();
        for (_, count) in &types {
            all.add(count);
        }
        let row = |(event_type, count): (String, Count)| TypeRow {
            event_type,
            row: Row::of(&count, span.is_some()),
        };
        Self {
            summary,
            entry_bytes: tally.entry_bytes(),
            seconds: span.map(|span| span.num_seconds()),
            all: Row::of(&all, span.is_some()),
            event_types: types.into_iter().map(row).collect(),
        }
    }

    /// A line for each event type, below a head.
    pub(super) fn table(&self) -> Vec<String> {
        let head = ["events", "bytes", "events a day", "bytes a day"].map(String::from);
        let rows = self.event_types.iter();
        let rows = rows.map(|row| (row.row.cells(), row.event_type.as_str()));
        let rows = [(head, "event type")].into_iter().chain(rows);
        let mut rows: Vec<_> = rows.collect();
        rows.push((self.all.cells(), "all"));
        let width = |column: usize| rows.iter().map(|(cells, _)| cells[column].len()).max();
        let widths = [0, 1, 2, 3].map(|column| width(column).unwrap_or_default());
        let line = |(cells, name): &([String; 4], &str)| {
            let cells = cells.iter().zip(widths);
            let cells: String = cells
                .map(|(cell, width)| format!("{cell:>width$}  "))
                .collect();
            format!("{cells}{name}")
        };
        rows.iter().map(line).collect()
    }
}
