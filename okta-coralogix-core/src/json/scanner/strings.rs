//! The strings of a window: which quotes begin and end one, and what is inside.

use fearless_simd::prelude::*;
use fearless_simd::u64x4;

use super::bitmap::{Bitmap, steps};
use super::block::{BLOCK, Block};
use super::escapes::Escapes;

#[derive(Default)]
pub(super) struct Strings {
    state: StringState,
    pub(super) backslashes: Bitmap,
    /// The quotes that begin or end strings.
    pub(super) quotes: Bitmap,
    /// The bytes of strings, without the quotes that end them.
    pub(super) inside: Bitmap,
}

/// What goes over from block to block.
#[derive(Default, Clone, Copy)]
pub(super) struct StringState {
    escapes: Escapes,
    /// All ones if a string has begun and not ended.
    in_string: u64,
}

impl Strings {
    /// Before the window that is read next.
    #[inline(always)]
    pub(super) fn state(&self) -> StringState {
        self.state
    }

    /// Goes back to before a window.
    #[inline(always)]
    pub(super) fn go_back(&mut self, state: StringState) {
        self.state = state;
    }

    /// Loads the block at `at` of the text. `None` if an escape is wrong, or there is a control character in a text that is not `SPACED`.
    #[inline(always)]
    pub(super) fn load_block<S: Simd, const SPACED: bool>(
        &mut self,
        simd: S,
        text: &[u8],
        at: usize,
        index: usize,
        block: &Block<'_>,
    ) -> Option<()> {
        self.quotes.words()[index] = block.quotes;
        self.backslashes.words()[index] = 0;
        if block.is_unusual || self.state.escapes.go_on() {
            if !SPACED && block.controls(simd) != 0 {
                return None;
            }
            let backslashes = block.backslashes(simd);
            self.backslashes.words()[index] = backslashes;
            self.quotes.words()[index] &= !self.state.escapes.escaped(text, at, backslashes)?;
        }
        Some(())
    }

    /// Finds the strings in so many blocks.
    #[inline(always)]
    pub(super) fn find<S: Simd>(&mut self, simd: S, count: usize) {
        for step in steps(count) {
            self.inside
                .set(step, to_the_next(self.quotes.step(simd, step)));
        }
        for inside in &mut self.inside.words()[..count] {
            *inside ^= self.state.in_string;
            self.state.in_string = (*inside >> (BLOCK - 1)).wrapping_neg();
        }
    }
}

/// Ones from each bit that is set up to before the next one, from there on zeros, and so on; in each word by itself.
#[inline(always)]
fn to_the_next<S: Simd>(bits: u64x4<S>) -> u64x4<S> {
    let mut ones = bits;
    for distance in [1_u32, 2, 4, 8, 16, 32] {
        ones ^= ones << distance;
    }
    ones
}
