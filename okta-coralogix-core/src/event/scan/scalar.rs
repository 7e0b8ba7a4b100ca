//! Numbers, `true`, `false` and `null`: their form, not their value.

/// Checks those that begin at `places` of the block at `at`. `None` if one is none of these, or goes on behind its end.
#[inline(always)]
pub(super) fn check(text: &[u8], at: usize, mut places: u64) -> Option<()> {
    while places != 0 {
        let rest = &text[at + places.trailing_zeros() as usize..];
        places &= places - 1;
        let behind = match rest {
            [b'n', b'u', b'l', b'l', behind, ..] => *behind,
            [b't', b'r', b'u', b'e', behind, ..] => *behind,
            [b'f', b'a', b'l', b's', b'e', behind, ..] => *behind,
            _ => *rest.get(number(rest)?)?,
        };
        if !matches!(behind, b',' | b'}' | b']') {
            return None;
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

fn digits(text: &[u8]) -> usize {
    text.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

fn some_digits(text: &[u8]) -> Option<usize> {
    Some(digits(text)).filter(|digits| *digits > 0)
}
