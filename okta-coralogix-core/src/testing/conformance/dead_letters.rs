//! What every store of dead letters must do.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use chrono::DateTime;
use futures::future::{BoxFuture, LocalBoxFuture, join_all};

use super::rule::Rule;
use crate::Origin;
use crate::dead_letter::{
    DeadLetter, DeadLetterReason, DeadLetterRecord, DeadLetterTarget, DeadLetters,
};

/// A store of dead letters, and a view on what it keeps.
pub struct DeadLettersUnderTest<'a> {
    open: &'a dyn Fn() -> LocalBoxFuture<'a, Box<dyn DeadLetters>>,
    kept: &'a dyn Fn() -> BoxFuture<'a, Vec<DeadLetterRecord>>,
    fail: Option<&'a dyn Fn(bool)>,
}

impl<'a> DeadLettersUnderTest<'a> {
    /// `open` opens the store: the first time empty, later as after a restart. `kept` gives the letters that are kept, in the order in
    /// which they were written, read without the store that is open.
    #[must_use]
    pub fn new(
        open: &'a dyn Fn() -> LocalBoxFuture<'a, Box<dyn DeadLetters>>,
        kept: &'a dyn Fn() -> BoxFuture<'a, Vec<DeadLetterRecord>>,
    ) -> Self {
        Self {
            open,
            kept,
            fail: None,
        }
    }

    /// Makes every write fail, as a full disk does, until `false` is set. Without it, what a failed write leaves is not checked.
    #[must_use]
    pub fn fail(mut self, fail: &'a dyn Fn(bool)) -> Self {
        self.fail = Some(fail);
        self
    }
}

impl fmt::Debug for DeadLettersUnderTest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadLettersUnderTest")
            .finish_non_exhaustive()
    }
}

/// Checks a store of dead letters that is empty.
///
/// # Panics
/// If a rule of [`DeadLetters`] is violated.
pub async fn dead_letters(test: &DeadLettersUnderTest<'_>) {
    let mut expected = Vec::new();
    let letters = odd_letters();
    {
        let store = (test.open)().await;
        for letters in [&letters[..1], &letters[1..]] {
            let written = store.write(letters).await;
            Rule::KEPT.ok(written, "letters cannot be written");
            expected.extend(letters.iter().map(DeadLetterRecord::from));
            // Looked at while it is open: what a buffer holds is lost when the process is killed.
            check(test, &expected, Rule::KEPT, "when `write` returns").await;
        }
    }
    check(test, &expected, Rule::KEPT, "after a restart").await;
    let store = (test.open)().await;
    concurrent_writes(test, &*store, &mut expected).await;
    if let Some(fail) = test.fail {
        failed_write(test, &*store, fail, &expected).await;
    }
}

async fn concurrent_writes(
    test: &DeadLettersUnderTest<'_>,
    store: &dyn DeadLetters,
    expected: &mut Vec<DeadLetterRecord>,
) {
    let batches: Vec<Vec<_>> = (0..8)
        .map(|batch| {
            (0..=batch)
                .map(|n| letter(format!("{batch}.{n}").into()))
                .collect()
        })
        .collect();
    let before = expected.len();
    for written in join_all(batches.iter().map(|letters| store.write(letters))).await {
        Rule::TOGETHER.ok(written, "letters cannot be written at the same time");
    }
    let kept = (test.kept)().await;
    let new = kept.get(before..).unwrap_or_default();
    let written = batches.iter().flatten().map(DeadLetterRecord::from);
    let count = written.clone().count();
    Rule::TOGETHER.check(
        new.len() == count && written.clone().all(|letter| new.contains(&letter)),
        format!(
            "of {count} letters that are written at the same time not each is kept once, as it is"
        ),
    );
    expected.extend(new.iter().cloned());
}

async fn failed_write(
    test: &DeadLettersUnderTest<'_>,
    store: &dyn DeadLetters,
    fail: &dyn Fn(bool),
    expected: &[DeadLetterRecord],
) {
    let letters: Vec<_> = (0..3)
        .map(|n| letter(format!("again {n}").into()))
        .collect();
    fail(true);
    let failed = store.write(&letters).await;
    Rule::FAILED.check(
        failed.is_err(),
        "`write` returns `Ok` although the storage fails",
    );
    fail(false);
    let written = store.write(&letters).await;
    Rule::WRITTEN_AGAIN.ok(
        written,
        "the letters cannot be written again once the storage works",
    );
    let kept = (test.kept)().await;
    let before = kept.get(..expected.len()) == Some(expected);
    let again: Vec<_> = letters.iter().map(DeadLetterRecord::from).collect();
    Rule::WRITTEN_AGAIN.check(
        before && kept.ends_with(&again),
        "after a write that failed not all letters are kept: those of before, and those that were written again",
    );
}

async fn check(
    test: &DeadLettersUnderTest<'_>,
    expected: &[DeadLetterRecord],
    rule: Rule,
    when: &str,
) {
    let kept = (test.kept)().await;
    let (count, total) = (kept.len(), expected.len());
    rule.check(
        count == total,
        format!("{count} of {total} letters are kept {when}"),
    );
    for (kept, expected) in kept.iter().zip(expected) {
        let (bytes, whole) = (kept.bytes == expected.bytes, kept == expected);
        Rule::UNCHANGED.check(bytes, "the bytes of a letter are changed");
        Rule::UNCHANGED.check(whole, "a field of a letter is changed, or missing");
    }
}

/// Letters that use every field, with bytes that are no JSON, no UTF-8, no single line, or none at all.
fn odd_letters() -> Vec<DeadLetter> {
    let bytes: [&'static [u8]; 6] = [
        br#"{"uuid":"1"}"#,
        b"two\nlines\r\n",
        b"\xff\xfe\x00 not UTF-8",
        b"",
        "a \"quote\", a \\, ü and 😀 \u{2028}".as_bytes(),
        &[b'x'; 300_000],
    ];
    let mut letters: Vec<_> = bytes.map(|bytes| letter(Bytes::from_static(bytes))).into();
    let reasons = [DeadLetterReason::TooOld, DeadLetterReason::Blocked];
    for (letter, reason) in letters.iter_mut().zip(reasons) {
        letter.reason = reason;
        letter.may_have_arrived = true;
        letter.detail = "two\nlines, and \"quotes\"".to_owned();
        let target = DeadLetterTarget::integration("acme");
        letter.target = Some(target);
    }
    letters
}

fn letter(bytes: Bytes) -> DeadLetter {
    let time = DateTime::from_timestamp_millis(1_700_000_000_123).unwrap_or_default();
    let origin = Arc::new(Origin::org("conformance"));
    DeadLetter::new(
        time,
        DeadLetterReason::Malformed,
        "no object",
        origin,
        bytes,
    )
}
