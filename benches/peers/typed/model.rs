//! A System Log event in full, as a program with a type for everything would have it. What the type does not know is lost.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::maybe::Maybe;

/// What EventBridge puts around an event.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Envelope {
    pub(super) version: String,
    pub(super) id: String,
    #[serde(rename = "detail-type")]
    pub(super) detail_type: String,
    pub(super) source: String,
    pub(super) account: String,
    pub(super) time: String,
    pub(super) region: String,
    pub(super) resources: Vec<String>,
    pub(super) detail: Event,
}

/// The event. `published` stays text, so that it is written as it came.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Event {
    #[serde(default, skip_serializing_if = "Maybe::is_absent")]
    pub(super) actor: Maybe<Actor>,
    #[serde(default, skip_serializing_if = "Maybe::is_absent")]
    pub(super) client: Maybe<Client>,
    #[serde(default, skip_serializing_if = "Maybe::is_absent")]
    pub(super) device: Maybe<Device>,
    #[serde(default, skip_serializing_if = "Maybe::is_absent")]
    pub(super) authentication_context: Maybe<AuthenticationContext>,
    #[serde(default, skip_serializing_if = "Maybe::is_absent")]
    pub(super) display_message: Maybe<String>,
    pub(super) event_type: String,
    #[serde(default, skip_serializing_if = "Maybe::is_absent")]
    pub(super) outcome: Maybe<Outcome>,
    pub(super) published: String,
    #[serde(default, skip_serializing_if = "Maybe::is_absent")]
    pub(super) security_context: Maybe<SecurityContext>,
    pub(super) severity: String,
    #[serde(default, skip_serializing_if = "Maybe::is_absent")]
    pub(super) debug_context: Maybe<DebugContext>,
    #[serde(default, skip_serializing_if = "Maybe::is_absent")]
    pub(super) legacy_event_type: Maybe<String>,
    #[serde(default, skip_serializing_if = "Maybe::is_absent")]
    pub(super) transaction: Maybe<Transaction>,
    pub(super) uuid: String,
    pub(super) version: String,
    #[serde(default, skip_serializing_if = "Maybe::is_absent")]
    pub(super) request: Maybe<Request>,
    #[serde(default, skip_serializing_if = "Maybe::is_absent")]
    pub(super) target: Maybe<Vec<Actor>>,
    #[serde(default, skip_serializing_if = "Maybe::is_absent")]
    pub(super) system_envelope: Maybe<SystemEnvelope>,
}

/// Who did it, and to whom it was done.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Actor {
    #[serde(default, skip_serializing_if = "Maybe::is_absent")]
    pub(super) id: Maybe<String>,
    #[serde(rename = "type")]
    #[serde(default, skip_serializing_if = "Maybe::is_absent")]
    pub(super) kind: Maybe<String>,
    #[serde(default, skip_serializing_if = "Maybe::is_absent")]
    pub(super) alternate_id: Maybe<String>,
    #[serde(default, skip_serializing_if = "Maybe::is_absent")]
    pub(super) display_name: Maybe<String>,
    #[serde(default, skip_serializing_if = "Maybe::is_absent")]
    pub(super) detail_entry: Maybe<BTreeMap<String, String>>,
}

/// From where.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Client {
    #[serde(default, skip_serializing_if = "Maybe::is_absent")]
    pub(super) user_agent: Maybe<UserAgent>,
    #[serde(default, skip_serializing_if = "Maybe::is_absent")]
    pub(super) zone: Maybe<String>,
    #[serde(default, skip_serializing_if = "Maybe::is_absent")]
    pub(super) device: Maybe<String>,
    #[serde(default, skip_serializing_if = "Maybe::is_absent")]
    pub(super) id: Maybe<String>,
    #[serde(default, skip_serializing_if = "Maybe::is_absent")]
    pub(super) ip_address: Maybe<String>,
    #[serde(default, skip_serializing_if = "Maybe::is_absent")]
    pub(super) geographical_context: Maybe<Place>,
}

/// With what.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UserAgent {
    #[serde(default, skip_serializing_if = "Maybe::is_absent")]
    pub(super) raw_user_agent: Maybe<String>,
    #[serde(default, skip_serializing_if = "Maybe::is_absent")]
    pub(super) os: Maybe<String>,
    #[serde(default, skip_serializing_if = "Maybe::is_absent")]
    pub(super) browser: Maybe<String>,
}

/// A place.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Place {
    #[serde(default, skip_serializing_if = "Maybe::is_absent")]
    pub(super) city: Maybe<String>,
    #[serde(default, skip_serializing_if = "Maybe::is_absent")]
    pub(super) state: Maybe<String>,
    #[serde(default, skip_serializing_if = "Maybe::is_absent")]
    pub(super) country: Maybe<String>,
    #[serde(default, skip_serializing_if = "Maybe::is_absent")]
    pub(super) postal_code: Maybe<String>,
    #[serde(default, skip_serializing_if = "Maybe::is_absent")]
    pub(super) geolocation: Maybe<Geolocation>,
}

/// Its coordinates.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Geolocation {
    pub(super) lat: f64,
    pub(super) lon: f64,
}

/// A device that Okta knows.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Device {
    #[serde(default, skip_serializing_if = "Maybe::is_absent")]
    pub(super) id: Maybe<String>,
    #[serde(default, skip_serializing_if = "Maybe::is_absent")]
    pub(super) name: Maybe<String>,
    #[serde(rename = "os_platform")]
    #[serde(default, skip_serializing_if = "Maybe::is_absent")]
    pub(super) os_platform: Maybe<String>,
    #[serde(rename = "os_version")]
    #[serde(default, skip_serializing_if = "Maybe::is_absent")]
    pub(super) os_version: Maybe<String>,
    #[serde(default, skip_serializing_if = "Maybe::is_absent")]
    pub(super) managed: Maybe<bool>,
    #[serde(default, skip_serializing_if = "Maybe::is_absent")]
    pub(super) registered: Maybe<bool>,
    #[serde(rename = "device_integrator")]
    #[serde(default, skip_serializing_if = "Maybe::is_absent")]
    pub(super) device_integrator: Maybe<String>,
    #[serde(rename = "disk_encryption_type")]
    #[serde(default, skip_serializing_if = "Maybe::is_absent")]
    pub(super) disk_encryption_type: Maybe<String>,
    #[serde(rename = "screen_lock_type")]
    #[serde(default, skip_serializing_if = "Maybe::is_absent")]
    pub(super) screen_lock_type: Maybe<String>,
    #[serde(default, skip_serializing_if = "Maybe::is_absent")]
    pub(super) jailbreak: Maybe<bool>,
    #[serde(rename = "secure_hardware_present")]
    #[serde(default, skip_serializing_if = "Maybe::is_absent")]
    pub(super) secure_hardware_present: Maybe<bool>,
}

/// How the actor had signed in.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AuthenticationContext {
    #[serde(default, skip_serializing_if = "Maybe::is_absent")]
    pub(super) external_session_id: Maybe<String>,
    #[serde(default, skip_serializing_if = "Maybe::is_absent")]
    pub(super) authentication_provider: Maybe<String>,
    #[serde(default, skip_serializing_if = "Maybe::is_absent")]
    pub(super) credential_type: Maybe<String>,
    #[serde(default, skip_serializing_if = "Maybe::is_absent")]
    pub(super) credential_provider: Maybe<String>,
    #[serde(default, skip_serializing_if = "Maybe::is_absent")]
    pub(super) issuer: Maybe<BTreeMap<String, String>>,
    #[serde(default, skip_serializing_if = "Maybe::is_absent")]
    pub(super) interface: Maybe<String>,
    #[serde(default, skip_serializing_if = "Maybe::is_absent")]
    pub(super) authentication_step: Maybe<i64>,
    #[serde(default, skip_serializing_if = "Maybe::is_absent")]
    pub(super) root_session_id: Maybe<String>,
}

/// How it ended.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Outcome {
    #[serde(default, skip_serializing_if = "Maybe::is_absent")]
    pub(super) result: Maybe<String>,
    #[serde(default, skip_serializing_if = "Maybe::is_absent")]
    pub(super) reason: Maybe<String>,
}

/// Whose network it was.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SecurityContext {
    #[serde(default, skip_serializing_if = "Maybe::is_absent")]
    pub(super) as_number: Maybe<i64>,
    #[serde(default, skip_serializing_if = "Maybe::is_absent")]
    pub(super) as_org: Maybe<String>,
    #[serde(default, skip_serializing_if = "Maybe::is_absent")]
    pub(super) isp: Maybe<String>,
    #[serde(default, skip_serializing_if = "Maybe::is_absent")]
    pub(super) domain: Maybe<String>,
    #[serde(default, skip_serializing_if = "Maybe::is_absent")]
    pub(super) is_proxy: Maybe<bool>,
}

/// What Okta adds for its own use.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DebugContext {
    #[serde(default, skip_serializing_if = "Maybe::is_absent")]
    pub(super) debug_data: Maybe<BTreeMap<String, String>>,
}

/// The request or job that it belongs to.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Transaction {
    #[serde(rename = "type")]
    #[serde(default, skip_serializing_if = "Maybe::is_absent")]
    pub(super) kind: Maybe<String>,
    #[serde(default, skip_serializing_if = "Maybe::is_absent")]
    pub(super) id: Maybe<String>,
    #[serde(default, skip_serializing_if = "Maybe::is_absent")]
    pub(super) detail: Maybe<BTreeMap<String, String>>,
}

/// The addresses that it came through.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Request {
    #[serde(default, skip_serializing_if = "Maybe::is_absent")]
    pub(super) ip_chain: Maybe<Vec<Hop>>,
}

/// One of them.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Hop {
    #[serde(default, skip_serializing_if = "Maybe::is_absent")]
    pub(super) ip: Maybe<String>,
    #[serde(default, skip_serializing_if = "Maybe::is_absent")]
    pub(super) geographical_context: Maybe<Place>,
    #[serde(default, skip_serializing_if = "Maybe::is_absent")]
    pub(super) version: Maybe<String>,
    #[serde(default, skip_serializing_if = "Maybe::is_absent")]
    pub(super) source: Maybe<String>,
}

/// A member that Okta's schema does not name.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SystemEnvelope {
    #[serde(default, skip_serializing_if = "Maybe::is_absent")]
    pub(super) schema_revision: Maybe<i64>,
}
