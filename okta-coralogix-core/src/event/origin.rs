//! Where an event came from, shared by all events of a delivery.

use serde::{Deserialize, Serialize};

/// The origin of an event. Its serialized form is a part of the dead letters' format.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Origin {
    /// The Okta org: its subdomain, or its host where that is a custom domain (pull route).
    pub org: String,
    /// The name of the Okta log stream (EventBridge route).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
    /// An application name that the sender asked for; it wins over the mapping's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<String>,
    /// A subsystem name that the sender asked for; it wins over the mapping's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subsystem: Option<String>,
    /// How often a queue has given the message that the event came in, this time included. Where it is more than 1, an
    /// earlier receiver did not finish with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receive_count: Option<u32>,
}

impl Origin {
    /// An origin with nothing but the org's name.
    #[must_use]
    pub fn org(org: impl Into<String>) -> Self {
        Self {
            org: org.into(),
            ..Self::default()
        }
    }
}
