//! Entries of your own.

use okta_coralogix_core::mapping::Redaction;
use okta_coralogix_core::{CoralogixMapping, Mapping, Result, Secret};

/// The usual entries, with other names for admin events, without the IP chain, with hashed logins, and with a member of our own.
pub fn mapping(salt: Secret) -> Result<impl Mapping> {
    let redaction = Redaction::new()
        .drop_field("$.request.ipChain")?
        .hash_field("$.actor.alternateId", salt)?;
    let mapping = CoralogixMapping::builder()
        .application("okta")
        .subsystem_by_event_type([("group.*", "admin"), ("policy.*", "admin")], "sign-in")
        .redaction(redaction)
        .label("environment", "production")
        .build()?;
    Ok(mapping.adjusted(|event, mut entry| {
        let is_ours = event
            .event_type()
            .is_some_and(|name| name.starts_with("user."));
        entry.set_member("team", if is_ours { "identity" } else { "platform" })?;
        Ok(entry)
    }))
}
