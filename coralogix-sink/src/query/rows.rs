//! What the rows of each question mean.

use serde::Deserialize;
use serde_json::Value;

use super::answer::Doubt;
use super::counts::UuidCounts;
use super::lines::whole;

/// Gathers the rows of an answer.
pub(super) trait Rows: Default {
    /// Takes the `userData` of one row.
    fn row(&mut self, user_data: &str);

    /// Adds what speaks against the rows. Called once, behind the last row.
    fn finish(&mut self, doubts: &mut Vec<Doubt>);
}

/// `groupby <uuid> as u aggregate count() as n`.
#[derive(Debug)]
pub(super) struct Groups {
    pub(super) counts: UuidCounts,
    /// Logs in the group of those without a uuid.
    without_uuid: u64,
    is_bad: bool,
}

impl Default for Groups {
    fn default() -> Self {
        Self {
            counts: UuidCounts::none(),
            without_uuid: 0,
            is_bad: false,
        }
    }
}

#[derive(Deserialize)]
struct Group {
    #[serde(default)]
    u: Value,
    n: Value,
}

impl Rows for Groups {
    fn row(&mut self, user_data: &str) {
        let group: Option<Group> = serde_json::from_str(user_data).ok();
        let count = group
            .as_ref()
            .and_then(|group| u32::try_from(whole(&group.n)?).ok());
        match (group.map(|group| group.u), count) {
            (_, None | Some(0)) => self.is_bad = true,
            (Some(Value::String(id)), Some(count)) if !id.is_empty() => {
                self.counts.push(&id, count)
            }
            (Some(Value::Null | Value::String(_)), Some(count)) => {
                self.without_uuid += u64::from(count)
            }
            _ => self.is_bad = true,
        }
    }

    fn finish(&mut self, doubts: &mut Vec<Doubt>) {
        if self.is_bad {
            doubts.push(Doubt::BadRow);
        }
        if !self.counts.finish() {
            doubts.push(Doubt::RepeatedRow);
        }
        if self.without_uuid > 0 {
            doubts.push(Doubt::WithoutUuid(self.without_uuid));
        }
    }
}

/// `aggregate count() as n`: one row, also where nothing is counted.
#[derive(Debug, Default)]
pub(super) struct Total {
    pub(super) total: u64,
    rows: u64,
    is_bad: bool,
}

#[derive(Deserialize)]
struct TotalFields {
    n: Value,
}

impl Rows for Total {
    fn row(&mut self, user_data: &str) {
        self.rows += 1;
        let fields: Option<TotalFields> = serde_json::from_str(user_data).ok();
        match fields.and_then(|fields| whole(&fields.n)) {
            Some(total) => self.total = total,
            None => self.is_bad = true,
        }
    }

    fn finish(&mut self, doubts: &mut Vec<Doubt>) {
        if self.is_bad {
            doubts.push(Doubt::BadRow);
        }
        if self.rows != 1 {
            doubts.push(Doubt::NoSingleRow(self.rows));
        }
    }
}
