use std::sync::Arc;

use okta_coralogix_cookbook::mapping::mapping;
use okta_coralogix_core::{Mapping, RawEvent};
use serde_json::Value;

#[test]
fn entries_have_the_names_and_members_of_our_own() {
    let mapping = mapping("a salt of 16 bytes or more".into()).unwrap();
    for (event_type, subsystem, team) in [
        ("group.user_membership.add", "admin", "platform"),
        ("user.session.start", "sign-in", "identity"),
    ] {
        let json = format!(
            r#"{{"uuid":"1","published":"2026-11-30T06:00:00Z","eventType":"{event_type}","actor":{{"alternateId":"jo@example.com"}},"request":{{"ipChain":[{{"ip":"192.0.2.1"}}]}}}}"#
        );
        let event = RawEvent::parse(json.into(), Arc::default()).unwrap();
        let entry = mapping.map(&event).unwrap();
        assert_eq!(entry.names.subsystem.plain(), subsystem);
        let text: Value = serde_json::from_slice(entry.text.document()).unwrap();
        assert_eq!(
            (&text["team"], &text["environment"]),
            (&team.into(), &"production".into())
        );
        assert!(
            !text.to_string().contains("jo@example.com") && !text.to_string().contains("192.0.2.1")
        );
        assert_eq!(text["eventType"], event_type);
    }
}
