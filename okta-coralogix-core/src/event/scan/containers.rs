//! The brackets of a text, and who watches what stands between them.

use fearless_simd::Simd;

use super::nest::Nest;
use super::stretch::Tokens;

/// The bit by which braces differ from brackets.
const BRACE: u8 = 0x20;

/// What wants to know where containers begin and end, and which keys some of them have.
pub(super) trait Watch {
    /// Whether the keys of the innermost container are asked for.
    fn wants_keys(&self, nest: Nest) -> bool;

    /// A key, whose first letter is at `at`, of the innermost container. `None` ends the scan, as in all of these.
    fn key<S: Simd>(&mut self, simd: S, at: usize, nest: Nest) -> Option<()>;

    /// A container of that kind begins at `at`, inside of `nest`.
    fn begin(&mut self, at: usize, kind: u64, nest: Nest) -> Option<()>;

    /// A container has ended before `end`: what is around it is `nest`.
    fn finish(&mut self, end: usize, nest: Nest) -> Option<()>;

    /// The text ends here, with that around the place.
    fn end(&self, nest: Nest) -> Option<()>;
}

/// The containers around the place that is being read.
pub(super) struct Containers<'a, W> {
    text: &'a [u8],
    nest: Nest,
    pub(super) watch: W,
}

impl<'a, W: Watch> Containers<'a, W> {
    /// At the start of the inside of a list.
    pub(super) fn of_list(list: &'a str, watch: W) -> Self {
        Self {
            text: list.as_bytes(),
            nest: Nest::LIST,
            watch,
        }
    }

    /// Follows the brackets of the block at `at`; says which of its places stand directly in an object. `None` if brackets do
    /// not match, or the watcher ends it.
    #[inline(always)]
    pub(super) fn read<S: Simd>(&mut self, simd: S, at: usize, tokens: &Tokens) -> Option<u64> {
        let mut objects = every_place(self.nest);
        let mut strings = tokens.keys_or_items;
        let mut brackets = tokens.opens | tokens.closes;
        while brackets != 0 {
            let bracket = brackets & brackets.wrapping_neg();
            let until = brackets ^ (brackets - 1);
            let place = at + brackets.trailing_zeros() as usize;
            brackets &= brackets - 1;
            let kind = u64::from(self.text[place] / BRACE % 2);
            self.keys(simd, at, strings & until)?;
            strings &= !until;
            if tokens.opens & bracket == 0 {
                self.nest = self.nest.pop(kind)?;
                self.watch.finish(place + 1, self.nest)?;
            } else {
                self.watch.begin(place, kind, self.nest)?;
                self.nest = self.nest.push(kind)?;
            }
            objects = objects & until | every_place(self.nest) & !until;
        }
        self.keys(simd, at, strings)?;
        Some(objects)
    }

    /// `None` if the text must not end here.
    pub(super) fn end(&self) -> Option<()> {
        self.watch.end(self.nest)
    }

    /// Shows the keys that begin at `places` of the block at `at`, if they are asked for.
    #[inline(always)]
    fn keys<S: Simd>(&mut self, simd: S, at: usize, mut places: u64) -> Option<()> {
        if self.watch.wants_keys(self.nest) {
            while places != 0 {
                let quote = at + places.trailing_zeros() as usize;
                self.watch.key(simd, quote + 1, self.nest)?;
                places &= places - 1;
            }
        }
        Some(())
    }
}

/// All places if they stand in an object.
#[inline(always)]
fn every_place(nest: Nest) -> u64 {
    nest.kind().wrapping_neg()
}
