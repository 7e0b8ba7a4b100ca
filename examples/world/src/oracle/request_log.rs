//! One request to the ingress, as the oracle sees it.

use std::io::Read;

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use serde::Deserialize;

/// What has become of a request, as its sender sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RequestState {
    /// It is under way.
    Pending,
    /// No answer will tell.
    Lost,
    /// It was answered.
    Answered(u16),
}

/// An attempt.
#[derive(Debug)]
pub(crate) struct LoggedRequest {
    pub(crate) process: u32,
    /// The first of the indices of each event's text.
    pub(crate) indices: Vec<usize>,
    pub(crate) body: Bytes,
    /// How often the ingress has taken it.
    pub(crate) ingested: u32,
    pub(crate) state: RequestState,
}

impl LoggedRequest {
    /// The sender knows that it was taken.
    pub(crate) fn is_accepted(&self) -> bool {
        matches!(self.state, RequestState::Answered(200..=299))
    }

    /// The sender must take it for one that may have been ingested: it is to be sent again as it is.
    pub(crate) fn may_be_ingested(&self) -> bool {
        match self.state {
            RequestState::Pending | RequestState::Lost => true,
            RequestState::Answered(status) => !matches!(status, 200..=499 | 503) || status == 408,
        }
    }
}

/// An entry of a request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Entry {
    pub(crate) application_name: String,
    pub(crate) subsystem_name: String,
    #[serde(default)]
    pub(crate) computer_name: Option<String>,
    pub(crate) timestamp: f64,
    pub(crate) severity: u8,
    #[serde(default)]
    pub(crate) category: Option<String>,
    pub(crate) text: String,
}

/// The plain body, and what is in it.
pub(crate) fn read(body: &Bytes) -> Result<(usize, Vec<Entry>), String> {
    let mut plain = Vec::new();
    let bytes: &[u8] = match body.starts_with(&[0x1f, 0x8b]) {
        true => {
            let mut unfolded = MultiGzDecoder::new(&**body);
            unfolded
                .read_to_end(&mut plain)
                .map_err(|error| error.to_string())?;
            &plain
        }
        false => body,
    };
    let entries = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    Ok((bytes.len(), entries))
}
