//! Follows the brackets of a text.

use fearless_simd::Simd;

use super::window::Tokens;
use super::{Nesting, Visitor};

/// The bit by which braces differ from brackets.
const BRACE: u8 = 0x20;

/// The containers around the position that is being read.
pub(super) struct Containers<'a, V> {
    text: &'a [u8],
    nesting: Nesting,
    visitor: V,
}

impl<'a, V: Visitor> Containers<'a, V> {
    /// At the start of the inside of a list.
    pub(super) fn of_list(list: &'a [u8], visitor: V) -> Self {
        Self {
            text: list,
            nesting: Nesting::LIST,
            visitor,
        }
    }

    /// Follows the brackets of the block at `at` and returns which of its positions are directly in an object. `None` if brackets do
    /// not match, or the visitor ends the scan.
    #[inline(always)]
    pub(super) fn read<S: Simd>(&mut self, simd: S, at: usize, tokens: &Tokens) -> Option<u64> {
        let mut in_objects = all_if_object(self.nesting);
        let mut strings = tokens.keys_or_items;
        let mut brackets = tokens.opens | tokens.closes;
        while brackets != 0 {
            let bracket = brackets & brackets.wrapping_neg();
            let until = brackets ^ (brackets - 1);
            let position = at + brackets.trailing_zeros() as usize;
            brackets &= brackets - 1;
            let kind = u64::from(self.text[position] / BRACE % 2);
            self.keys(simd, at, strings & until)?;
            strings &= !until;
            if tokens.opens & bracket == 0 {
                self.nesting = self.nesting.pop(kind)?;
                self.visitor.finish(position + 1, self.nesting)?;
            } else {
                self.visitor.begin(position, kind, self.nesting)?;
                self.nesting = self.nesting.push(kind)?;
            }
            in_objects = in_objects & until | all_if_object(self.nesting) & !until;
        }
        self.keys(simd, at, strings)?;
        Some(in_objects)
    }

    /// Nothing is wrong in the text before `end`.
    #[inline(always)]
    pub(super) fn checked(&mut self, end: usize) {
        self.visitor.checked(end);
    }

    /// The visitor, unless the text must not end here.
    pub(super) fn end(self) -> Option<V> {
        self.visitor.end(self.nesting)?;
        Some(self.visitor)
    }

    /// Shows the visitor the keys that begin at `positions` of the block at `at`, if it wants them.
    #[inline(always)]
    fn keys<S: Simd>(&mut self, simd: S, at: usize, mut positions: u64) -> Option<()> {
        if self.visitor.wants_keys(self.nesting) {
            while positions != 0 {
                let quote = at + positions.trailing_zeros() as usize;
                self.visitor.key(simd, quote + 1, self.nesting)?;
                positions &= positions - 1;
            }
        }
        Some(())
    }
}

/// All positions of a block if they are in an object.
#[inline(always)]
fn all_if_object(nesting: Nesting) -> u64 {
    nesting.kind().wrapping_neg()
}
