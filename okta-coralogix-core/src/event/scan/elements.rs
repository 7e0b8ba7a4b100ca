//! The elements of a list: their ranges and heads.

use std::mem;
use std::ops::Range;

use fearless_simd::Simd;

use super::head_member;
use crate::event::fields::Fields;
use crate::json::scanner::{Nesting, Visitor};

/// The element that is being read.
pub(super) struct Elements<'a, F> {
    list: &'a str,
    /// Where it begins; between two of them, where the next one must.
    start: usize,
    /// The fields of its head that were found.
    fields: Fields<'a>,
    found: F,
}

impl<'a, F: FnMut(Range<usize>, &Fields<'a>) -> Option<()>> Elements<'a, F> {
    pub(super) fn of(list: &'a str, found: F) -> Self {
        Self {
            list,
            start: 0,
            fields: Fields::default(),
            found,
        }
    }
}

impl<'a, F: FnMut(Range<usize>, &Fields<'a>) -> Option<()>> Visitor for Elements<'a, F> {
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
            return (self.start == at && kind == Nesting::OBJECT).then_some(());
        }
        Some(())
    }

    #[inline(always)]
    fn finish(&mut self, end: usize, nesting: Nesting) -> Option<()> {
        if nesting.is_list() {
            let start = mem::replace(&mut self.start, end + 1);
            return (self.found)(start..end, &self.fields);
        }
        Some(())
    }

    /// `None` in the middle of an element, or behind a comma.
    fn end(&self, nesting: Nesting) -> Option<()> {
        let is_empty = self.list.is_empty();
        let is_whole = nesting.is_list() && self.start == self.list.len() + 1;
        (is_empty || is_whole).then_some(())
    }
}
