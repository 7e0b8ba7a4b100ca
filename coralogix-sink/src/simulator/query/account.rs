//! How the simulated account answers queries.

use std::time::Duration;

/// How the simulated account answers queries.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct QueryAccount {
    /// The last line has statistics. Default: true.
    pub statistics: bool,
    /// Rows of an answer, at most. Default: the limit of the tier.
    pub max_rows: Option<u64>,
    /// An answer that is cut by a limit has a line with a warning. Default: true.
    pub warns_at_limits: bool,
    /// Rows of a line. Default: 100.
    pub rows_per_line: usize,
    /// How long after its arrival a log is found. Default: at once.
    pub visible_after: Duration,
    /// A log that is older than this on arrival gets the time of its arrival. Default: none does.
    pub restamp_older_than: Option<Duration>,
    /// The key sees logs of this application only. Default: all.
    pub scope: Option<String>,
    /// Queries a minute, at most. Default: 30.
    pub queries_per_minute: usize,
    /// A range that begins earlier than this before now is moved, with a warning. Default: none is.
    pub reaches_back: Option<Duration>,
    /// The archive can be read. Default: true.
    pub archive: bool,
}

impl Default for QueryAccount {
    fn default() -> Self {
        Self {
            statistics: true,
            max_rows: None,
            warns_at_limits: true,
            rows_per_line: 100,
            visible_after: Duration::ZERO,
            restamp_older_than: None,
            scope: None,
            queries_per_minute: 30,
            reaches_back: None,
            archive: true,
        }
    }
}

/// What a policy makes of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Priority {
    /// In Frequent Search and in the archive.
    High,
    /// In the archive only.
    Low,
    /// Accepted, and not stored.
    Block,
}
