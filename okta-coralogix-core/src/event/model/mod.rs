//! The full typed model of a LogEvent: Okta's OpenAPI 2026.06.3, and what real events carry beyond it.
//!
//! Okta may add members without notice, leaves out or nulls nearly any of them, and real events depart from the schema.
//! Therefore no member is required, every one is a [`Field`], every enum is open, and every object keeps the members
//! that it does not know in `other`: reading an event and writing it again gives the same JSON value.
//!
//! # When a member gets a type
//! A member that Okta has added stands in `other` until a minor version gives it a field, and then no longer. Code that reads it in
//! `other` still compiles, and finds it absent: the changelog names each such member, with the field to read in its place. A field
//! keeps its type; a value that Okta sends in another one is [`Field::Other`].

mod authentication;
mod client;
mod device;
mod field;
mod from_json;
mod geography;
mod object;
mod open_enum;
mod outcome;
mod principal;
mod request;
mod security;

pub use authentication::{
    LogAuthenticationContext, LogAuthenticationProvider, LogCredentialProvider, LogCredentialType,
    LogIssuer,
};
pub use client::{LogClient, LogUserAgent};
pub use device::{LogDevice, LogDiskEncryptionType, LogScreenLockType};
pub use field::Field;
pub use geography::{LogGeographicalContext, LogGeolocation};
pub use outcome::{
    LogDebugContext, LogOutcome, LogOutcomeResult, LogTransaction, LogTransactionType,
};
pub use principal::{LogActor, LogTarget, LogTargetChangeDetails};
pub use request::{
    LogIpAddress, LogIpDetails, LogIpServiceCategory, LogIpServiceCategoryType, LogRequest,
};
pub use security::{
    LogBotProtection, LogBotProtectionLevel, LogRisk, LogRiskLevel, LogSecurityContext,
    LogUserBehavior, LogUserBehaviorResult,
};

use chrono::{DateTime, Utc};

use super::OktaSeverity;
use object::object;

pub(super) use from_json::FromJson;

object! {
    /// One event of the System Log.
    ///
    /// ```
    /// use okta_coralogix_core::LogEvent;
    ///
    /// let json = r#"{"eventType":"user.session.start","outcome":{"result":"SUCCESS"},"target":null,"new":1}"#;
    /// let event: LogEvent = serde_json::from_str(json)?;
    /// assert_eq!(event.event_type.as_str(), Some("user.session.start"));
    /// assert!(event.target.is_null() && event.targets().is_empty());
    /// assert_eq!(event.other["new"], 1);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub struct LogEvent {
        /// Who did it. Every event has one.
        pub actor: Field<LogActor> = "actor",
        /// The program that sent the request; blank for events without one.
        pub client: Field<LogClient> = "client",
        /// The registered device; missing in Okta's schema, present or null in its events.
        pub device: Field<LogDevice> = "device",
        /// How the actor was authenticated.
        pub authentication_context: Field<LogAuthenticationContext> = "authenticationContext",
        /// One sentence for people, up to 255 characters.
        pub display_message: Field<String> = "displayMessage",
        /// What happened, such as `user.session.start`: one of over 1,100 names of up to 255 characters, not all lower case.
        pub event_type: Field<String> = "eventType",
        /// How it ended.
        pub outcome: Field<LogOutcome> = "outcome",
        /// When it happened: RFC 3339 in UTC with milliseconds. See [`published_at`](Self::published_at).
        pub published: Field<String> = "published",
        /// What Okta knows about the network and the risk.
        pub security_context: Field<LogSecurityContext> = "securityContext",
        /// How much it matters.
        pub severity: Field<OktaSeverity> = "severity",
        /// Details for support. Okta may change keys and values with any release.
        pub debug_context: Field<LogDebugContext> = "debugContext",
        /// The name of the event type in Okta's former Events API.
        pub legacy_event_type: Field<String> = "legacyEventType",
        /// The operation that the event is part of.
        pub transaction: Field<LogTransaction> = "transaction",
        /// The event's identity: version 1 and version 4 UUIDs are seen.
        pub uuid: Field<String> = "uuid",
        /// The version of the event's format, always `0` so far.
        pub version: Field<String> = "version",
        /// The HTTP request, if there was one.
        pub request: Field<LogRequest> = "request",
        /// What it was done to. The order means nothing: see [`targets_of_type`](Self::targets_of_type).
        pub target: Field<Vec<LogTarget>> = "target",
        /// In the copy of an event that an event hook delivers; null in all that were seen.
        pub insertion_timestamp: Field<String> = "insertionTimestamp",
    }
}

impl LogEvent {
    /// `published` as a time; `None` if it is missing or no RFC 3339 time.
    #[must_use]
    pub fn published_at(&self) -> Option<DateTime<Utc>> {
        let time = DateTime::parse_from_rfc3339(self.published.as_str()?);
        time.ok().map(|time| time.to_utc())
    }

    /// The targets; none if `target` is null, absent or no array of objects.
    #[must_use]
    pub fn targets(&self) -> &[LogTarget] {
        self.target.get().map_or(&[], Vec::as_slice)
    }

    /// The targets whose `type` is `kind`, such as `User` or `AppInstance`.
    pub fn targets_of_type<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a LogTarget> {
        let is_kind = move |target: &&LogTarget| target.r#type.as_str() == Some(kind);
        self.targets().iter().filter(is_kind)
    }
}
