//! What every sink must do.

use std::fmt;

use chrono::DateTime;

use crate::sink::LogSink;
use crate::{EntryText, ErrorKind, JsonString, LogEntry, Names};

/// A sink, and control of its remote.
pub struct SinkUnderTest<'a> {
    /// The sink.
    pub sink: &'a dyn LogSink,
    /// The texts that the remote has accepted, in their order.
    pub arrived: &'a (dyn Fn() -> Vec<String> + Sync),
    /// Sets how the remote answers from now on: with an error of this kind (`TooLarge`, `Rejected`, `Unauthorized` or
    /// `Unavailable`), or `None`: it accepts everything.
    pub answer: &'a (dyn Fn(Option<ErrorKind>) + Sync),
}

impl fmt::Debug for SinkUnderTest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SinkUnderTest")
            .field("sink", &self.sink)
            .finish_non_exhaustive()
    }
}

/// Checks a sink whose remote is empty and accepts everything.
///
/// # Panics
/// If a must of [`LogSink`] is violated.
pub async fn sink(test: &SinkUnderTest<'_>) {
    sink_that_accepts_everything(test.sink, test.arrived).await;
    refusals_have_their_kind_and_take_nothing(test).await;
}

/// Checks a sink whose remote is empty and cannot be made to reject: that it takes prefixes, and that they arrive in order.
/// `arrived` gives the texts that the remote has accepted.
///
/// # Panics
/// If a must of [`LogSink`] is violated.
pub async fn sink_that_accepts_everything(
    sink: &dyn LogSink,
    arrived: &(dyn Fn() -> Vec<String> + Sync),
) {
    let entries = entries(2 * sink.limits().entries + 1);
    let mut rest = &entries[..];
    while !rest.is_empty() {
        let batch = sink.encode(rest).expect("small entries can be sent");
        let batch = sink.compress(batch);
        assert!(
            batch.entries > 0 && batch.entries <= rest.len(),
            "a batch takes a non-empty prefix"
        );
        assert!(
            batch.entries <= sink.limits().entries,
            "a batch keeps the limit of entries"
        );
        assert!(
            batch.uncompressed_len <= sink.limits().bytes,
            "a batch keeps the limit of bytes"
        );
        sink.send(&batch)
            .await
            .expect("the remote accepts everything");
        rest = &rest[batch.entries..];
    }
    let expected: Vec<_> = entries.iter().map(text).collect();
    assert!(
        arrived() == expected,
        "everything arrived once, in order, byte for byte"
    );
}

async fn refusals_have_their_kind_and_take_nothing(test: &SinkUnderTest<'_>) {
    let cases = [
        (ErrorKind::TooLarge, false),
        (ErrorKind::Rejected, false),
        (ErrorKind::Unauthorized, false),
        (ErrorKind::Unavailable, true),
    ];
    let batch = test
        .sink
        .encode(&entries(3))
        .expect("small entries can be sent");
    let before = (test.arrived)().len();
    for (kind, temporary) in cases {
        (test.answer)(Some(kind));
        let error = test
            .sink
            .send(&batch)
            .await
            .expect_err("a refused batch is no success");
        assert_eq!(
            (error.kind(), error.is_temporary()),
            (kind, temporary),
            "{error}"
        );
        assert_eq!((test.arrived)().len(), before, "{kind:?} takes nothing");
    }
    (test.answer)(None);
    test.sink
        .send(&batch)
        .await
        .expect("the same batch can be sent again");
    assert_eq!((test.arrived)().len(), before + 3);
}

fn entries(count: usize) -> Vec<LogEntry> {
    let names = std::sync::Arc::new(Names {
        application: JsonString::escape("okta"),
        subsystem: JsonString::escape("conformance \"ü\""),
        computer: None,
    });
    let entry = |n: usize| {
        let text = format!(r#"{{"uuid":"{n}","text":"a \"quote\", a \\ and ü 😀 \u0001"}}"#);
        let mut entry = LogEntry::new(
            std::sync::Arc::clone(&names),
            EntryText::Escaped(text.into()),
        );
        entry.timestamp = DateTime::from_timestamp_millis(1_700_000_000_000 + n as i64);
        entry
    };
    (0..count).map(entry).collect()
}

fn text(entry: &LogEntry) -> String {
    let (EntryText::Escaped(text) | EntryText::Embedded(text)) = &entry.text;
    String::from_utf8_lossy(text).into_owned()
}
