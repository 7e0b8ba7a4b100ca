//! How it ended, in which operation, with which details.

use serde_json::{Map, Value};

use super::object::object;
use super::open_enum::open_enum;

object! {
    /// How it ended.
    pub struct LogOutcome {
        /// The result.
        pub result: Field<LogOutcomeResult> = "result",
        /// Why, in 1 to 255 characters.
        pub reason: Field<String> = "reason",
    }
}

object! {
    /// The operation that an event is part of.
    pub struct LogTransaction {
        /// Its id, the same for all its events.
        pub id: Field<String> = "id",
        /// Its kind.
        pub r#type: Field<LogTransactionType> = "type",
        /// More about it, such as `requestApiTokenId`; often `{}`.
        pub detail: Field<Map<String, Value>> = "detail",
    }
}

object! {
    /// Details for support.
    pub struct LogDebugContext {
        /// The details. Nearly all values are strings, also of numbers and booleans, of JSON, or of a Java map; a few are objects.
        /// Okta may change keys and values with any release.
        pub debug_data: Field<Map<String, Value>> = "debugData",
    }
}

open_enum! {
    /// How an event ended.
    pub enum LogOutcomeResult {
        /// `SUCCESS`
        Success = "SUCCESS",
        /// `FAILURE`
        Failure = "FAILURE",
        /// `SKIPPED`
        Skipped = "SKIPPED",
        /// `ALLOW`
        Allow = "ALLOW",
        /// `DENY`
        Deny = "DENY",
        /// `CHALLENGE`
        Challenge = "CHALLENGE",
        /// `UNKNOWN`
        Unknown = "UNKNOWN",
        /// `RATE_LIMIT`
        RateLimit = "RATE_LIMIT",
        /// `DEFERRED`
        Deferred = "DEFERRED",
        /// `SCHEDULED`
        Scheduled = "SCHEDULED",
        /// `ABANDONED`
        Abandoned = "ABANDONED",
        /// `UNANSWERED`
        Unanswered = "UNANSWERED",
    }
}

open_enum! {
    /// A kind of operation.
    pub enum LogTransactionType {
        /// `WEB`: a request.
        Web = "WEB",
        /// `JOB`: a background job.
        Job = "JOB",
    }
}
