//! Writing a document as the inside of a JSON string.

use fearless_simd::prelude::*;
use fearless_simd::{Level, dispatch, u8x16, u8x64, u64x2};

/// Bytes that are looked at in one step: a bit of a word for each.
const BLOCK: usize = 64;

/// Bytes that are moved apart in one step.
const WORD: usize = 8;

/// The length of a word of which each byte is escaped by a backslash.
const APART: usize = 2 * WORD;

/// Input bytes that are escaped on the stack before they are copied out.
const PART: usize = 8 * BLOCK;

/// A power of two, so that places in it need no check.
const SCRATCH: usize = 2 * PART;

/// The longest escape: `\u001f`.
const LONGEST: usize = 6;

const HEX: &[u8; 16] = b"0123456789abcdef";

/// For each byte: 0 if it is written as it is, `u` if it is written as `\u00xx`, else the letter after the backslash.
static ESCAPES: [u8; 256] = {
    let mut table = [0; 256];
    let mut control = 0;
    while control < 0x20 {
        table[control] = b'u';
        control += 1;
    }
    table[b'\n' as usize] = b'n';
    table[b'\r' as usize] = b'r';
    table[b'\t' as usize] = b't';
    table[8] = b'b';
    table[12] = b'f';
    table[b'"' as usize] = b'"';
    table[b'\\' as usize] = b'\\';
    table
};

/// For each set of bytes in a word that need a backslash: where each byte of the result comes from. 0 to 7 are the word's
/// bytes, 8 is the backslash.
static MOVES: [[u8; APART]; 256] = {
    let mut table = [[0; APART]; 256];
    let mut set = 0;
    while set < table.len() {
        let mut to = 0;
        let mut from = 0;
        while from < WORD {
            if set >> from & 1 == 1 {
                table[set][to] = WORD as u8;
                to += 1;
            }
            table[set][to] = from as u8;
            to += 1;
            from += 1;
        }
        set += 1;
    }
    table
};

/// Appends `text`, escaped, to `out`.
///
/// Okta's JSON has a quote every eight bytes or so: copying the runs between them one by one costs more in bookkeeping
/// than in bytes. Here each word of eight bytes is moved apart in one step, whatever is in it, so that there is nothing
/// for the processor to guess. A part at a time is escaped on the stack and appended as a whole.
pub(crate) fn escape_into(text: &[u8], out: &mut Vec<u8>) {
    dispatch!(Level::new(), simd => escape_with(simd, text, out));
}

/// The same, with the instructions that this processor has.
#[inline(always)]
fn escape_with<S: Simd>(simd: S, text: &[u8], out: &mut Vec<u8>) {
    let mut scratch = [0; SCRATCH + APART];
    for part in text.chunks(PART) {
        let mut len = 0;
        let (blocks, rest) = part.as_chunks();
        for block in blocks {
            match escape_block(simd, block, &mut scratch, len) {
                Some(end) => len = end,
                None => {
                    out.extend_from_slice(&scratch[..len]);
                    len = 0;
                    escape_bytes(block, out);
                }
            }
        }
        if rest.is_empty() {
            out.extend_from_slice(&scratch[..len]);
            continue;
        }
        // Spaces stand for themselves: as many must go again.
        let missing = BLOCK - rest.len();
        let mut block = [b' '; BLOCK];
        block[..rest.len()].copy_from_slice(rest);
        match escape_block(simd, &block, &mut scratch, len) {
            Some(end) => out.extend_from_slice(&scratch[..end - missing]),
            None => {
                out.extend_from_slice(&scratch[..len]);
                escape_bytes(rest, out);
            }
        }
    }
}

/// How many bytes [`escape_into`] appends.
pub(crate) fn escaped_len(text: &[u8]) -> usize {
    let len = |byte: &u8| match ESCAPES[usize::from(*byte)] {
        0 => 1,
        b'u' => LONGEST,
        _ => 2,
    };
    text.iter().map(len).sum()
}

/// Writes an escaped block to `out` from `len` on; returns where it ends. `None` if there is a control character in it: JSON has
/// them between its values at most.
#[inline(always)]
fn escape_block<S: Simd>(
    simd: S,
    block: &[u8; BLOCK],
    out: &mut [u8; SCRATCH + APART],
    mut len: usize,
) -> Option<usize> {
    let bytes = u8x64::from_slice(simd, block);
    if bytes.simd_lt(0x20).any_true() {
        return None;
    }
    let special = bytes.simd_eq(b'"') | bytes.simd_eq(b'\\');
    let mut special = special.to_bitmask();
    for word in block.as_chunks::<WORD>().0 {
        let set = (special & 0xFF) as u8;
        special >>= WORD;
        let backslashes = u64::from_ne_bytes([b'\\'; WORD]);
        let source = u64x2::from_slice(simd, &[u64::from_ne_bytes(*word), backslashes]);
        let moves = u8x16::from_slice(simd, &MOVES[usize::from(set)]);
        // Always in the scratch: the mask spares the check.
        let at = len & (SCRATCH - 1);
        let moved = source.to_bytes().swizzle_dyn(moves);
        moved.store_slice(&mut out[at..at + APART]);
        len += WORD + set.count_ones() as usize;
    }
    Some(len)
}

#[inline(never)]
fn escape_bytes(text: &[u8], out: &mut Vec<u8>) {
    for &byte in text {
        let (high, low) = (HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]);
        match ESCAPES[usize::from(byte)] {
            0 => out.push(byte),
            b'u' => out.extend_from_slice(&[b'\\', b'u', b'0', b'0', high, low]),
            letter => out.extend_from_slice(&[b'\\', letter]),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn escaped(text: &str) -> String {
        let mut out = Vec::new();
        escape_into(text.as_bytes(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn ascii_characters_are_escaped_as_serde_json_does() {
        let all: String = (0..128_u8).map(char::from).collect();
        let expected = serde_json::to_string(&all).unwrap();
        assert_eq!(format!("\"{}\"", escaped(&all)), expected);
    }

    #[test]
    fn escape_buffer_holds_a_part_of_only_control_characters() {
        let worst = "\u{1}".repeat(PART * 3 + 1);
        assert_eq!(escaped(&worst).len(), worst.len() * LONGEST);
    }

    #[test]
    fn byte_pairs_are_escaped_at_any_offset_in_a_word() {
        for first in 0..=0x7F_u8 {
            for second in 0..=0x7F_u8 {
                for before in ["", "é", "abcdef"] {
                    let pair = format!("{before}{}{}\"z", first as char, second as char);
                    let text = pair.repeat(5);
                    let expected = serde_json::to_string(&text).unwrap();
                    assert_eq!(format!("\"{}\"", escaped(&text)), expected);
                }
            }
        }
    }

    #[test]
    fn escape_buffer_holds_a_part_of_only_quotes() {
        let quotes = "\"\\".repeat(PART);
        assert_eq!(escaped(&quotes), "\\\"\\\\".repeat(PART));
    }

    proptest! {
        #[test]
        fn text_full_of_escapes_is_escaped_as_serde_json_does(text in "[\\u{0}-\\u{22}\\\\a-cé😀\\u{7f}]{0,700}") {
            let expected = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(format!("\"{}\"", escaped(&text)), expected);
        }

        #[test]
        fn text_is_escaped_as_serde_json_does(text in any::<String>()) {
            let expected = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(format!("\"{}\"", escaped(&text)), expected);
            prop_assert_eq!(escaped_len(text.as_bytes()), escaped(&text).len());
        }
    }
}
