//! A kilobyte of text, and whether each place in it is such as the one before it allows.

use fearless_simd::prelude::*;
use fearless_simd::u64x4;

use super::block::{BLOCK, Block, backslashes};
use super::escapes::Escapes;
use super::places::{BLOCKS, Places, STEP, steps};

/// Bytes in a stretch.
pub(super) const STRETCH: usize = BLOCKS * BLOCK;

/// Some blocks of a text, and what stands where in them.
pub(super) struct Stretch {
    escapes: Escapes,
    /// All ones if a string has begun and not ended.
    in_string: u64,
    /// 1 if a key has begun and not ended.
    in_key: u64,
    /// Places behind the end of the text: there are some in the last stretch only, so that nothing clears them.
    absent: Places,
    backslashes: Places,
    /// The quotes that begin or end strings.
    quotes: Places,
    /// The bytes of strings, without the quotes that end them.
    inside: Places,
    colons: Places,
    commas: Places,
    opens: Places,
    closes: Places,
    /// Where strings or containers end.
    ends: Places,
    /// Numbers, `true`, `false` and `null`, and all that is no token at all.
    scalars: Places,
    scalar_begins: Places,
    /// What stands behind a comma, or behind what begins a container.
    firsts: Places,
    /// What stands directly in an object.
    objects: Places,
    key_ends: Places,
}

/// What is looked at one by one in a block.
pub(super) struct Tokens {
    /// `{` and `[`
    pub(super) opens: u64,
    /// `}` and `]`
    pub(super) closes: u64,
    /// Where scalars begin.
    pub(super) scalars: u64,
    /// Where strings begin that are keys if they are in an object.
    pub(super) keys_or_items: u64,
}

impl Stretch {
    /// Before the first block of a list's inside. It begins as if behind a comma.
    pub(super) fn of_list() -> Self {
        Self {
            escapes: Escapes::default(),
            in_string: 0,
            in_key: 0,
            absent: Places::none(),
            backslashes: Places::none(),
            quotes: Places::none(),
            inside: Places::none(),
            colons: Places::none(),
            commas: Places::last(),
            opens: Places::none(),
            closes: Places::none(),
            ends: Places::none(),
            scalars: Places::none(),
            scalar_begins: Places::none(),
            firsts: Places::none(),
            objects: Places::none(),
            key_ends: Places::none(),
        }
    }

    /// Looks at the stretch that begins at `start`; says how many blocks were looked at: full steps of them. `None` if a place in it is such as the one before
    /// does not allow, an escape is wrong, or there is a control character.
    ///
    /// Whether keys are where they must be, what stands in scalars, and whether brackets match, is seen to later.
    #[inline(always)]
    pub(super) fn look<S: Simd>(&mut self, simd: S, text: &[u8], start: usize) -> Option<usize> {
        for places in [
            &mut self.colons,
            &mut self.commas,
            &mut self.opens,
            &mut self.ends,
            &mut self.scalars,
            &mut self.key_ends,
        ] {
            places.advance();
        }
        let mut count = 0;
        for block in 0..BLOCKS {
            let at = start + block * BLOCK;
            let rest = text.get(at..).unwrap_or_default();
            if let Some(bytes) = rest.first_chunk() {
                self.look_at(simd, text, at, bytes, block)?;
            } else if block % STEP == 0 && rest.is_empty() {
                break;
            } else {
                let mut bytes = [0x7F; BLOCK];
                bytes[..rest.len()].copy_from_slice(rest);
                self.look_at(simd, text, at, &bytes, block)?;
                self.absent.words()[block] = u64::MAX << rest.len();
                self.key_ends.words()[block] = 0;
            }
            count += 1;
        }
        self.find_strings(simd, count);
        self.find_tokens(simd, count)?;
        Some(count)
    }

    #[inline(always)]
    fn look_at<S: Simd>(
        &mut self,
        simd: S,
        text: &[u8],
        at: usize,
        bytes: &[u8; BLOCK],
        block: usize,
    ) -> Option<()> {
        let found = Block::of(simd, bytes);
        self.quotes.words()[block] = found.quotes;
        self.colons.words()[block] = found.colons;
        self.commas.words()[block] = found.commas;
        self.opens.words()[block] = found.opens;
        self.closes.words()[block] = found.closes;
        self.backslashes.words()[block] = 0;
        if found.is_unusual || self.escapes.go_on() {
            let backslashes = backslashes(simd, bytes)?;
            self.backslashes.words()[block] = backslashes;
            self.quotes.words()[block] &= !self.escapes.escaped(text, at, backslashes)?;
        }
        Some(())
    }

    #[inline(always)]
    fn find_strings<S: Simd>(&mut self, simd: S, count: usize) {
        for step in steps(count) {
            self.inside
                .set(step, to_the_next(self.quotes.step(simd, step)));
        }
        for inside in &mut self.inside.words()[..count] {
            *inside ^= self.in_string;
            self.in_string = (*inside >> (BLOCK - 1)).wrapping_neg();
        }
    }

    #[inline(always)]
    fn find_tokens<S: Simd>(&mut self, simd: S, count: usize) -> Option<()> {
        let mut wrong = u64x4::splat(simd, 0);
        for step in steps(count) {
            let quotes = self.quotes.step(simd, step);
            let inside = self.inside.step(simd, step);
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

            let after_open = self.opens.behind(simd, step);
            let after_scalar = self.scalars.behind(simd, step);
            let after_value = self.ends.behind(simd, step) | after_scalar;
            let firsts = self.commas.behind(simd, step) | after_open;
            let scalar_begins = scalars & !after_scalar;
            self.firsts.set(step, firsts);
            self.scalar_begins.set(step, scalar_begins);

            let values = begins | opens | scalar_begins;
            wrong |= values & !(firsts | self.colons.behind(simd, step));
            wrong |= commas & !after_value;
            wrong |= closes & !(after_value | after_open);
        }
        none(wrong)
    }

    /// What is to be looked at one by one in a block.
    #[inline(always)]
    pub(super) fn tokens(&self, block: usize) -> Tokens {
        let begins = self.quotes.word(block) & self.inside.word(block);
        Tokens {
            opens: self.opens.word(block),
            closes: self.closes.word(block),
            scalars: self.scalar_begins.word(block),
            keys_or_items: begins & self.firsts.word(block),
        }
    }

    /// Takes which places of a block stand directly in an object. `None` if a key has an escape in it.
    #[inline(always)]
    pub(super) fn set_objects(
        &mut self,
        block: usize,
        tokens: &Tokens,
        objects: u64,
    ) -> Option<()> {
        let inside = self.inside.word(block);
        // A one that is added where a key begins is carried through all of it, to where it ends.
        let (sum, over) = inside.overflowing_add(tokens.keys_or_items & objects);
        let (sum, over_too) = sum.overflowing_add(self.in_key);
        self.in_key = u64::from(over | over_too);
        self.objects.words()[block] = objects;
        self.key_ends.words()[block] = sum & !inside;
        (self.backslashes.word(block) & inside & !sum == 0).then_some(())
    }

    /// Checks that in objects there are keys, and nothing else, where in arrays there are items, and that there are colons behind keys
    /// and nowhere else.
    #[inline(always)]
    pub(super) fn check_keys<S: Simd>(&self, simd: S, count: usize) -> Option<()> {
        let mut wrong = u64x4::splat(simd, 0);
        for step in steps(count) {
            let begins = self.quotes.step(simd, step) & self.inside.step(simd, step);
            let key_places = self.firsts.step(simd, step) & self.objects.step(simd, step);
            wrong |= key_places & !(begins | self.closes.step(simd, step));
            wrong |= self.key_ends.behind(simd, step) ^ self.colons.step(simd, step);
        }
        none(wrong)
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

/// `None` if any place is in them.
#[inline(always)]
fn none<S: Simd>(places: u64x4<S>) -> Option<()> {
    (!places.simd_ne(0).any_true()).then_some(())
}
