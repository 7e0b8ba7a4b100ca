//! The elements of a list: their ranges and heads.

use std::ops::Range;

use fearless_simd::Simd;

use super::head_member;
use crate::event::fields::Fields;
use crate::json::WHITE_SPACE;
use crate::json::scanner::{Nesting, Visitor};

/// The element that is being read.
pub(super) struct Elements<'a, 's, F> {
    list: &'a str,
    /// Where it begins.
    start: usize,
    /// Where the one before it ends.
    end: usize,
    /// The fields of its head that were found.
    fields: Fields<'a>,
    /// How many were found.
    count: usize,
    /// Those of them in which nothing is wrong.
    sound: &'s mut SoundElements,
    found: F,
}

/// The elements at the start of a list in which nothing is wrong.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SoundElements {
    pub(crate) count: usize,
    /// Where the next one begins.
    pub(crate) next: usize,
}

impl<'a, 's, F: FnMut(Range<usize>, &Fields<'a>) -> Option<()>> Elements<'a, 's, F> {
    pub(super) fn of(list: &'a str, sound: &'s mut SoundElements, found: F) -> Self {
        Self {
            list,
            start: 0,
            end: 0,
            fields: Fields::default(),
            count: 0,
            sound,
            found,
        }
    }

    /// Bytes of white space behind the last element.
    #[inline(never)]
    fn space_behind(&self) -> usize {
        let rest = &self.list[self.end..];
        rest.len() - rest.trim_start_matches(WHITE_SPACE).len()
    }

    /// Whether an element that begins at `at` is the next one: between it and the one before there is a comma, and white space at most.
    #[inline(never)]
    fn is_next(&self, at: usize) -> bool {
        let between = self.list[self.end..at].trim_matches(WHITE_SPACE);
        between == if self.count > 0 { "," } else { "" }
    }
}

impl<'a, F: FnMut(Range<usize>, &Fields<'a>) -> Option<()>> Visitor for Elements<'a, '_, F> {
    #[inline(always)]
    fn wants_keys(&self, nesting: Nesting) -> bool {
        nesting.is_element()
    }

    #[inline(always)]
    fn key<S: Simd>(&mut self, simd: S, at: usize, _: Nesting) -> Option<()> {
        head_member(simd, self.list, at, &mut self.fields)
    }

    /// `None` if there is anything but an object in the list, or not where it must be.
    #[inline(always)]
    fn begin(&mut self, at: usize, kind: u64, nesting: Nesting) -> Option<()> {
        if nesting.is_list() {
            self.fields = Fields::default();
            self.start = at;
            // The scanner sees to the comma, or that there is none before the first one.
            let is_next = at - self.end <= usize::from(self.count > 0) || self.is_next(at);
            return (is_next && kind == Nesting::OBJECT).then_some(());
        }
        Some(())
    }

    #[inline(always)]
    fn finish(&mut self, end: usize, nesting: Nesting) -> Option<()> {
        if nesting.is_list() {
            self.end = end;
            self.count += 1;
            return (self.found)(self.start..end, &self.fields);
        }
        Some(())
    }

    /// An element counts when the comma behind it is checked too.
    #[inline(always)]
    fn checked(&mut self, end: usize) {
        if self.count == 0 {
            return;
        }
        let is_at_comma = self.list.as_bytes().get(self.end) == Some(&b',');
        let space = if is_at_comma { 0 } else { self.space_behind() };
        let next = self.end + space + 1;
        if next <= end {
            *self.sound = SoundElements {
                count: self.count,
                next,
            };
        }
    }

    /// `None` in the middle of an element, or behind a comma.
    fn end(&self, nesting: Nesting) -> Option<()> {
        let is_empty = self.list.is_empty();
        let is_whole = nesting.is_list() && self.count > 0 && self.end == self.list.len();
        (is_empty || is_whole).then_some(())
    }
}
