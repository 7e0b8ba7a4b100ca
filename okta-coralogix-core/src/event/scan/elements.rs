//! The elements of a list: their ranges and heads.

use std::mem;
use std::ops::Range;

use fearless_simd::Simd;

use super::head_member;
use crate::event::fields::Fields;
use crate::json::scanner::{Nesting, Visitor};

/// The element that is being read.
pub(super) struct Elements<'a, 's, F> {
    list: &'a str,
    /// Where it begins; between two of them, where the next one must.
    start: usize,
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
            fields: Fields::default(),
            count: 0,
            sound,
            found,
        }
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
            return (self.start == at && kind == Nesting::OBJECT).then_some(());
        }
        Some(())
    }

    #[inline(always)]
    fn finish(&mut self, end: usize, nesting: Nesting) -> Option<()> {
        if nesting.is_list() {
            let start = mem::replace(&mut self.start, end + 1);
            self.count += 1;
            return (self.found)(start..end, &self.fields);
        }
        Some(())
    }

    /// An element counts when the comma behind it is checked too.
    #[inline(always)]
    fn checked(&mut self, end: usize) {
        if self.start <= end {
            *self.sound = SoundElements {
                count: self.count,
                next: self.start,
            };
        }
    }

    /// `None` in the middle of an element, or behind a comma.
    fn end(&self, nesting: Nesting) -> Option<()> {
        let is_empty = self.list.is_empty();
        let is_whole = nesting.is_list() && self.start == self.list.len() + 1;
        (is_empty || is_whole).then_some(())
    }
}
