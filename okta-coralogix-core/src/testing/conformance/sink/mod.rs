//! What every sink must do.

mod refusal;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use chrono::DateTime;
use futures::future::join_all;

use crate::sink::{Batch, ContentEncoding, LogSink};
use crate::testing::conformance::rule::Rule;
use crate::{EntryText, ErrorKind, LogEntry, Names};

/// A sink, and control of its remote.
pub struct SinkUnderTest<'a> {
    sink: &'a dyn LogSink,
    arrived: &'a (dyn Fn() -> Vec<String> + Sync),
    answer: &'a (dyn Fn(Answer) + Sync),
}

impl<'a> SinkUnderTest<'a> {
    /// `arrived` gives the texts that the remote has, in the order in which it accepted them: a remote that keeps one copy of an
    /// event, by its `uuid`, has each of them once. `answer` sets how the remote answers from now on.
    #[must_use]
    pub fn new(
        sink: &'a dyn LogSink,
        arrived: &'a (dyn Fn() -> Vec<String> + Sync),
        answer: &'a (dyn Fn(Answer) + Sync),
    ) -> Self {
        Self {
            sink,
            arrived,
            answer,
        }
    }
}

/// How the remote of a [`SinkUnderTest`] answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// It accepts everything.
    Accept,
    /// It accepts nothing, and says so: `TooLarge`, `Rejected`, `Unauthorized` or `Unavailable`.
    Refuse(ErrorKind),
    /// It refuses, as `Rejected`, each request with an entry whose text contains this, and accepts the others.
    RefuseText(&'static str),
    /// It accepts the next request, and the answer is lost.
    LoseAnswer,
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
/// If a rule of [`LogSink`] is violated.
pub async fn sink(test: &SinkUnderTest<'_>) {
    sink_that_accepts_everything(test.sink, test.arrived).await;
    refusal::refusals_have_their_kind_and_take_nothing(test).await;
    refusal::refusal_of_one_entry_takes_none_of_its_batch(test).await;
    refusal::lost_answers_are_ambiguous(test).await;
    concurrent_batches_have_their_own_results(test).await;
}

/// Checks a sink whose remote is empty and cannot be made to refuse: all of [`sink`] that shows without it. `arrived` gives the
/// texts that the remote has.
///
/// # Panics
/// If a rule of [`LogSink`] is violated.
pub async fn sink_that_accepts_everything(
    sink: &dyn LogSink,
    arrived: &(dyn Fn() -> Vec<String> + Sync),
) {
    small_entries_arrive_in_order(sink, arrived).await;
    large_entries_keep_the_limits(sink, arrived).await;
    oversized_entry_is_no_request(sink).await;
    concurrent_batches_arrive_whole(sink, arrived).await;
    batches_arrive_after_close(sink, arrived).await;
}

async fn small_entries_arrive_in_order(
    sink: &dyn LogSink,
    arrived: &(dyn Fn() -> Vec<String> + Sync),
) {
    let entries = entries("small", 2 * sink.limits().entries.min(5_000) + 1, 0);
    send_all(sink, &entries).await;
    Rule::ACCEPTED.check(
        arrived() == texts(&entries),
        "not every entry arrives once, in order, byte for byte",
    );
}

/// Of three entries at most two fit a request.
async fn large_entries_keep_the_limits(
    sink: &dyn LogSink,
    arrived: &(dyn Fn() -> Vec<String> + Sync),
) {
    let Some(limit) = testable_limit(sink) else {
        return;
    };
    let before = arrived().len();
    let entries = entries("large", 5, limit * 2 / 5);
    send_all(sink, &entries).await;
    let new = arrived();
    let new = new.get(before..).unwrap_or_default();
    Rule::ACCEPTED.check(
        new.len() == entries.len(),
        "not every large entry arrives once",
    );
}

async fn oversized_entry_is_no_request(sink: &dyn LogSink) {
    let Some(limit) = testable_limit(sink) else {
        return;
    };
    let entries = entries("oversized", 2, limit + 1);
    if let Ok(batch) = sink.encode(&entries) {
        let bytes = batch.uncompressed_len.max(uncompressed(&batch));
        Rule::OVERSIZED.check(
            bytes <= limit && batch.truncated > 0,
            format!("`encode` makes a batch of {bytes} bytes of an entry that is larger than the limit of {limit}"),
        );
    }
    // Behind one that fits, it is left for later.
    let mixed = [&self::entries("before", 1, 0)[..], &entries[..]].concat();
    let batch = Rule::PREFIX.ok(
        sink.encode(&mixed),
        "an entry before an oversized one is not taken",
    );
    check_batch(sink, &batch, mixed.len());
}

/// Larger limits would take the memory of the test; below, the entries of the suite do not fit.
fn testable_limit(sink: &dyn LogSink) -> Option<usize> {
    let limit = sink.limits().bytes;
    (4096..=64 << 20).contains(&limit).then_some(limit)
}

async fn send_all(sink: &dyn LogSink, entries: &[LogEntry]) {
    let mut rest = entries;
    while !rest.is_empty() {
        let batch = Rule::PREFIX.ok(sink.encode(rest), "entries cannot be encoded that fit");
        check_batch(sink, &batch, rest.len());
        let (count, length) = (batch.entries, batch.uncompressed_len);
        let batch = match batch.content_encoding {
            ContentEncoding::Identity => sink.compress(batch),
            // As a pipeline does: `encode` has done it.
            ContentEncoding::Gzip => batch,
        };
        Rule::LIMITS.check(
            (batch.entries, batch.uncompressed_len) == (count, length),
            "`compress` changes what the batch says of itself",
        );
        let sent = sink.send(&batch).await;
        Rule::ACCEPTED.ok(
            sent,
            "a batch cannot be sent although the remote accepts everything",
        );
        rest = &rest[count..];
    }
}

fn check_batch(sink: &dyn LogSink, batch: &Batch, of: usize) {
    let limits = sink.limits();
    Rule::PREFIX.check(
        batch.entries > 0 && batch.entries <= of,
        format!("a batch takes {} of {of} entries", batch.entries),
    );
    Rule::LIMITS.check(
        batch.entries <= limits.entries,
        format!(
            "a batch has {} entries, of at most {}",
            batch.entries, limits.entries
        ),
    );
    let bytes = batch.uncompressed_len.max(uncompressed(batch));
    Rule::LIMITS.check(
        bytes <= limits.bytes,
        format!("a batch has {bytes} bytes, of at most {}", limits.bytes),
    );
}

/// The bytes of a body that is not compressed, whatever the batch says.
fn uncompressed(batch: &Batch) -> usize {
    match batch.content_encoding {
        ContentEncoding::Identity => batch.body.len(),
        ContentEncoding::Gzip => 0,
    }
}

/// How many of these entries the remote has, copies included.
fn copies(test: &SinkUnderTest<'_>, entries: &[LogEntry]) -> usize {
    let texts = texts(entries);
    let arrived = (test.arrived)();
    arrived.iter().filter(|text| texts.contains(text)).count()
}

const REFUSED: &str = "this one is refused";

/// A pipeline closes a sink that others share, or that takes the batches of its next run.
async fn batches_arrive_after_close(
    sink: &dyn LogSink,
    arrived: &(dyn Fn() -> Vec<String> + Sync),
) {
    for round in ["closed once", "closed twice"] {
        let before = arrived();
        let closed = sink.close().await;
        Rule::CLOSED.ok(closed, "a sink cannot be closed although nothing is wrong");
        let entries = entries(round, 3, 0);
        let batch = Rule::PREFIX.ok(sink.encode(&entries), "small entries cannot be encoded");
        let sent = sink.send(&batch).await;
        Rule::CLOSED.ok(sent, "a batch cannot be sent after `close`");
        let now = arrived();
        Rule::CLOSED.check(
            now.get(..before.len()) == Some(&*before),
            "what had arrived before `close` is not there any more",
        );
        let texts = texts(&entries);
        let new = now.get(before.len()..).unwrap_or_default();
        Rule::CLOSED.check(
            !new.is_empty() && texts.starts_with(new),
            "a batch that is sent after `close` does not arrive",
        );
    }
}

/// Batches of different sizes, so that none can stand for another.
fn batches(
    sink: &dyn LogSink,
    name: &str,
    marked: impl Fn(usize) -> bool,
) -> Vec<(Vec<LogEntry>, Batch)> {
    let make = |n: usize| {
        let name = format!("{name} {n}{}", if marked(n) { REFUSED } else { "" });
        let mut entries = entries(&name, n + 1, 0);
        let batch = Rule::PREFIX.ok(sink.encode(&entries), "small entries cannot be encoded");
        entries.truncate(batch.entries);
        (entries, batch)
    };
    (0..8).map(make).collect()
}

async fn concurrent_batches_arrive_whole(
    sink: &dyn LogSink,
    arrived: &(dyn Fn() -> Vec<String> + Sync),
) {
    let before = arrived().len();
    let batches = batches(sink, "at the same time", |_| false);
    for sent in join_all(batches.iter().map(|(_, batch)| sink.send(batch))).await {
        Rule::CONCURRENT.ok(sent, "batches cannot be sent at the same time");
    }
    let new = arrived();
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for text in new.get(before..).unwrap_or_default() {
        *counts.entry(text).or_default() += 1;
    }
    for (entries, _) in &batches {
        for text in texts(entries) {
            let count = counts.remove(&*text).unwrap_or_default();
            Rule::CONCURRENT.check(count == 1, format!("an entry arrives {count} times"));
        }
    }
    Rule::CONCURRENT.check(counts.is_empty(), "entries arrive that were not sent");
}

/// Every second one is refused.
async fn concurrent_batches_have_their_own_results(test: &SinkUnderTest<'_>) {
    (test.answer)(Answer::RefuseText(REFUSED));
    let is_refused = |n: usize| n % 2 == 1;
    let batches = batches(test.sink, "refused at the same time", is_refused);
    let sent = join_all(batches.iter().map(|(_, batch)| test.sink.send(batch))).await;
    (test.answer)(Answer::Accept);
    for (n, ((entries, _), sent)) in batches.iter().zip(sent).enumerate() {
        let arrived = copies(test, entries) == entries.len();
        Rule::CONCURRENT.check(
            arrived != is_refused(n) && sent.is_ok() == arrived,
            "the result of a batch is not its own when others are sent at the same time",
        );
    }
}

/// Entries whose texts have at least so many bytes, each with a uuid of its own.
fn entries(name: &str, count: usize, bytes: usize) -> Vec<LogEntry> {
    let names = Arc::new(Names::new("okta", "conformance \"ü\""));
    let padding = "x".repeat(bytes);
    let mut hash = crc32fast::Hasher::new();
    hash.update(name.as_bytes());
    let first = u64::from(hash.finalize()) << 16;
    let entry = |n: usize| {
        let uuid = format!("00000000-0000-4000-8000-{:012x}", first + n as u64);
        let text = format!(
            r#"{{"uuid":"{uuid}","text":"{name} {n}: a \"quote\", a \\ and ü 😀 \u0001","padding":"{padding}"}}"#
        );
        let mut entry = LogEntry::new(Arc::clone(&names), EntryText::Escaped(text.into()));
        entry.timestamp = DateTime::from_timestamp_millis(1_700_000_000_000 + n as i64);
        entry
    };
    (0..count).map(entry).collect()
}

fn texts(entries: &[LogEntry]) -> Vec<String> {
    let text = |entry: &LogEntry| String::from_utf8_lossy(entry.text.document()).into_owned();
    entries.iter().map(text).collect()
}
