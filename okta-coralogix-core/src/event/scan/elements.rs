//! The elements of the list, and what is read of them.

use std::mem;
use std::ops::Range;

use fearless_simd::Simd;

use super::block;
use super::nest::Nest;
use super::stretch::Tokens;
use crate::event::head::Fields;

/// The bit by which braces differ from brackets.
const BRACE: u8 = 0x20;

/// The element that is being read.
pub(super) struct Elements<'a, F> {
    list: &'a str,
    nest: Nest,
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
            nest: Nest::LIST,
            start: 0,
            fields: Fields::of_object(),
            found,
        }
    }

    /// Follows the brackets of the block at `at`; says which of its places stand directly in an object. `None` if brackets do
    /// not match, there is anything but objects in the list, or the head is unusual.
    #[inline(always)]
    pub(super) fn read<S: Simd>(&mut self, simd: S, at: usize, tokens: &Tokens) -> Option<u64> {
        let text = self.list.as_bytes();
        let mut objects = every_place(self.nest);
        let mut strings = tokens.keys_or_items;
        let mut brackets = tokens.opens | tokens.closes;
        while brackets != 0 {
            let bracket = brackets & brackets.wrapping_neg();
            let until = brackets ^ (brackets - 1);
            let place = at + brackets.trailing_zeros() as usize;
            brackets &= brackets - 1;
            let kind = u64::from(text[place] / BRACE % 2);
            if self.nest.is_element() {
                self.keys(simd, at, strings & until)?;
            }
            strings &= !until;
            if tokens.opens & bracket == 0 {
                self.nest = self.nest.pop(kind)?;
                if self.nest.is_list() {
                    self.finish(place + 1)?;
                }
            } else {
                if self.nest.is_list() {
                    self.begin(place, kind)?;
                }
                self.nest = self.nest.push(kind)?;
            }
            objects = objects & until | every_place(self.nest) & !until;
        }
        if self.nest.is_element() {
            self.keys(simd, at, strings)?;
        }
        Some(objects)
    }

    /// `None` if the list ends in the middle of an element, or behind a comma.
    pub(super) fn end(&self) -> Option<()> {
        let is_empty = self.list.is_empty();
        let is_whole = self.nest.is_list() && self.start == self.list.len() + 1;
        (is_empty || is_whole).then_some(())
    }

    fn begin(&mut self, at: usize, kind: u64) -> Option<()> {
        self.fields = Fields::of_object();
        (self.start == at && kind == Nest::OBJECT).then_some(())
    }

    fn finish(&mut self, end: usize) -> Option<()> {
        let start = mem::replace(&mut self.start, end + 1);
        (self.found)(start..end, &self.fields)
    }

    /// Takes the keys of the element that begin at `places` of the block at `at`.
    #[inline(always)]
    fn keys<S: Simd>(&mut self, simd: S, at: usize, mut places: u64) -> Option<()> {
        while places != 0 {
            self.key(simd, at + places.trailing_zeros() as usize + 1)?;
            places &= places - 1;
        }
        Some(())
    }

    /// Takes the key whose first letter is at `at`, and its value, if it is one of the head. `None` if the value is no string, or has
    /// an escape in it.
    #[inline(always)]
    fn key<S: Simd>(&mut self, simd: S, at: usize) -> Option<()> {
        let text = &self.list.as_bytes()[at..];
        let (name, field) = match text.first_chunk::<4>()? {
            b"publ" => (&b"published\":\""[..], &mut self.fields.published),
            b"uuid" => (&b"uuid\":\""[..], &mut self.fields.uuid),
            b"seve" => (&b"severity\":\""[..], &mut self.fields.severity),
            b"even" => (&b"eventType\":\""[..], &mut self.fields.event_type),
            _ => return Some(()),
        };
        let Some(value) = text.strip_prefix(name) else {
            // Another key, or a value that is no string: `name` without the last quote.
            return (!text.starts_with(&name[..name.len() - 1])).then_some(());
        };
        let length = block::first(simd, value, b'"', b'\\')?;
        let start = at + name.len();
        *field = Some(&self.list[start - 1..=start + length]);
        (value[length] == b'"').then_some(())
    }
}

/// All places if they stand in an object.
#[inline(always)]
fn every_place(nest: Nest) -> u64 {
    nest.kind().wrapping_neg()
}
