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
mod containers;
mod elements;
mod envelope;
mod escapes;
mod members;
mod nest;
mod places;
mod scalar;
mod stretch;

use std::ops::Range;

use fearless_simd::{Level, Simd, dispatch};

use self::block::BLOCK;
use self::containers::{Containers, Watch};
use self::elements::Elements;
use self::envelope::Envelopes;
use self::places::BLOCKS;
use self::stretch::{STRETCH, Stretch};
use super::envelope::Envelope;
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
    let watch = Elements::of(list, found);
    dispatch!(Level::new(), simd => scan(simd, list, watch))?;
    Some(())
}

/// Reads an EventBridge envelope, an object with an event as its `detail`.
///
/// `None` if the text is not that, or is spelt in a way that [`objects`] leaves to others. The same holds for `source`.
pub(super) fn envelope(text: &str) -> Option<Envelope<'_>> {
    let watch = Envelopes::of(text);
    dispatch!(Level::new(), simd => scan(simd, text, watch))?.found()
}

/// Reads the inside of a list, with the instructions that this processor has.
#[inline(always)]
fn scan<S: Simd, W: Watch>(simd: S, list: &str, watch: W) -> Option<W> {
    let text = list.as_bytes();
    let mut stretch = Stretch::of_list();
    let mut containers = Containers::of_list(list, watch);
    for start in (0..text.len()).step_by(STRETCH) {
        let count = stretch.look(simd, text, start)?;
        for block in 0..count.min(BLOCKS) {
            let at = start + block * BLOCK;
            let tokens = stretch.tokens(block);
            scalar::check(text, at, tokens.scalars)?;
            let objects = containers.read(simd, at, &tokens)?;
            stretch.set_objects(block, &tokens, objects)?;
        }
        stretch.check_keys(simd, count)?;
    }
    containers.end()?;
    Some(containers.watch)
}

/// Reads one JSON object, with nothing around it.
pub(super) fn object(text: &str) -> Option<Fields<'_>> {
    let mut only = None;
    objects(text, |_, fields| {
        only.replace(*fields).is_none().then_some(())
    })?;
    only
}
