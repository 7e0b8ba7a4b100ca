//! The tiers of storage that a query reads.

use std::fmt;

use serde::Deserialize;

/// Which storage a query reads.
///
/// Source: Coralogix, "TCO Optimizer" and "Limitations" of DataPrime (2026): logs of high priority are indexed for Frequent Search *and*
/// written to the customer's archive; those of medium and low priority go to the archive only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Tier {
    /// The customer's bucket: logs of high, medium and low priority.
    #[default]
    Archive,
    /// The index: logs of high priority only. What a policy routes elsewhere looks missing here.
    FrequentSearch,
}

impl Tier {
    /// The most rows that Coralogix returns for one query, whatever the query asks for.
    #[must_use]
    pub fn max_rows(self) -> u32 {
        match self {
            Self::Archive => 50_000,
            Self::FrequentSearch => 15_000,
        }
    }

    pub(crate) fn wire_name(self) -> &'static str {
        match self {
            Self::Archive => "TIER_ARCHIVE",
            Self::FrequentSearch => "TIER_FREQUENT_SEARCH",
        }
    }

    /// What a key needs to read it, for messages.
    pub(crate) fn permission(self) -> &'static str {
        match self {
            Self::Archive => "LOGS.DATA-API#LOW:READDATA and LEGACY-ARCHIVE-QUERIES:EXECUTE",
            Self::FrequentSearch => "LOGS.DATA-API#HIGH:READDATA",
        }
    }
}

/// As a setting has it.
impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Archive => "archive",
            Self::FrequentSearch => "frequent-search",
        })
    }
}
