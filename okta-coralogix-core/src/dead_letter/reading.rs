//! How letters become events, and which of them are given: what replays of files and of objects have in common.

use std::sync::Arc;

use bytes::Bytes;

use super::{DeadLetterRecord, DeadLetterTarget};
use crate::event::MalformedReason;
use crate::{MalformedEvent, RawEvent, Result};

type Item = Result<RawEvent, MalformedEvent>;

type Parse = dyn Fn(DeadLetterRecord) -> Item + Send + Sync;

type Select = dyn Fn(Option<&DeadLetterTarget>) -> bool + Send + Sync;

/// Reads all letters by default, each as [`RawEvent::parse`] does.
pub(super) struct Reading {
    parse: Arc<Parse>,
    /// `None`: all of them.
    select: Option<Arc<Select>>,
}

impl Default for Reading {
    fn default() -> Self {
        Self {
            parse: Arc::new(|record| RawEvent::parse(record.bytes, Arc::new(record.origin))),
            select: None,
        }
    }
}

impl Reading {
    pub(super) fn parse_with(
        &mut self,
        parse: impl Fn(DeadLetterRecord) -> Item + Send + Sync + 'static,
    ) {
        self.parse = Arc::new(parse);
    }

    pub(super) fn only(
        &mut self,
        select: impl Fn(Option<&DeadLetterTarget>) -> bool + Send + Sync + 'static,
    ) {
        self.select = Some(Arc::new(select));
    }

    pub(super) fn selects(&self, line: &[u8]) -> bool {
        let select = self.select.as_ref();
        select.is_none_or(|select| select(target_of(line).as_ref()))
    }

    /// The events of lines. Says how many of them may have arrived before.
    pub(super) fn items<'a>(&self, lines: impl Iterator<Item = &'a Bytes>) -> Vec<Item> {
        let mut doubtful = 0;
        let items = lines.map(|line| self.item(line, &mut doubtful)).collect();
        if doubtful > 0 {
            tracing::warn!(
                entries = doubtful,
                "the answers to requests with these were lost before they were dead-lettered: they may arrive twice"
            );
        }
        items
    }

    fn item(&self, line: &Bytes, doubtful: &mut usize) -> Item {
        match DeadLetterRecord::from_line(line) {
            Ok(record) => {
                *doubtful += usize::from(record.may_have_arrived);
                (self.parse)(record)
            }
            Err(error) => Err(MalformedEvent {
                bytes: line.clone(),
                reason: MalformedReason::Refused(format!(
                    "a line of the dead letters that is no record of one ({error})"
                )),
                origin: Arc::default(),
            }),
        }
    }
}

/// `None` also if the line is no record.
pub(super) fn target_of(line: &[u8]) -> Option<DeadLetterTarget> {
    DeadLetterRecord::from_line(line).ok()?.target
}
