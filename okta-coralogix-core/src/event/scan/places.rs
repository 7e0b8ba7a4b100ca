//! Places in a stretch of text, as bits of words, and arithmetic on several of the words at once.

use fearless_simd::prelude::*;
use fearless_simd::u64x4;

use super::block::BLOCK;

/// Blocks in a stretch.
pub(super) const BLOCKS: usize = 16;

/// Blocks whose words take part in one step.
pub(super) const STEP: usize = 4;

/// The places of one kind: a word for each block of a stretch, behind that of the last block before.
pub(super) struct Places([u64; 1 + BLOCKS]);

impl Places {
    /// None.
    pub(super) const fn none() -> Self {
        Self([0; 1 + BLOCKS])
    }

    /// The last one of a stretch.
    pub(super) const fn last() -> Self {
        let mut places = Self::none();
        places.0[BLOCKS] = 1 << (BLOCK - 1);
        places
    }

    /// Goes on to the next stretch, whose words are still to be set.
    #[inline(always)]
    pub(super) fn advance(&mut self) {
        self.0[0] = self.0[BLOCKS];
    }

    /// The words of the stretch.
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

    /// The places behind those of a step.
    #[inline(always)]
    pub(super) fn behind<S: Simd>(&self, simd: S, block: usize) -> u64x4<S> {
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
