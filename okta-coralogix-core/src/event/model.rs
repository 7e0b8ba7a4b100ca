//! placeholder
/// x
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct LogEvent {}
