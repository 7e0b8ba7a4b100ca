//! What an answer is worth: proof, or not, and why.

use std::fmt;

use super::slice::TimeSlice;

/// An answer of Coralogix that came, and whether it is proof.
///
/// Coralogix answers 200 and gives a part of the rows where a limit was reached, a tier is missing or a query failed half-way. Only an
/// answer without any [`Doubt`] has a value; the rows of any other are gone, so that nobody takes them for all there is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Answer<T> {
    /// All that the key can see in this tier under this filter.
    Proven(T),
    /// Nothing is known.
    Unproven(Unproven),
}

impl<T> Answer<T> {
    /// The value, if it is proof.
    pub fn proven(self) -> Result<T, Unproven> {
        match self {
            Self::Proven(value) => Ok(value),
            Self::Unproven(unproven) => Err(unproven),
        }
    }

    pub(super) fn map<U>(self, change: impl FnOnce(T) -> U) -> Answer<U> {
        match self {
            Self::Proven(value) => Answer::Proven(change(value)),
            Self::Unproven(unproven) => Answer::Unproven(unproven),
        }
    }

    pub(super) fn unproven(slice: TimeSlice, doubt: Doubt) -> Self {
        Self::Unproven(Unproven::new(slice, None, vec![doubt]))
    }
}

/// An answer that proves nothing, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unproven {
    slice: TimeSlice,
    query_id: Option<String>,
    /// At least one.
    doubts: Vec<Doubt>,
}

impl Unproven {
    pub(super) fn new(slice: TimeSlice, query_id: Option<String>, doubts: Vec<Doubt>) -> Self {
        Self {
            slice,
            query_id,
            doubts,
        }
    }

    /// What speaks against the answer.
    #[must_use]
    pub fn doubts(&self) -> &[Doubt] {
        &self.doubts
    }

    /// The range of time that was asked about.
    #[must_use]
    pub fn slice(&self) -> TimeSlice {
        self.slice
    }

    /// The id that Coralogix gave to the query; its support asks for it.
    #[must_use]
    pub fn query_id(&self) -> Option<&str> {
        self.query_id.as_deref()
    }

    /// The two halves of the range, if asking about each may give proof. `None` if a setting is wrong, or the range is too short to be cut.
    #[must_use]
    pub fn halves(&self) -> Option<[TimeSlice; 2]> {
        match self.doubts.iter().all(Doubt::may_pass_by_halves) {
            true => self.slice.halves(),
            false => None,
        }
    }
}

/// One sentence, for a person: `no proof for 2026-11-28T00:00:00Z to …: the row limit of 50000 was reached (query 4f1a)`.
impl fmt::Display for Unproven {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no proof for {}: ", self.slice)?;
        for (index, doubt) in self.doubts.iter().enumerate() {
            let comma = if index == 0 { "" } else { "; " };
            write!(f, "{comma}{doubt}")?;
        }
        match &self.query_id {
            Some(id) => write!(f, " (query {id})"),
            None => Ok(()),
        }
    }
}

/// A reason not to believe an answer. Text of Coralogix in it is bounded and sanitised.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Doubt {
    /// A 200 with nothing in it.
    Empty,
    /// No line with the id of the query.
    NoQueryId,
    /// Lines of several queries.
    SeveralQueries,
    /// The body ended in the middle of a line, or nothing shows that it arrived whole.
    CutOff,
    /// It is longer than [`max_response_bytes`](super::QueryClientBuilder::max_response_bytes).
    TooLong(usize),
    /// It did not come, or not to its end; the text says why.
    NoAnswer(String),
    /// A line is not what is documented.
    BadLine,
    /// A kind of line that this version does not know, and no statistics that show that all rows were read.
    UnknownLine(String),
    /// A line with an error.
    ServerError(String),
    /// A warning other than one about a deprecated feature.
    Warning(Warning),
    /// The statistics say something other than `COMPLETED`.
    Status(String),
    /// This account sends statistics, and they are not there.
    NoStatistics,
    /// The statistics announce another number of rows.
    #[non_exhaustive]
    RowCount {
        /// Rows by the statistics.
        announced: u64,
        /// Rows that came.
        read: u64,
    },
    /// As many rows as the limit: there may be more.
    RowLimit(u64),
    /// A row has no count, or an id that is no text.
    BadRow,
    /// The same id in two rows.
    RepeatedRow,
    /// A row that was not asked for.
    ForeignRow,
    /// Not one row where a count gives exactly one.
    NoSingleRow(u64),
    /// Logs in which there is no uuid where one was looked for.
    WithoutUuid(u64),
    /// A count gives another number of logs than the rows hold, twice.
    #[non_exhaustive]
    OtherCount {
        /// Logs by the count.
        counted: u64,
        /// Logs by the rows.
        read: u64,
    },
    /// The event that is known to be stored was not found either.
    ControlMissing,
}

impl Doubt {
    /// True if asking about a shorter range may help.
    #[must_use]
    pub fn may_pass_by_halves(&self) -> bool {
        match self {
            Self::Warning(warning) => !warning.is_about_settings(),
            Self::WithoutUuid(_) | Self::ForeignRow | Self::ControlMissing => false,
            _ => true,
        }
    }

    /// True if the very same question may be answered better the next time.
    pub(super) fn may_pass_by_itself(&self) -> bool {
        matches!(
            self,
            Self::Empty
                | Self::NoQueryId
                | Self::SeveralQueries
                | Self::CutOff
                | Self::BadLine
                | Self::ServerError(_)
                | Self::Status(_)
                | Self::NoStatistics
                | Self::RowCount { .. }
                | Self::BadRow
                | Self::RepeatedRow
                | Self::NoSingleRow(_)
        )
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("Coralogix answered 200 with nothing in it"),
            Self::NoQueryId => f.write_str("the answer has no query id"),
            Self::SeveralQueries => f.write_str("the answer has lines of several queries"),
            Self::CutOff => f.write_str("the answer was cut off"),
            Self::TooLong(bytes) => write!(f, "the answer is longer than {bytes} bytes"),
            Self::NoAnswer(why) => f.write_str(why),
            Self::BadLine => f.write_str("a line of the answer is not as documented"),
            Self::UnknownLine(kind) => write!(
                f,
                "the answer has a line of an unknown kind, `{kind}`, and no statistics"
            ),
            Self::ServerError(text) => write!(f, "Coralogix reports an error: {text}"),
            Self::Warning(warning) => write!(f, "Coralogix warns: {warning}"),
            Self::Status(status) => write!(f, "the query ended as `{status}`"),
            Self::NoStatistics => {
                f.write_str("the answer ends without the statistics that this account sends")
            }
            Self::RowCount { announced, read } => {
                write!(f, "Coralogix sent {read} of {announced} rows")
            }
            Self::RowLimit(limit) => write!(f, "the row limit of {limit} was reached"),
            Self::BadRow => f.write_str("a row is not as asked for"),
            Self::RepeatedRow => f.write_str("a row came twice"),
            Self::ForeignRow => f.write_str("a row came that was not asked for"),
            Self::NoSingleRow(rows) => write!(f, "a count came as {rows} rows instead of one"),
            Self::WithoutUuid(logs) => write!(
                f,
                "{logs} logs have no uuid where uuid_path looks for it; check uuid_path, whether a parsing rule moves the uuid, and whether \
                 other logs have the same application and subsystem"
            ),
            Self::OtherCount { counted, read } => {
                write!(f, "the rows hold {read} logs, and a count gives {counted}")
            }
            Self::ControlMissing => {
                f.write_str("an event that is known to be stored was not found either")
            }
        }
    }
}

/// A warning line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    pub(super) kind: String,
    pub(super) text: Option<String>,
    pub(super) limit: Option<u64>,
}

impl Warning {
    /// Its kind, as Coralogix names it: `numberOfResultsLimitWarning`.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// True for the only kind that says nothing about the rows.
    pub(super) fn is_harmless(&self) -> bool {
        self.kind == "deprecationWarning"
    }

    /// True if no shorter range helps: the query names what is not there, the range was moved, or the archive cannot be read.
    fn is_about_settings(&self) -> bool {
        matches!(
            &*self.kind,
            "compileWarning" | "timeRangeWarning" | "archiveWarning"
        )
    }
}

/// `numberOfResultsLimitWarning (2000)`, `compileWarning "keypath does not exist"`.
impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.kind)?;
        if let Some(limit) = self.limit {
            write!(f, " ({limit})")?;
        }
        if let Some(text) = &self.text {
            write!(f, " \"{text}\"")?;
        }
        match &*self.kind {
            "compileWarning" => f.write_str("; check uuid_path"),
            "timeRangeWarning" => f.write_str("; the tier does not reach back to this time"),
            "archiveWarning" => f.write_str("; check in Coralogix that the archive is connected and can be read, or query the tier frequent-search"),
            _ => Ok(()),
        }
    }
}
