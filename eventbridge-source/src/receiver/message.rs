//! Which messages of a batch are settled, given the outcomes of the items that they hold.

use std::collections::HashSet;

use okta_coralogix_core::Outcome;

/// One message of a delivery, without its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReceivedMessage {
    pub(crate) id: String,
    /// Its message group, in a FIFO queue only.
    pub(crate) group: Option<String>,
    /// How many items of the delivery it holds.
    pub(crate) items: usize,
}

/// The ids of the messages of a delivery, settled and failed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct MessageOutcomes {
    /// Every item is settled.
    pub(crate) settled: Vec<String>,
    /// An item is not settled, or a message before it in its group is not.
    pub(crate) failed: Vec<String>,
}

impl MessageOutcomes {
    /// `outcomes` has one outcome for each item, in the order of the messages; a missing one counts as not settled.
    ///
    /// A FIFO group keeps its order: after a message that failed, all later ones of its group fail.
    pub(crate) fn of<'a>(
        messages: impl IntoIterator<Item = &'a ReceivedMessage>,
        outcomes: &[Outcome],
    ) -> Self {
        let mut result = Self::default();
        let mut failed_groups: HashSet<&str> = HashSet::new();
        let mut outcomes = outcomes.iter();
        for message in messages {
            let mut settled = true;
            for _ in 0..message.items {
                settled &= outcomes.next() == Some(&Outcome::Settled);
            }
            let group = message.group.as_deref();
            if settled && !group.is_some_and(|group| failed_groups.contains(group)) {
                result.settled.push(message.id.clone());
            } else {
                failed_groups.extend(group);
                result.failed.push(message.id.clone());
            }
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::Outcome::{HandedBack, Settled};
    use super::*;

    fn message(id: &str, group: Option<&str>, items: usize) -> ReceivedMessage {
        ReceivedMessage {
            id: id.into(),
            group: group.map(Into::into),
            items,
        }
    }

    #[test]
    fn message_is_settled_only_when_all_its_items_are() {
        let messages = [
            message("a", None, 2),
            message("b", None, 3),
            message("c", None, 1),
        ];
        let outcomes = [Settled, Settled, Settled, HandedBack, Settled, Settled];
        let result = MessageOutcomes::of(&messages, &outcomes);
        assert_eq!(
            (result.settled, result.failed),
            (vec!["a".into(), "c".into()], vec!["b".into()])
        );
        let result = MessageOutcomes::of(&messages, &outcomes[..5]);
        assert_eq!(
            (result.settled.len(), result.failed.len()),
            (1, 2),
            "a missing outcome counts as not settled"
        );
        let result = MessageOutcomes::of(&messages, &[]);
        assert_eq!(result.failed.len(), 3);
    }

    #[test]
    fn fifo_group_fails_from_its_first_failure_on() {
        let messages = [
            message("a1", Some("a"), 1),
            message("b1", Some("b"), 1),
            message("a2", Some("a"), 1),
            message("b2", Some("b"), 1),
            message("a3", Some("a"), 1),
        ];
        let outcomes = [Settled, Settled, HandedBack, Settled, Settled];
        let result = MessageOutcomes::of(&messages, &outcomes);
        assert_eq!(result.settled, ["a1", "b1", "b2"]);
        assert_eq!(result.failed, ["a2", "a3"]);
    }
}
