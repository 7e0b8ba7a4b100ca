//! What a sink says of a batch that its remote refuses, or whose answer is lost.

use super::{Answer, REFUSED, SinkUnderTest, copies, entries};
use crate::ErrorKind;
use crate::testing::conformance::rule::Rule;

/// As long as that, so that a batch takes as many of them.
const ALLOWED: &str = "this one is allowed";

pub(super) async fn refusals_have_their_kind_and_take_nothing(test: &SinkUnderTest<'_>) {
    let cases = [
        (ErrorKind::TooLarge, false),
        (ErrorKind::Rejected, false),
        (ErrorKind::Unauthorized, false),
        (ErrorKind::Unavailable, true),
    ];
    let entries = entries("refused", 3, 0);
    let batch = Rule::PREFIX.ok(
        test.sink.encode(&entries),
        "small entries cannot be encoded",
    );
    for (kind, temporary) in cases {
        (test.answer)(Answer::Refuse(kind));
        let Err(error) = test.sink.send(&batch).await else {
            panic!(
                "{}: `send` returns `Ok` for a batch that the remote refuses",
                Rule::ACCEPTED
            );
        };
        let is_so = (error.kind(), error.is_temporary()) == (kind, temporary);
        Rule::REFUSED.check(
            is_so,
            format!(
                "an answer of {kind:?} is reported as {:?}: {error}",
                error.kind()
            ),
        );
        let copies = copies(test, &entries);
        Rule::REFUSED.check(
            copies == 0,
            format!("the remote has entries of a batch that is reported as {kind:?}"),
        );
    }
    (test.answer)(Answer::Accept);
    let sent = test.sink.send(&batch).await;
    Rule::REPEATED.ok(sent, "a batch that was refused cannot be sent again");
    let copies = copies(test, &entries);
    Rule::ACCEPTED.check(
        copies == entries.len(),
        "not every entry arrives once that is sent again",
    );
}

/// In batches that are small, and as full as the sink makes them; the first entry, one in the middle, or the last.
pub(super) async fn refusal_of_one_entry_takes_none_of_its_batch(test: &SinkUnderTest<'_>) {
    (test.answer)(Answer::RefuseText(REFUSED));
    let most = test.sink.limits().entries.min(5_000);
    for count in [3, most] {
        for (place, of) in [(0, 2), (1, 2), (2, 2)] {
            let name = |what| format!("{count}, {place} of {of}: {what}");
            let mut entries = entries(&name(ALLOWED), count, 0);
            let batch = test.sink.encode(&entries);
            let taken = Rule::PREFIX
                .ok(batch, "small entries cannot be encoded")
                .entries;
            entries.truncate(taken);
            let index = (taken - 1) * place / of;
            entries[index] = self::entries(&name(REFUSED), index + 1, 0).swap_remove(index);
            let batch = test.sink.encode(&entries);
            let batch = Rule::PREFIX.ok(batch, "small entries cannot be encoded");
            let sent = test.sink.send(&batch).await;
            Rule::ACCEPTED.check(
                sent.is_err(),
                format!("`send` returns `Ok` although entry {index} of {taken} is refused"),
            );
            let copies = copies(test, &entries);
            Rule::REFUSED.check(
                copies == 0,
                format!(
                    "the remote has {copies} entries of a batch of {taken}, of which it refuses entry {index}"
                ),
            );
        }
    }
    (test.answer)(Answer::Accept);
}

pub(super) async fn lost_answers_are_ambiguous(test: &SinkUnderTest<'_>) {
    let entries = entries("lost", 3, 0);
    let batch = Rule::PREFIX.ok(
        test.sink.encode(&entries),
        "small entries cannot be encoded",
    );
    (test.answer)(Answer::LoseAnswer);
    let Err(error) = test.sink.send(&batch).await else {
        panic!(
            "{}: `send` returns `Ok` for a batch whose answer is lost",
            Rule::AMBIGUOUS
        );
    };
    Rule::AMBIGUOUS.check(
        error.is_temporary() && error.is_ambiguous(),
        format!(
            "a lost answer is reported as {:?}, which the remote did not say: {error}",
            error.kind()
        ),
    );
    (test.answer)(Answer::Accept);
    let sent = test.sink.send(&batch).await;
    Rule::REPEATED.ok(sent, "a batch whose answer was lost cannot be sent again");
    let copies = copies(test, &entries);
    // Once each if the remote keeps one copy of an event, else twice.
    Rule::REPEATED.check(
        copies == entries.len() || copies == 2 * entries.len(),
        "not every entry of a batch that is sent again arrives",
    );
}
