//! Rules over the typed model, whose findings stand in the entries.

use okta_coralogix_core::event::{LogEvent, LogOutcomeResult, LogRiskLevel};
use okta_coralogix_core::mapping::MappingError;
use okta_coralogix_core::{Mapping, Severity};

/// The name of a finding, and when it is one.
type Rule = (&'static str, fn(&LogEvent) -> bool);

/// Rules that look at one event. Those over several are better written as alerts in Coralogix.
pub const RULES: &[Rule] = &[
    ("push_denied", |event| {
        event.event_type.as_str() == Some("user.mfa.okta_verify.deny_push")
    }),
    ("sign_in_at_high_risk", |event| {
        let context = event.security_context.get();
        let risk = context.and_then(|context| context.risk.get()?.level.get());
        let outcome = event.outcome.get();
        event.event_type.as_str() == Some("user.session.start")
            && outcome.and_then(|outcome| outcome.result.get()) == Some(&LogOutcomeResult::Success)
            && risk == Some(&LogRiskLevel::High)
    }),
    ("admin_made_through_a_proxy", |event| {
        let context = event.security_context.get();
        event.event_type.as_str() == Some("user.account.privilege.grant")
            && context.and_then(|context| context.is_proxy.get()) == Some(&true)
    }),
];

/// Adds `findings`, the names of the rules that apply, to the entries of `mapping`, and raises their severity.
pub fn with_findings(mapping: impl Mapping) -> impl Mapping {
    mapping.adjusted(|event, mut entry| {
        let model = event
            .model()
            .map_err(|error| MappingError::new(error.to_string()))?;
        let findings: Vec<_> = RULES
            .iter()
            .filter(|(_, applies)| applies(&model))
            .map(|(name, _)| name)
            .collect();
        if !findings.is_empty() {
            entry.set_member("findings", &findings)?;
            entry.severity = Severity::Critical;
        }
        Ok(entry)
    })
}
