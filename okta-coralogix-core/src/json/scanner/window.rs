//! A kilobyte of text, and whether each token in it may follow the one before it.
//!
//! The grammar is checked as a state machine whose state is carried from position to position, and from window to window, in bits:
//! - *In a string* (`in_string`): a quote that is not escaped enters and leaves it. In it, only escapes and control characters are
//!   looked at.
//! - *In a key* (`in_key`): a string that begins directly in an object, first or behind a comma. Its end must be followed by a colon, and
//!   nothing else is.
//! - *Behind a value* (`ends`, `scalars`): a comma, or the end of a container, may follow.
//! - *Before a value* (`firsts`, or behind a colon): a string, a container or a scalar may follow; the end of a container may only
//!   behind its begin. A list begins like this, as if behind a comma.
//! - *Escaped* (`Escapes`): the byte belongs to the backslash before it, in the last block perhaps.
//!
//! A window is first read as if no token had white space around it, which then looks like a broken scalar. If that fails, and while the
//! windows before have some, it is read with [white space](super::spaces).
//!
//! What must never happen: that a byte outside of strings that is no part of a token, nor white space that was looked for, is passed over
//! (it counts as part of a scalar, which is then checked byte by byte), or that the state of one window is lost on the way to the next
//! (each `Bitmap` keeps its last word, and `Behind` what white space hides there).

use fearless_simd::prelude::*;
use fearless_simd::u64x4;

use super::bitmap::{BLOCKS, Bitmap, STEP, steps};
use super::block::{BLOCK, Block};
use super::scalar;
use super::spaces::{Behind, following};
use super::strings::Strings;

/// Bytes in a window.
pub(super) const WINDOW: usize = BLOCKS * BLOCK;

/// Some blocks of a text, and the positions of each kind of byte or token in them.
#[derive(Default)]
pub(super) struct Window {
    strings: Strings,
    /// 1 if a key has begun and not ended.
    in_key: u64,
    /// Positions behind the end of the text. Only the last window has some, so that nothing clears them.
    absent: Bitmap,
    colons: Bitmap,
    commas: Bitmap,
    opens: Bitmap,
    closes: Bitmap,
    /// The ends of strings and containers.
    ends: Bitmap,
    /// Numbers, `true`, `false` and `null`, and all that is no token at all.
    scalars: Bitmap,
    scalar_begins: Bitmap,
    /// The first positions in containers, and those behind commas.
    firsts: Bitmap,
    /// The positions directly in an object.
    in_objects: Bitmap,
    key_ends: Bitmap,
    /// What the window that was read last ends with; `None` if it has no white space, so that its bitmaps tell.
    behind: Option<Behind>,
}

/// The tokens of a block that are looked at one by one.
pub(super) struct Tokens {
    /// `{` and `[`
    pub(super) opens: u64,
    /// `}` and `]`
    pub(super) closes: u64,
    /// Where strings begin that are keys if they are in an object.
    pub(super) keys_or_items: u64,
}

impl Window {
    /// Before the first block of a list's inside. It begins as if behind a comma.
    #[inline(always)]
    pub(super) fn of_list() -> Self {
        let mut window = Self::default();
        window.commas.set_last();
        window
    }

    /// Loads the window that begins at `start` and returns how many blocks it has: full steps of them. `None` if a token may not
    /// follow the one before it, an escape or a scalar is wrong, or there is a control character in a string.
    ///
    /// Keys and matching brackets are checked later.
    #[inline(always)]
    pub(super) fn load<S: Simd>(&mut self, simd: S, text: &[u8], start: usize) -> Option<usize> {
        for bitmap in [
            &mut self.colons,
            &mut self.commas,
            &mut self.opens,
            &mut self.ends,
            &mut self.scalars,
            &mut self.key_ends,
        ] {
            bitmap.advance();
        }
        let before = self.strings.state();
        if let Some(behind) = self.behind.take() {
            self.begin_behind(behind);
        } else if let Some(count) = self.load_as::<S, false>(simd, text, start) {
            return Some(count);
        }
        self.strings.go_back(before);
        self.load_spaced(simd, text, start)
    }

    /// Apart, since it would make the other way slower.
    #[inline(never)]
    fn load_spaced<S: Simd>(&mut self, simd: S, text: &[u8], start: usize) -> Option<usize> {
        simd.vectorize(
            #[inline(always)]
            || self.load_as::<S, true>(simd, text, start),
        )
    }

    /// Loads it, with white space between the tokens only if it is `SPACED`.
    #[inline(always)]
    fn load_as<S: Simd, const SPACED: bool>(
        &mut self,
        simd: S,
        text: &[u8],
        start: usize,
    ) -> Option<usize> {
        let mut count = 0;
        for block in 0..BLOCKS {
            let at = start + block * BLOCK;
            let rest = text.get(at..).unwrap_or_default();
            if let Some(bytes) = rest.first_chunk() {
                self.load_block::<S, SPACED>(simd, text, at, bytes, block)?;
            } else if block % STEP == 0 && rest.is_empty() {
                break;
            } else {
                let mut bytes = [0x7F; BLOCK];
                bytes[..rest.len()].copy_from_slice(rest);
                self.load_block::<S, SPACED>(simd, text, at, &bytes, block)?;
                self.absent.words()[block] = u64::MAX << rest.len();
                self.key_ends.words()[block] = 0;
            }
            count += 1;
        }
        let count = count.min(BLOCKS);
        self.strings.find(simd, count);
        match SPACED {
            true => self.find_spaced_tokens(count)?,
            false => self.find_tokens(simd, count)?,
        }
        for block in 0..count {
            let positions = self.scalar_begins.word(block);
            scalar::check::<SPACED>(text, start + block * BLOCK, positions)?;
        }
        Some(count)
    }

    #[inline(always)]
    fn load_block<S: Simd, const SPACED: bool>(
        &mut self,
        simd: S,
        text: &[u8],
        at: usize,
        bytes: &[u8; BLOCK],
        index: usize,
    ) -> Option<()> {
        let block = Block::of(simd, bytes);
        self.colons.words()[index] = block.colons;
        self.commas.words()[index] = block.commas;
        self.opens.words()[index] = block.opens;
        self.closes.words()[index] = block.closes;
        if SPACED {
            // In place of words that are found from these.
            self.scalars.words()[index] = block.spaces(simd);
            self.scalar_begins.words()[index] = block.controls(simd);
        }
        self.strings
            .load_block::<S, SPACED>(simd, text, at, index, &block)
    }

    #[inline(always)]
    fn find_tokens<S: Simd>(&mut self, simd: S, count: usize) -> Option<()> {
        let mut wrong = u64x4::splat(simd, 0);
        for step in steps(count) {
            let quotes = self.strings.quotes.step(simd, step);
            let inside = self.strings.inside.step(simd, step);
            let outside = !(quotes | inside | self.absent.step(simd, step));
            let begins = quotes & inside;
            let colons = self.colons.step(simd, step) & outside;
            let commas = self.commas.step(simd, step) & outside;
            let opens = self.opens.step(simd, step) & outside;
            let closes = self.closes.step(simd, step) & outside;
            let scalars = outside & !(colons | commas | opens | closes);
            self.colons.set(step, colons);
            self.commas.set(step, commas);
            self.opens.set(step, opens);
            self.closes.set(step, closes);
            self.scalars.set(step, scalars);
            self.ends.set(step, quotes & !inside | closes);

            let after_open = self.opens.following(simd, step);
            let after_scalar = self.scalars.following(simd, step);
            let after_value = self.ends.following(simd, step) | after_scalar;
            let firsts = self.commas.following(simd, step) | after_open;
            let scalar_begins = scalars & !after_scalar;
            self.firsts.set(step, firsts);
            self.scalar_begins.set(step, scalar_begins);

            let values = begins | opens | scalar_begins;
            wrong |= values & !(firsts | self.colons.following(simd, step));
            wrong |= commas & !after_value;
            wrong |= closes & !(after_value | after_open);
        }
        none(wrong)
    }

    /// The same, where white space may be between the tokens.
    #[inline(always)]
    fn find_spaced_tokens(&mut self, count: usize) -> Option<()> {
        let mut behind = Behind {
            colon: self.colons.is_before(),
            comma: self.commas.is_before(),
            open: self.opens.is_before(),
            value: self.ends.is_before() || self.scalars.is_before(),
            key: self.key_ends.is_before(),
        };
        let (mut wrong, mut all_spaces) = (0, 0);
        let mut in_scalar = u64::from(self.scalars.is_before());
        for block in 0..count {
            let quotes = self.strings.quotes.word(block);
            let inside = self.strings.inside.word(block);
            let outside = !(quotes | inside | self.absent.word(block));
            let spaces = self.scalars.word(block) & outside;
            all_spaces |= spaces;
            let tokens = outside & !spaces;
            let begins = quotes & inside;
            let colons = self.colons.word(block) & tokens;
            let commas = self.commas.word(block) & tokens;
            let opens = self.opens.word(block) & tokens;
            let closes = self.closes.word(block) & tokens;
            let scalars = tokens & !(colons | commas | opens | closes);
            let ends = quotes & !inside | closes;
            wrong |= self.scalar_begins.word(block) & inside;

            let after_open = following(&mut behind.open, opens, spaces);
            let after_value = following(&mut behind.value, ends | scalars, spaces);
            let firsts = (following(&mut behind.comma, commas, spaces) | after_open) & !spaces;
            let scalar_begins = scalars & !(scalars << 1 | in_scalar);
            in_scalar = scalars >> (BLOCK - 1);

            let values = begins | opens | scalar_begins;
            wrong |= values & !(firsts | following(&mut behind.colon, colons, spaces));
            wrong |= commas & !after_value;
            wrong |= closes & !(after_value | after_open);

            self.colons.words()[block] = colons;
            self.commas.words()[block] = commas;
            self.opens.words()[block] = opens;
            self.closes.words()[block] = closes;
            self.scalars.words()[block] = scalars;
            self.ends.words()[block] = ends;
            self.firsts.words()[block] = firsts;
            self.scalar_begins.words()[block] = scalar_begins;
        }
        self.behind = (all_spaces != 0).then_some(behind);
        (wrong == 0).then_some(())
    }

    /// Begins behind a window with white space, which may hide its last token.
    #[inline(always)]
    fn begin_behind(&mut self, behind: Behind) {
        self.colons.set_before(behind.colon);
        self.commas.set_before(behind.comma);
        self.opens.set_before(behind.open);
        self.ends.set_before(behind.value);
        self.key_ends.set_before(behind.key);
    }

    #[inline(always)]
    pub(super) fn tokens(&self, block: usize) -> Tokens {
        let begins = self.strings.quotes.word(block) & self.strings.inside.word(block);
        Tokens {
            opens: self.opens.word(block),
            closes: self.closes.word(block),
            keys_or_items: begins & self.firsts.word(block),
        }
    }

    /// Sets which positions of a block are directly in an object. `None` if a key has an escape in it.
    #[inline(always)]
    pub(super) fn set_in_objects(
        &mut self,
        block: usize,
        tokens: &Tokens,
        in_objects: u64,
    ) -> Option<()> {
        let inside = self.strings.inside.word(block);
        // A one that is added where a key begins is carried through all of it, to where it ends.
        let (sum, over) = inside.overflowing_add(tokens.keys_or_items & in_objects);
        let (sum, over_too) = sum.overflowing_add(self.in_key);
        self.in_key = u64::from(over | over_too);
        self.in_objects.words()[block] = in_objects;
        self.key_ends.words()[block] = sum & !inside;
        (self.strings.backslashes.word(block) & inside & !sum == 0).then_some(())
    }

    /// Checks that objects have keys, and nothing else, where arrays have items, and that there are colons behind keys and nowhere
    /// else.
    #[inline(always)]
    pub(super) fn check_keys<S: Simd>(&mut self, simd: S, count: usize) -> Option<()> {
        if self.behind.is_some() {
            return self.check_spaced_keys(count);
        }
        let mut wrong = u64x4::splat(simd, 0);
        for step in steps(count) {
            let begins =
                self.strings.quotes.step(simd, step) & self.strings.inside.step(simd, step);
            let key_places = self.firsts.step(simd, step) & self.in_objects.step(simd, step);
            wrong |= key_places & !(begins | self.closes.step(simd, step));
            wrong |= self.key_ends.following(simd, step) ^ self.colons.step(simd, step);
        }
        none(wrong)
    }

    /// The same, where white space may be between the tokens.
    #[inline(never)]
    fn check_spaced_keys(&mut self, count: usize) -> Option<()> {
        let behind = self.behind.as_mut()?;
        let mut wrong = 0;
        for block in 0..count.min(BLOCKS) {
            let quotes = self.strings.quotes.word(block);
            let inside = self.strings.inside.word(block);
            let (colons, closes) = (self.colons.word(block), self.closes.word(block));
            let punctuation = colons | self.commas.word(block) | self.opens.word(block) | closes;
            let tokens = quotes | inside | punctuation | self.scalars.word(block);
            let spaces = !(tokens | self.absent.word(block));
            let key_places = self.firsts.word(block) & self.in_objects.word(block);
            wrong |= key_places & !(quotes & inside | closes);
            let after_key = following(&mut behind.key, self.key_ends.word(block), spaces);
            wrong |= after_key & !spaces ^ colons;
        }
        (wrong == 0).then_some(())
    }
}

/// `None` if a bit is set.
#[inline(always)]
fn none<S: Simd>(bits: u64x4<S>) -> Option<()> {
    (!bits.simd_ne(0).any_true()).then_some(())
}
