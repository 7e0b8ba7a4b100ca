//! Where a dead letter belongs.

use serde::{Deserialize, Serialize};

/// The pipeline that wrote a dead letter, and where its event was to go. The serialized form is a part of the dead letters' format.
///
/// The address alone does not tell tenants of Coralogix apart, since they share it; the integration does.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DeadLetterTarget {
    /// The name of the [pipeline](crate::pipeline::PipelineBuilder::name).
    pub integration: String,
    /// The application name of the event's entry, where the mapping [tells](crate::Mapping::names).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<String>,
    /// The subsystem name of the event's entry, where the mapping tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subsystem: Option<String>,
    /// The address of the sink, where it [tells](crate::LogSink::address).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
}

impl DeadLetterTarget {
    /// A target with nothing but the name of the integration.
    #[must_use]
    pub fn integration(name: impl Into<String>) -> Self {
        Self {
            integration: name.into(),
            ..Self::default()
        }
    }
}
