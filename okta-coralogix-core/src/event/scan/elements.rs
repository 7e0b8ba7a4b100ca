//! The elements of a list: where they stand, and their heads.

use std::mem;
use std::ops::Range;

use fearless_simd::Simd;

use super::containers::Watch;
use super::members::head_member;
use super::nest::Nest;
use crate::event::head::Fields;

/// The element that is being read.
pub(super) struct Elements<'a, F> {
    list: &'a str,
    /// Where it begins; between two of them, where the next one must.
    start: usize,
    /// What was found of its head.
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

impl<'a, F: FnMut(Range<usize>, &Fields<'a>) -> Option<()>> Watch for Elements<'a, F> {
    #[inline(always)]
    fn wants_keys(&self, nest: Nest) -> bool {
        nest.is_element()
    }

    #[inline(always)]
    fn key<S: Simd>(&mut self, simd: S, at: usize, _: Nest) -> Option<()> {
        head_member(simd, self.list, at, &mut self.fields)
    }

    /// `None` if there is anything but an object in the list, or not where it must be.
    #[inline(always)]
    fn begin(&mut self, at: usize, kind: u64, nest: Nest) -> Option<()> {
        if nest.is_list() {
            self.fields = Fields::default();
            return (self.start == at && kind == Nest::OBJECT).then_some(());
        }
        Some(())
    }

    #[inline(always)]
    fn finish(&mut self, end: usize, nest: Nest) -> Option<()> {
        if nest.is_list() {
            let start = mem::replace(&mut self.start, end + 1);
            return (self.found)(start..end, &self.fields);
        }
        Some(())
    }

    /// `None` in the middle of an element, or behind a comma.
    fn end(&self, nest: Nest) -> Option<()> {
        let is_empty = self.list.is_empty();
        let is_whole = nest.is_list() && self.start == self.list.len() + 1;
        (is_empty || is_whole).then_some(())
    }
}
