//! The fast way through a page: a validating scanner for exactly this job.
//!
//! It accepts nothing that `serde_json` refuses. The reverse does not hold, and need not: what it refuses is read again by
//! `serde_json`, which says what is wrong, or that nothing is.
//!
//! # How it works
//! The text is read in [blocks](block) of 64 bytes. For each kind of byte that matters there is a word with a bit for
//! each place at which it stands. What JSON demands is then asked of all 64 places at once, by arithmetic on these words: which
//! quotes begin and end [strings], and whether every place of a [stretch] is such as the one before it allows. Only brackets,
//! numbers and the like, escapes, and the keys of an event are looked at one by one. Most of a page is none of these.

mod block;
mod elements;
mod escapes;
mod nest;
mod places;
mod scalar;
mod stretch;

use std::ops::Range;

use fearless_simd::{Level, Simd, dispatch};

use self::block::BLOCK;
use self::elements::Elements;
use self::places::BLOCKS;
use self::stretch::{STRETCH, Stretch};
use super::head::Fields;

/// Reads a comma-separated list of JSON objects, the inside of an array, and calls `found` with the place and the head's
/// fields of each.
///
/// `None` if the text is not that, or is spelt in a way that this scanner leaves to others: white space between the tokens,
/// elements that are no objects, a member of the head that is no string or has an escape in it, a key with an escape in it,
/// nesting deeper than 60 levels in an element.
pub(crate) fn objects<'a>(
    list: &'a str,
    found: impl FnMut(Range<usize>, &Fields<'a>) -> Option<()>,
) -> Option<()> {
    dispatch!(Level::new(), simd => objects_with(simd, list, found))
}

/// The same, with the instructions that this processor has.
#[inline(always)]
fn objects_with<'a, S: Simd>(
    simd: S,
    list: &'a str,
    found: impl FnMut(Range<usize>, &Fields<'a>) -> Option<()>,
) -> Option<()> {
    let text = list.as_bytes();
    let mut stretch = Stretch::of_list();
    let mut elements = Elements::of(list, found);
    for start in (0..text.len()).step_by(STRETCH) {
        let count = stretch.look(simd, text, start)?;
        for block in 0..BLOCKS {
            if block == count {
                break;
            }
            let at = start + block * BLOCK;
            let tokens = stretch.tokens(block);
            scalar::check(text, at, tokens.scalars)?;
            let objects = elements.read(simd, at, &tokens)?;
            stretch.set_objects(block, &tokens, objects)?;
        }
        stretch.check_keys(simd)?;
    }
    elements.end()
}

/// Reads one JSON object, with nothing around it.
pub(super) fn object(text: &str) -> Option<Fields<'_>> {
    let mut only = None;
    objects(text, |_, fields| {
        only.replace(*fields).is_none().then_some(())
    })?;
    only
}
