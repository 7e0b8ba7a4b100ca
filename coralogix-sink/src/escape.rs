//! Writing a document as the inside of a JSON string.

/// Bytes that are looked at in one step.
const WORD: usize = 8;

/// Input bytes that are escaped on the stack before they are copied out.
const BLOCK: usize = 64;

/// The longest escape: `\u001f`.
const LONGEST: usize = 6;

const HEX: &[u8; 16] = b"0123456789abcdef";

/// For each byte: 0 if it stands for itself, `u` if it is written as `\u00xx`, else the letter after the backslash.
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

/// Appends `text`, escaped, to `out`.
///
/// Okta's JSON has a quote every eight bytes or so: copying the runs between them one by one costs more in bookkeeping
/// than in bytes. Here eight bytes are copied at once, whatever they are, and as many kept as stand before the first
/// one that needs an escape. Each block is escaped on the stack and appended as a whole.
pub(crate) fn escape_into(text: &[u8], out: &mut Vec<u8>) {
    let mut scratch = [0; BLOCK * LONGEST];
    for block in text.chunks(BLOCK) {
        let len = escape_block(block, &mut scratch);
        out.extend_from_slice(&scratch[..len]);
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

fn escape_block(mut rest: &[u8], out: &mut [u8; BLOCK * LONGEST]) -> usize {
    let mut len = 0;
    while let Some(word) = rest.first_chunk::<WORD>() {
        out[len..len + WORD].copy_from_slice(word);
        let plain = plain_prefix(u64::from_le_bytes(*word));
        len += plain;
        rest = &rest[plain..];
        if plain < WORD {
            len += write_byte(rest[0], &mut out[len..]);
            rest = &rest[1..];
        }
    }
    for &byte in rest {
        len += write_byte(byte, &mut out[len..]);
    }
    len
}

/// How many of the first bytes of a little-endian word stand for themselves.
///
/// Each term has the high bit set in its first matching byte; what it says of bytes behind that is of no matter.
fn plain_prefix(word: u64) -> usize {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES << 7;
    let quote = word ^ (ONES * b'"' as u64);
    let backslash = word ^ (ONES * b'\\' as u64);
    let found = (quote.wrapping_sub(ONES) & !quote)
        | (backslash.wrapping_sub(ONES) & !backslash)
        | (word.wrapping_sub(ONES * 0x20) & !word);
    (found & HIGH).trailing_zeros() as usize / WORD
}

fn write_byte(byte: u8, out: &mut [u8]) -> usize {
    match ESCAPES[usize::from(byte)] {
        0 => {
            out[0] = byte;
            1
        }
        escape => write_escape(byte, escape, out),
    }
}

fn write_escape(byte: u8, escape: u8, out: &mut [u8]) -> usize {
    out[0] = b'\\';
    out[1] = escape;
    if escape != b'u' {
        return 2;
    }
    out[2] = b'0';
    out[3] = b'0';
    out[4] = HEX[usize::from(byte >> 4)];
    out[5] = HEX[usize::from(byte & 15)];
    LONGEST
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
    fn every_ascii_character_is_escaped_as_serde_json_does() {
        let all: String = (0..128_u8).map(char::from).collect();
        let expected = serde_json::to_string(&all).unwrap();
        assert_eq!(format!("\"{}\"", escaped(&all)), expected);
    }

    #[test]
    fn a_block_of_nothing_but_control_characters_fits() {
        let worst = "\u{1}".repeat(BLOCK * 3 + 1);
        assert_eq!(escaped(&worst).len(), worst.len() * LONGEST);
    }

    proptest! {
        #[test]
        fn any_text_is_escaped_as_serde_json_does(text in any::<String>()) {
            let expected = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(format!("\"{}\"", escaped(&text)), expected);
            prop_assert_eq!(escaped_len(text.as_bytes()), escaped(&text).len());
        }
    }
}
