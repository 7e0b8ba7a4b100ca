//! Numbers, `true`, `false` and `null`: their form, not their value.

/// Checks the scalars that begin at `positions` of the block at `at`. `None` if one is none, or does not end. Only if the text is
/// `SPACED`, white space may end one.
#[inline(always)]
pub(super) fn check<const SPACED: bool>(text: &[u8], at: usize, mut positions: u64) -> Option<()> {
    while positions != 0 {
        let rest = &text[at + positions.trailing_zeros() as usize..];
        positions &= positions - 1;
        let end = match rest.first_chunk() {
            Some(b"null" | b"true") => 4,
            Some(b"fals") if rest.get(4) == Some(&b'e') => 5,
            _ => number(rest)?,
        };
        match rest.get(end)? {
            b',' | b'}' | b']' => {}
            b' ' | b'\n' | b'\t' | b'\r' if SPACED => {}
            _ => return None,
        }
    }
    Some(())
}

/// How many bytes the number at the start of `text` takes; `None` if there is none.
#[inline(never)]
fn number(text: &[u8]) -> Option<usize> {
    let mut at = usize::from(text.first() == Some(&b'-'));
    match text.get(at)? {
        b'0' => at += 1,
        b'1'..=b'9' => at += digits(&text[at..]),
        _ => return None,
    }
    if text.get(at) == Some(&b'.') {
        at += 1 + some_digits(&text[at + 1..])?;
    }
    if let Some(b'e' | b'E') = text.get(at) {
        at += 1;
        at += usize::from(matches!(text.get(at), Some(b'+' | b'-')));
        at += some_digits(&text[at..])?;
    }
    Some(at)
}

/// Eight at a time: what is asked for is mostly a few digits and the byte behind them.
fn digits(text: &[u8]) -> usize {
    let mut at = 0;
    while let Some(eight) = text[at..].first_chunk() {
        let other = no_digits(u64::from_le_bytes(*eight));
        if other != 0 {
            return at + other.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    let rest = text[at..].iter();
    at + rest.take_while(|byte| byte.is_ascii_digit()).count()
}

/// Not zero in each byte that is no digit; in those behind the first of them it may be wrong.
fn no_digits(eight: u64) -> u64 {
    const ONES: u64 = u64::MAX / 255;
    // A digit has 3 in its upper half, and still has it with 6 added.
    let is_off = |bytes: u64| (bytes & (0xF0 * ONES)) ^ (0x30 * ONES);
    is_off(eight) | is_off(eight.wrapping_add(0x06 * ONES))
}

fn some_digits(text: &[u8]) -> Option<usize> {
    Some(digits(text)).filter(|digits| *digits > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_end_at_the_first_non_digit() {
        for place in 0..20 {
            for byte in 0..=u8::MAX {
                for behind in [b'9', 0xFF] {
                    let mut text = [b'5'; 20];
                    text[place] = byte;
                    text[place + 1..].fill(behind);
                    let by_one = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
                    assert_eq!(digits(&text), by_one, "{text:?}");
                }
            }
        }
        assert_eq!(digits(b""), 0);
    }
}
