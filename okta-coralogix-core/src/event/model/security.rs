//! What Okta knows about the network and the risk of a request.

use super::LogIpDetails;
use super::object::object;
use super::open_enum::open_enum;

object! {
    /// What Okta knows about the network and the risk of a request.
    pub struct LogSecurityContext {
        /// The autonomous system number of the address.
        pub as_number: Field<i64> = "asNumber",
        /// The organisation of the autonomous system.
        pub as_org: Field<String> = "asOrg",
        /// The internet service provider.
        pub isp: Field<String> = "isp",
        /// The domain of the address, `.` where there is none.
        pub domain: Field<String> = "domain",
        /// Whether the address is a known proxy.
        pub is_proxy: Field<bool> = "isProxy",
        /// The user's behaviours that were judged. An untyped array from schema 2025.10.0, objects since 2026.03.0.
        pub user_behaviors: Field<Vec<LogUserBehavior>> = "userBehaviors",
        /// The risk (since 2026.03.0).
        pub risk: Field<LogRisk> = "risk",
        /// More about the address (since 2026.03.0).
        pub ip_details: Field<LogIpDetails> = "ipDetails",
        /// Whether a bot is suspected (since 2026.03.0, Identity Engine).
        pub bot_protection: Field<LogBotProtection> = "botProtection",
    }
}

object! {
    /// A judged behaviour of a user.
    pub struct LogUserBehavior {
        /// The id of the behaviour rule.
        pub id: Field<String> = "id",
        /// Its name.
        pub name: Field<String> = "name",
        /// The judgement.
        pub result: Field<LogUserBehaviorResult> = "result",
    }
}

object! {
    /// The risk of a request.
    pub struct LogRisk {
        /// The risk now.
        pub level: Field<LogRiskLevel> = "level",
        /// The risk before.
        pub previous_level: Field<LogRiskLevel> = "previousLevel",
        /// What speaks for it.
        pub reasons: Field<Vec<String>> = "reasons",
        /// The detection that raised it.
        pub detection_name: Field<String> = "detectionName",
        /// Who says so.
        pub issuer: Field<String> = "issuer",
    }
}

object! {
    /// Whether a bot is suspected.
    pub struct LogBotProtection {
        /// How strongly.
        pub level: Field<LogBotProtectionLevel> = "level",
    }
}

open_enum! {
    /// The judgement of a behaviour.
    pub enum LogUserBehaviorResult {
        /// `UNKNOWN`
        Unknown = "UNKNOWN",
        /// `POSITIVE`
        Positive = "POSITIVE",
        /// `NEGATIVE`
        Negative = "NEGATIVE",
        /// `BAD_REQUEST`
        BadRequest = "BAD_REQUEST",
    }
}

open_enum! {
    /// A level of risk.
    pub enum LogRiskLevel {
        /// `LOW`
        Low = "LOW",
        /// `MEDIUM`
        Medium = "MEDIUM",
        /// `HIGH`
        High = "HIGH",
    }
}

open_enum! {
    /// How strongly a bot is suspected.
    pub enum LogBotProtectionLevel {
        /// `NONE`
        None = "NONE",
        /// `LOW`
        Low = "LOW",
        /// `MEDIUM`
        Medium = "MEDIUM",
        /// `HIGH`
        High = "HIGH",
    }
}
