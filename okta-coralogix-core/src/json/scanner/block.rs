//! The kinds of the bytes in 64 of them.

use fearless_simd::prelude::*;
use fearless_simd::u8x64;

/// Bytes in a block: a bit of a word for each, the first one lowest.
pub(super) const BLOCK: usize = 64;

/// The positions of the bytes that mean something in JSON, in strings or not.
pub(super) struct Block<'a> {
    bytes: &'a [u8; BLOCK],
    pub(super) quotes: u64,
    pub(super) colons: u64,
    pub(super) commas: u64,
    /// `{` and `[`
    pub(super) opens: u64,
    /// `}` and `]`
    pub(super) closes: u64,
    /// There is a backslash, or a byte below 0x20.
    pub(super) is_unusual: bool,
}

impl<'a> Block<'a> {
    #[inline(always)]
    pub(super) fn of<S: Simd>(simd: S, text: &'a [u8; BLOCK]) -> Self {
        let bytes = u8x64::from_slice(simd, text);
        // `{` and `[` differ in this bit only, as do `}` and `]`.
        let folded = bytes | 0x20;
        let unusual = bytes.simd_eq(b'\\') | bytes.simd_lt(0x20);
        Self {
            bytes: text,
            quotes: bytes.simd_eq(b'"').to_bitmask(),
            colons: bytes.simd_eq(b':').to_bitmask(),
            commas: bytes.simd_eq(b',').to_bitmask(),
            opens: folded.simd_eq(b'{').to_bitmask(),
            closes: folded.simd_eq(b'}').to_bitmask(),
            is_unusual: unusual.any_true(),
        }
    }

    #[inline(always)]
    pub(super) fn backslashes<S: Simd>(&self, simd: S) -> u64 {
        let bytes = u8x64::from_slice(simd, self.bytes);
        bytes.simd_eq(b'\\').to_bitmask()
    }

    /// The bytes below 0x20: white space if outside strings, and wrong in them.
    #[inline(always)]
    pub(super) fn controls<S: Simd>(&self, simd: S) -> u64 {
        let bytes = u8x64::from_slice(simd, self.bytes);
        bytes.simd_lt(0x20).to_bitmask()
    }

    /// What is white space if outside strings.
    #[inline(always)]
    pub(super) fn spaces<S: Simd>(&self, simd: S) -> u64 {
        let bytes = u8x64::from_slice(simd, self.bytes);
        let lines = bytes.simd_eq(b'\n') | bytes.simd_eq(b'\r');
        (bytes.simd_eq(b' ') | bytes.simd_eq(b'\t') | lines).to_bitmask()
    }
}

/// The position of the first byte of `text` that is one of these.
#[inline(always)]
pub(super) fn first<S: Simd>(simd: S, text: &[u8], one: u8, other: u8) -> Option<usize> {
    if let Some(bytes) = text.first_chunk::<BLOCK>() {
        let bytes = u8x64::from_slice(simd, bytes);
        let found = (bytes.simd_eq(one) | bytes.simd_eq(other)).to_bitmask();
        if found != 0 {
            return Some(found.trailing_zeros() as usize);
        }
    }
    text.iter().position(|&byte| byte == one || byte == other)
}
