//! Messages, and the entries of batch calls, as SQS has them.

use std::time::Duration;

use aws_sdk_sqs::types::{
    BatchResultErrorEntry, Message as SdkMessage, MessageSystemAttributeName,
};
use okta_coralogix_core::{Error, ErrorKind};

use crate::sqs::queue::{FailedEntry, Message};

/// The messages, and how many more there are without an id or a receipt handle, which SQS always gives.
pub(super) fn messages(given: Vec<SdkMessage>) -> (Vec<Message>, usize) {
    let all = given.len();
    let messages: Vec<_> = given.into_iter().filter_map(message).collect();
    let left_out = all - messages.len();
    (messages, left_out)
}

/// `None` without an id or a receipt handle: the message could be neither tracked nor deleted.
fn message(message: SdkMessage) -> Option<Message> {
    let attributes = message.attributes.unwrap_or_default();
    let receives = attributes.get(&MessageSystemAttributeName::ApproximateReceiveCount);
    let receive_count = receives.and_then(|count| count.parse().ok()).unwrap_or(0);
    let group = attributes.get(&MessageSystemAttributeName::MessageGroupId);
    Some(Message {
        id: message.message_id?,
        handle: message.receipt_handle?,
        body: message.body.unwrap_or_default().into(),
        receive_count,
        group: group.cloned(),
    })
}

/// The entries that a response does not report as done: those that failed, and those that it leaves out.
pub(super) fn not_done<'a>(
    entries: usize,
    done: impl Iterator<Item = &'a str>,
    failed: &[BatchResultErrorEntry],
) -> Vec<FailedEntry> {
    let mut open: Vec<bool> = vec![true; entries];
    for index in done.filter_map(|id| id.parse::<usize>().ok()) {
        if let Some(open) = open.get_mut(index) {
            *open = false;
        }
    }
    let refused = |index: usize| {
        let failed = failed.iter().find(|entry| entry.id() == index.to_string());
        FailedEntry {
            index,
            is_permanent: failed.is_some_and(BatchResultErrorEntry::sender_fault),
            code: failed.map_or("no answer", |entry| entry.code()).to_owned(),
        }
    };
    let open = open.into_iter().enumerate().filter(|(_, open)| *open);
    open.map(|(index, _)| refused(index)).collect()
}

pub(super) fn incomplete(error: aws_sdk_sqs::error::BuildError) -> Error {
    Error::new(ErrorKind::Config, "an entry of a batch is incomplete").with_source(error)
}

/// Full seconds, rounded up.
pub(super) fn seconds(time: Duration) -> i32 {
    let full = time.as_secs() + u64::from(time.subsec_nanos() > 0);
    i32::try_from(full).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_answer_leaves_out_is_not_done() {
        let failed = BatchResultErrorEntry::builder()
            .id("1")
            .sender_fault(true)
            .code("ReceiptHandleIsInvalid")
            .build()
            .unwrap();
        let refused = not_done(4, ["0", "7", "x"].into_iter(), &[failed]);
        let told: Vec<_> = refused
            .iter()
            .map(|entry| (entry.index, entry.is_permanent))
            .collect();
        assert_eq!(told, [(1, true), (2, false), (3, false)]);
    }

    #[test]
    fn message_that_cannot_be_deleted_is_left_out_and_counted() {
        let message = |id: Option<&str>, handle: Option<&str>| {
            let builder = SdkMessage::builder().body("{}");
            let builder = builder.set_message_id(id.map(Into::into));
            builder.set_receipt_handle(handle.map(Into::into)).build()
        };
        let given = vec![
            message(Some("1"), Some("a")),
            message(None, Some("b")),
            message(Some("3"), None),
        ];
        let (messages, left_out) = messages(given);
        let ids: Vec<_> = messages.iter().map(|message| &*message.id).collect();
        assert_eq!((ids, left_out), (vec!["1"], 2));
    }

    #[test]
    fn a_part_of_a_second_counts_as_one() {
        assert_eq!(seconds(Duration::ZERO), 0);
        assert_eq!(seconds(Duration::from_millis(1)), 1);
        assert_eq!(seconds(Duration::from_secs(20)), 20);
    }
}
