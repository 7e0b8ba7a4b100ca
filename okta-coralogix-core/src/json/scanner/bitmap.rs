//! Positions in a window, as bits of words, and arithmetic on several of the words at once.

use fearless_simd::prelude::*;
use fearless_simd::u64x4;

use super::block::BLOCK;

/// Blocks in a window.
pub(super) const BLOCKS: usize = 16;

/// Blocks whose words are computed in one step.
pub(super) const STEP: usize = 4;

/// The positions of one kind: a word for each block of a window, behind the word of the last block before it.
pub(super) struct Bitmap([u64; 1 + BLOCKS]);

impl Default for Bitmap {
    #[inline(always)]
    fn default() -> Self {
        Self([0; 1 + BLOCKS])
    }
}

impl Bitmap {
    /// Sets the last position of the window.
    pub(super) fn set_last(&mut self) {
        self.0[BLOCKS] = 1 << (BLOCK - 1);
    }

    /// Goes on to the next window, whose words are still to be set.
    #[inline(always)]
    pub(super) fn advance(&mut self) {
        self.0[0] = self.0[BLOCKS];
    }

    /// As if the last position of the window before was set, or not.
    #[inline(always)]
    pub(super) fn set_before(&mut self, is_set: bool) {
        self.0[0] = u64::from(is_set) << (BLOCK - 1);
    }

    /// Whether the last position of the window before is set.
    #[inline(always)]
    pub(super) fn is_before(&self) -> bool {
        self.0[0] >> (BLOCK - 1) != 0
    }

    /// The words of the window.
    #[inline(always)]
    pub(super) fn words(&mut self) -> &mut [u64; BLOCKS] {
        self.0.last_chunk_mut().expect("there is one word more")
    }

    /// The word of one block.
    #[inline(always)]
    pub(super) fn word(&self, block: usize) -> u64 {
        self.0[1 + block]
    }

    /// The words of the step that begins at a block.
    #[inline(always)]
    pub(super) fn step<S: Simd>(&self, simd: S, block: usize) -> u64x4<S> {
        u64x4::from_slice(simd, &self.0[1 + block..1 + block + STEP])
    }

    /// The positions that follow those of a step.
    #[inline(always)]
    pub(super) fn following<S: Simd>(&self, simd: S, block: usize) -> u64x4<S> {
        let before = u64x4::from_slice(simd, &self.0[block..block + STEP]);
        self.step(simd, block) << 1 | before >> (BLOCK as u32 - 1)
    }

    /// Sets the words of a step.
    #[inline(always)]
    pub(super) fn set<S: Simd>(&mut self, block: usize, words: u64x4<S>) {
        words.store_slice(&mut self.0[1 + block..1 + block + STEP]);
    }
}

/// The blocks at which steps begin, of so many blocks.
#[inline(always)]
pub(super) fn steps(count: usize) -> impl Iterator<Item = usize> {
    (0..count / STEP).map(|step| step * STEP)
}
