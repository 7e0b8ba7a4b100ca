//! A validating scanner that finds the containers, and some of the keys, of JSON.
//!
//! It accepts nothing that `serde_json` refuses. The reverse does not hold: a text that the scanner refuses must be read again by
//! `serde_json`, which says what is wrong, or that nothing is. It refuses keys with an escape in them, and nesting deeper than 61 levels.
//!
//! # How it works
//! The text is read in [blocks](block) of 64 bytes, 16 of them in a [window]. For each kind of byte that matters, a block has a
//! word with a bit for each position. The grammar is then checked at all positions at once, by arithmetic on these words: which
//! quotes begin and end strings, and whether each token may follow the one before it. Only brackets, scalars, escapes, and
//! the keys that the [`Visitor`] asks for are looked at one by one. Most of a text is none of these. A window with [white space](spaces)
//! between its tokens is read with a little more work.

mod bitmap;
mod block;
mod containers;
mod escapes;
mod member;
mod nesting;
mod scalar;
mod scan;
mod spaces;
mod strings;
mod window;

use fearless_simd::Simd;

pub(crate) use member::{string_member, value_at};
pub(crate) use nesting::Nesting;
pub(crate) use scan::scan;

/// Gets the containers of a text as the scanner reads it, and the keys of some. `None` ends the scan.
pub(crate) trait Visitor {
    /// Whether [`key`](Self::key) gets the keys of the innermost container.
    fn wants_keys(&self, nesting: Nesting) -> bool;

    /// A key of the innermost container; its first letter is at `at`.
    fn key<S: Simd>(&mut self, simd: S, at: usize, nesting: Nesting) -> Option<()>;

    /// A container of that kind begins at `at`, inside of `nesting`.
    fn begin(&mut self, at: usize, kind: u64, nesting: Nesting) -> Option<()>;

    /// A container ends before `end`; `nesting` is around it.
    fn finish(&mut self, end: usize, nesting: Nesting) -> Option<()>;

    /// Nothing is wrong in the text before `end`: only now can what was shown of it be relied upon.
    #[inline(always)]
    fn checked(&mut self, _end: usize) {}

    /// The text ends, inside of `nesting`.
    fn end(&self, nesting: Nesting) -> Option<()>;
}
