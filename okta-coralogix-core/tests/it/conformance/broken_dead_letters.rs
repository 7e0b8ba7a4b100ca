//! Stores of dead letters that break one rule each do not pass.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures::FutureExt;
use okta_coralogix_core::dead_letter::{DeadLetter, DeadLetterRecord, DeadLetters};
use okta_coralogix_core::testing::conformance::{self, DeadLettersUnderTest};
use okta_coralogix_core::{Error, ErrorKind, Result};
use tokio::task::yield_now;

use super::violates;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flaw {
    /// A write is stored by the next one.
    Buffered,
    FirstOnly,
    NotUtf8Replaced,
    LinesJoined,
    DoubtForgotten,
    TargetForgotten,
    ErrorSwallowed,
    /// After an error the store begins anew.
    ForgetsAfterAnError,
    /// After an error it takes the letters for written.
    SkipsAfterAnError,
    /// `write` puts its letters where all of them do.
    MixedUp,
}

#[derive(Debug, Clone)]
struct Broken {
    flaw: Option<Flaw>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    kept: Vec<DeadLetterRecord>,
    waiting: Vec<DeadLetterRecord>,
    fails: bool,
    has_failed: bool,
}

impl Broken {
    fn record(&self, letter: &DeadLetter) -> DeadLetterRecord {
        let mut record = DeadLetterRecord::from(letter);
        let text = String::from_utf8_lossy(&record.bytes).into_owned();
        match self.flaw {
            Some(Flaw::NotUtf8Replaced) => record.bytes = text.into(),
            Some(Flaw::LinesJoined) => {
                record.bytes = record
                    .bytes
                    .split(|&b| b == b'\n')
                    .flatten()
                    .copied()
                    .collect()
            }
            Some(Flaw::DoubtForgotten) => record.may_have_arrived = false,
            Some(Flaw::TargetForgotten) => record.target = None,
            _ => {}
        }
        record
    }
}

#[async_trait]
impl DeadLetters for Broken {
    async fn write(&self, letters: &[DeadLetter]) -> Result<()> {
        let mut records: Vec<_> = letters.iter().map(|letter| self.record(letter)).collect();
        if self.flaw == Some(Flaw::MixedUp) {
            self.state.lock().unwrap().waiting.clone_from(&records);
            yield_now().await;
            records.clone_from(&self.state.lock().unwrap().waiting);
        }
        let mut state = self.state.lock().unwrap();
        if state.fails {
            state.has_failed = true;
            return match self.flaw {
                Some(Flaw::ErrorSwallowed) => Ok(()),
                _ => Err(Error::new(ErrorKind::Storage, "the disk is full")),
            };
        }
        match self.flaw {
            Some(Flaw::Buffered) => records = std::mem::replace(&mut state.waiting, records),
            Some(Flaw::FirstOnly) => records.truncate(1),
            Some(Flaw::ForgetsAfterAnError) if state.has_failed => state.kept.clear(),
            Some(Flaw::SkipsAfterAnError) if state.has_failed => records.clear(),
            _ => {}
        }
        state.kept.append(&mut records);
        Ok(())
    }
}

async fn suite(flaw: Option<Flaw>) {
    let store = Broken {
        flaw,
        state: Arc::default(),
    };
    let open = || async { Box::new(store.clone()) as Box<dyn DeadLetters> }.boxed_local();
    let kept = || {
        let kept = store.state.lock().unwrap().kept.clone();
        async move { kept }.boxed()
    };
    let fail = |fails| store.state.lock().unwrap().fails = fails;
    let test = DeadLettersUnderTest::new(&open, &kept).fail(&fail);
    conformance::dead_letters(&test).await;
}

#[tokio::test]
async fn broken_dead_letters_fail_with_the_rule_that_they_break() {
    suite(None).await;
    for (flaw, number) in [
        (Flaw::Buffered, 1),
        (Flaw::FirstOnly, 1),
        (Flaw::NotUtf8Replaced, 2),
        (Flaw::LinesJoined, 2),
        (Flaw::DoubtForgotten, 2),
        (Flaw::TargetForgotten, 2),
        (Flaw::ErrorSwallowed, 3),
        (Flaw::ForgetsAfterAnError, 4),
        (Flaw::SkipsAfterAnError, 4),
        (Flaw::MixedUp, 5),
    ] {
        let what = format!("{flaw:?}");
        violates("DeadLetters", number, suite(Some(flaw)), &what).await;
    }
}
