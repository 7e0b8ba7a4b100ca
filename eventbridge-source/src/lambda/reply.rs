//! The response to an invocation.

use std::collections::HashMap;

use okta_coralogix_core::{Error, ErrorKind, Outcome, Result};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use crate::receiver::{MessageOutcomes, ReceivedMessage, firehose};

/// The reply to an invocation. It serialises as Lambda wants it: `null` for an event, and for a batch of SQS
/// `{"batchItemFailures":[{"itemIdentifier":"<messageId>"}]}`, where an empty list means that all of it is done, and for a function URL
/// `{"statusCode":200,…}`.
///
/// The event source mapping of the queue must have `ReportBatchItemFailures` among its `FunctionResponseTypes`: without it Lambda ignores the
/// reply and deletes everything.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reply {
    /// Every event in the payload is settled.
    Done,
    /// The messages of a batch that are not settled.
    Batch {
        /// Their ids.
        failures: Vec<String>,
    },
    /// The response of the function's URL.
    #[non_exhaustive]
    Response {
        /// The status, with the meaning that it has for the endpoint of an API destination.
        status: u16,
        /// Why it is not 200.
        reason: String,
        /// The id of a request of Firehose, which takes the response in a form of its own. `None`: of another sender.
        firehose_request: Option<String>,
    },
}

impl Reply {
    /// The reply to a batch. `outcomes` has one outcome for each item.
    pub(super) fn of_batch(messages: &[ReceivedMessage], outcomes: &[Outcome]) -> Self {
        let failures = MessageOutcomes::of(messages, outcomes).failed;
        Self::Batch { failures }
    }

    /// The reply to an invocation that is no batch.
    ///
    /// # Errors
    /// If an event is not settled: Lambda then invokes again.
    pub(super) fn of_whole(outcomes: &[Outcome]) -> Result<Self> {
        let open = outcomes
            .iter()
            .filter(|outcome| **outcome != Outcome::Settled);
        match open.count() {
            0 => Ok(Self::Done),
            open => {
                let detail = format!(
                    "{open} of {} events are not settled in time",
                    outcomes.len()
                );
                Err(Error::temporary(ErrorKind::Unavailable, detail))
            }
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Failure<'a> {
    item_identifier: &'a str,
}

impl Serialize for Reply {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Done => serializer.serialize_unit(),
            Self::Batch { failures } => {
                let failures: Vec<_> = failures
                    .iter()
                    .map(|id| Failure {
                        item_identifier: id,
                    })
                    .collect();
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("batchItemFailures", &failures)?;
                map.end()
            }
            Self::Response {
                status,
                reason,
                firehose_request,
            } => {
                let (content, body) = match firehose_request {
                    Some(id) => {
                        let error = (*status != 200).then_some(&**reason);
                        ("application/json", firehose::reply(id, error))
                    }
                    None => ("text/plain; charset=utf-8", reason.clone()),
                };
                let mut headers = HashMap::from([("content-type", content)]);
                if *status == 503 {
                    headers.insert("retry-after", "10");
                }
                let mut map = serializer.serialize_map(Some(3))?;
                map.serialize_entry("statusCode", status)?;
                map.serialize_entry("headers", &headers)?;
                map.serialize_entry("body", &body)?;
                map.end()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Outcome::{HandedBack, Settled};
    use super::*;

    fn json(reply: &Reply) -> String {
        serde_json::to_string(reply).unwrap()
    }

    #[test]
    fn batch_reply_names_only_the_messages_that_failed() {
        let messages = ["a", "b"].map(|id| ReceivedMessage {
            id: id.into(),
            group: None,
            items: 1,
        });
        let reply = Reply::of_batch(&messages, &[Settled, HandedBack]);
        assert_eq!(
            json(&reply),
            r#"{"batchItemFailures":[{"itemIdentifier":"b"}]}"#
        );
        let reply = Reply::of_batch(&messages, &[Settled, Settled]);
        assert_eq!(json(&reply), r#"{"batchItemFailures":[]}"#);
    }

    #[test]
    fn event_is_done_or_an_error() {
        assert_eq!(json(&Reply::of_whole(&[Settled]).unwrap()), "null");
        assert!(
            Reply::of_whole(&[Settled, HandedBack])
                .unwrap_err()
                .is_temporary()
        );
    }
}
