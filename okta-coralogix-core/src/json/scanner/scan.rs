//! The loop over the windows of a text.

use fearless_simd::{Level, Simd, dispatch};

use super::Visitor;
use super::bitmap::BLOCKS;
use super::block::BLOCK;
use super::containers::Containers;
use super::window::{WINDOW, Window};

/// Reads a comma-separated list of values, the inside of an array, with the instructions that this processor has.
///
/// `None` if it is not that, the scanner does not read it, or the visitor ends the scan. Without the feature `scanner`, always.
pub(crate) fn scan<V: Visitor>(list: &str, visitor: V) -> Option<V> {
    if !cfg!(feature = "scanner") {
        return None;
    }
    dispatch!(Level::new(), simd => scan_with(simd, list, visitor))
}

#[inline(always)]
fn scan_with<S: Simd, V: Visitor>(simd: S, list: &str, visitor: V) -> Option<V> {
    let text = list.as_bytes();
    let mut window = Window::of_list();
    let mut containers = Containers::of_list(text, visitor);
    for start in (0..text.len()).step_by(WINDOW) {
        let count = window.load(simd, text, start)?;
        for block in 0..count.min(BLOCKS) {
            let at = start + block * BLOCK;
            let tokens = window.tokens(block);
            let in_objects = containers.read(simd, at, &tokens)?;
            window.set_in_objects(block, &tokens, in_objects)?;
        }
        window.check_keys(simd, count)?;
        containers.checked(start + WINDOW);
    }
    containers.end()
}
