//! Backslashes, and the bytes that they escape.

use super::block::BLOCK;

/// The state that goes over from block to block.
#[derive(Default, Clone, Copy)]
pub(super) struct Escapes {
    /// 1 if the last byte of the last block escapes the first one of the next.
    next: u64,
}

impl Escapes {
    /// The first byte of the next block is escaped.
    #[inline(always)]
    pub(super) fn go_on(&self) -> bool {
        self.next != 0
    }

    /// The bytes that are escaped in the block at `at`, in which there are these backslashes. `None` if an escape is wrong.
    #[inline(never)]
    pub(super) fn escaped(&mut self, text: &[u8], at: usize, mut backslashes: u64) -> Option<u64> {
        let mut escaped = self.next;
        self.next = 0;
        backslashes &= !escaped;
        while backslashes != 0 {
            let position = backslashes.trailing_zeros() as usize;
            if !is_escape(&text[at + position + 1..]) {
                return None;
            }
            if position == BLOCK - 1 {
                self.next = 1;
                break;
            }
            escaped |= 2 << position;
            // Neither this one nor one that it escapes.
            backslashes &= (backslashes - 1) & !escaped;
        }
        Some(escaped)
    }
}

/// Whether `rest` may follow a backslash.
fn is_escape(rest: &[u8]) -> bool {
    match rest {
        [b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => true,
        [b'u', digits @ ..] => digits
            .first_chunk::<4>()
            .is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)),
        _ => false,
    }
}
