//! The requests to the ingress, as the oracle remembers them.

use std::io::Read;

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use serde::Deserialize;
use tokio::time::Instant;

use crate::fault::Seam;
use crate::gateway::{GatewayAnswer, GatewayBody};

/// The body of a request that only asks whether the ingress is there.
pub(crate) const EMPTY_BATCH: &[u8] = b"[]";

/// Names one request.
pub(crate) type RequestId = usize;

/// What the program knows of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RequestState {
    /// It has no response yet.
    Pending,
    /// It will have none.
    Lost,
    /// No connection was made.
    Unreachable,
    /// It was answered with this status, by the service or by something that looks like it.
    Answered(u16),
    /// It was answered with this status, and not by the service.
    Intercepted(u16),
}

impl RequestState {
    /// What a program is to make of a gateway's answer in the place of a service. Okta marks its errors, the ingress does not.
    pub(crate) fn of_gateway(seam: Seam, answer: GatewayAnswer) -> Self {
        let status = answer.status;
        let is_page = matches!(answer.body, GatewayBody::Html | GatewayBody::Xhtml);
        let is_foreign = match status {
            200..=202 | 204 => is_page || answer.body == GatewayBody::JsonError,
            203..=399 | 407 | 411 | 415 | 421 | 451 | 511 => true,
            400 | 401 | 403..=406 | 410 | 422 => is_page || seam == Seam::Okta,
            _ => false,
        };
        match is_foreign {
            true => Self::Intercepted(status),
            false => Self::Answered(status),
        }
    }

    /// How a program is to understand a failure that may be the request's own; `None` of one that never is.
    pub(crate) fn failure(self) -> Option<FailureClass> {
        match self {
            Self::Lost | Self::Answered(408 | 500..=510 | 512..=599) => Some(FailureClass::Outage),
            Self::Intercepted(200..=299) => None,
            Self::Intercepted(_)
            | Self::Answered(403 | 406 | 409 | 412 | 414 | 416..=420 | 423..=428 | 430..=499) => {
                Some(FailureClass::Refusal)
            }
            _ => None,
        }
    }

    /// A success that was not the service's: it may have done what was asked for.
    pub(crate) fn is_odd_success(self) -> bool {
        matches!(self, Self::Intercepted(200..=299))
    }
}

/// How a request fails that may be at fault itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FailureClass {
    /// It is refused, and was not stored.
    Refusal,
    /// The service fails or says nothing: the request may have been stored.
    Outage,
}

/// One request to the ingress.
#[derive(Debug)]
pub(crate) struct LoggedRequest {
    pub(crate) process: u32,
    /// The events in it.
    pub(crate) indices: Vec<usize>,
    pub(crate) body: Bytes,
    /// How often the ingress has accepted it.
    pub(crate) ingested: u32,
    pub(crate) state: RequestState,
    pub(crate) sent_at: Instant,
    /// When it was answered, or it became clear that it would not be.
    pub(crate) ended_at: Option<Instant>,
}

impl LoggedRequest {
    /// The program knows that the ingress has accepted it.
    pub(crate) fn is_accepted(&self) -> bool {
        matches!(self.state, RequestState::Answered(200..=202 | 204))
    }

    /// The program was not told of an acceptance: it was refused, or the answer was lost, or is none of the ingress.
    pub(crate) fn has_failed(&self) -> bool {
        self.state != RequestState::Pending && !self.is_accepted()
    }

    /// For all that the program knows the ingress may have accepted it: it may only be repeated byte for byte.
    pub(crate) fn may_be_ingested(&self) -> bool {
        match self.state {
            RequestState::Pending | RequestState::Lost => true,
            RequestState::Unreachable => false,
            RequestState::Answered(status) => !matches!(status, 200..=499 | 503) || status == 408,
            RequestState::Intercepted(_) => self.state.is_odd_success(),
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

/// The uncompressed length of a body, and its entries.
pub(crate) fn read(body: &Bytes) -> Result<(usize, Vec<Entry>), String> {
    let mut plain = Vec::new();
    let bytes: &[u8] = match body.starts_with(&[0x1f, 0x8b]) {
        true => {
            let mut decoder = MultiGzDecoder::new(&**body);
            decoder
                .read_to_end(&mut plain)
                .map_err(|error| error.to_string())?;
            &plain
        }
        false => body,
    };
    let entries = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    Ok((bytes.len(), entries))
}
