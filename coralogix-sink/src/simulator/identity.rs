//! The id of an entry.

use serde_json::Value;

/// The `uuid` of an Okta event, also where the event is the `detail` of an EventBridge envelope.
#[must_use]
pub fn okta_uuid(text: &str) -> Option<String> {
    let event: Value = serde_json::from_str(text).ok()?;
    let uuid = event
        .get("uuid")
        .or_else(|| event.get("detail")?.get("uuid"))?;
    Some(uuid.as_str()?.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn simulator_finds_the_uuid_bare_and_in_an_envelope() {
        assert_eq!(okta_uuid(r#"{"uuid":"a"}"#).as_deref(), Some("a"));
        assert_eq!(
            okta_uuid(r#"{"detail":{"uuid":"b"}}"#).as_deref(),
            Some("b")
        );
        assert_eq!(okta_uuid("{}"), None);
        assert_eq!(okta_uuid("plain"), None);
        assert_eq!(okta_uuid("[1]"), None);
    }
}
