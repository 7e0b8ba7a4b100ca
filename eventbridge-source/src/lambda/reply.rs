//! What to answer an invocation.

use std::collections::HashSet;

use okta_coralogix_core::{Error, ErrorKind, Outcome, Result};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::payload::Record;

/// The answer to an invocation. It serialises as Lambda wants it: `null` for an event, and for a batch of SQS
/// `{"batchItemFailures":[{"itemIdentifier":"<messageId>"}]}`, where an empty list means that all of it is done.
///
/// The event source mapping of the queue must have `ReportBatchItemFailures` among its `FunctionResponseTypes`: without it Lambda ignores the
/// answer and deletes everything.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reply {
    /// The one event, or everything in the payload, is settled.
    Done,
    /// The messages of a batch that are not.
    Batch {
        /// Their ids.
        failures: Vec<String>,
    },
}

impl Reply {
    /// What the outcomes, one for each item, mean for the messages of a batch.
    pub(super) fn of_batch(messages: &[Record], outcomes: &[Outcome]) -> Self {
        let mut failures = Vec::new();
        // In a group the order is kept: with a message all later ones are given again.
        let mut broken: HashSet<&str> = HashSet::new();
        let mut outcomes = outcomes.iter();
        for message in messages {
            let mut settled = true;
            for _ in 0..message.items {
                settled &= outcomes.next() == Some(&Outcome::Settled);
            }
            let group = message.group.as_deref();
            if !settled || group.is_some_and(|group| broken.contains(group)) {
                broken.extend(group);
                failures.push(message.id.clone());
            }
        }
        Self::Batch { failures }
    }

    /// What the outcomes mean for an invocation that is answered as a whole.
    ///
    /// # Errors
    /// If anything is not settled: Lambda then invokes again.
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
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Outcome::{HandedBack, Settled};
    use super::*;

    fn record(id: &str, group: Option<&str>, items: usize) -> Record {
        Record {
            id: id.into(),
            group: group.map(Into::into),
            items,
        }
    }

    fn json(reply: &Reply) -> String {
        serde_json::to_string(reply).unwrap()
    }

    #[test]
    fn only_what_is_not_settled_is_named() {
        let messages = [
            record("a", None, 1),
            record("b", None, 2),
            record("c", None, 1),
        ];
        let reply = Reply::of_batch(&messages, &[Settled, Settled, HandedBack, Settled]);
        assert_eq!(
            json(&reply),
            r#"{"batchItemFailures":[{"itemIdentifier":"b"}]}"#
        );
        assert_eq!(
            json(&Reply::of_batch(&messages, &[Settled; 4])),
            r#"{"batchItemFailures":[]}"#
        );
        let untold = Reply::of_batch(&messages, &[]);
        assert_eq!(json(&untold).matches("itemIdentifier").count(), 3);
    }

    #[test]
    fn in_a_group_the_first_failure_takes_all_later_ones_with_it() {
        let messages = [
            record("a1", Some("a"), 1),
            record("b1", Some("b"), 1),
            record("a2", Some("a"), 1),
            record("a3", Some("a"), 1),
        ];
        let reply = Reply::of_batch(&messages, &[Settled, Settled, HandedBack, Settled]);
        let failures = vec!["a2".into(), "a3".into()];
        assert_eq!(reply, Reply::Batch { failures });
    }

    #[test]
    fn an_event_is_done_or_an_error() {
        assert_eq!(json(&Reply::of_whole(&[Settled]).unwrap()), "null");
        assert!(
            Reply::of_whole(&[Settled, HandedBack])
                .unwrap_err()
                .is_temporary()
        );
    }
}
