//! Writing a document as the inside of a JSON string.

/// Bytes that are looked at in one step.
const WORD: usize = 8;

/// Bytes that a step may write to: the word, an escape for each byte, and what is overwritten by the next step.
const WINDOW: usize = 3 * WORD;

/// Input bytes that are escaped on the stack before they are copied out.
const BLOCK: usize = 256;

/// The longest escape: `\u001f`.
const LONGEST: usize = 6;

/// A full block of nothing but the longest escapes, and the window of a step behind it.
const SCRATCH: usize = BLOCK * LONGEST + WINDOW;

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
/// than in bytes. Here words of eight bytes are copied whole, and then, for each byte that needs it, moved apart by a
/// backslash. Where the next word is read does not depend on what was found in this one, so that the processor works
/// on several at a time: that makes it twice as fast as going on behind each escape. Each block is escaped on the stack
/// and appended as a whole.
pub(crate) fn escape_into(text: &[u8], out: &mut Vec<u8>) {
    let mut scratch = [0; SCRATCH];
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

fn escape_block(block: &[u8], out: &mut [u8; SCRATCH]) -> usize {
    let mut len = 0;
    let (words, tail) = block.as_chunks::<WORD>();
    for word in words {
        let number = u64::from_le_bytes(*word);
        if has_control(number) {
            for &byte in word {
                len += write_byte(byte, &mut out[len..]);
            }
            continue;
        }
        let window: &mut [u8; WINDOW] = out[len..]
            .first_chunk_mut()
            .expect("the scratch has room for a window behind a full block");
        window[..WORD].copy_from_slice(word);
        let mut hits = quotes_and_backslashes(number);
        let mut escapes = 0;
        while hits != 0 {
            let bits = hits.trailing_zeros() & !7;
            // Never above 15: the mask spares the checks.
            let at = (bits as usize / 8 + escapes) & 15;
            window[at] = b'\\';
            window[at + 1..=at + WORD].copy_from_slice(&(number >> bits).to_le_bytes());
            escapes += 1;
            hits &= hits - 1;
        }
        len += WORD + escapes;
    }
    for &byte in tail {
        len += write_byte(byte, &mut out[len..]);
    }
    len
}

const ONES: u64 = u64::MAX / 255;
const HIGH: u64 = ONES << 7;

/// Whether a byte of the word is below 0x20.
fn has_control(word: u64) -> bool {
    word.wrapping_sub(ONES * 0x20) & !word & HIGH != 0
}

/// The high bit of every byte that is a quote or a backslash, and no other.
fn quotes_and_backslashes(word: u64) -> u64 {
    zeros(word ^ (ONES * b'"' as u64)) | zeros(word ^ (ONES * b'\\' as u64))
}

/// The high bit of every byte that is zero, and no other.
fn zeros(word: u64) -> u64 {
    !(((word & !HIGH) + !HIGH) | word | !HIGH)
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

    #[test]
    fn every_pair_of_bytes_is_escaped_wherever_it_stands_in_a_word() {
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
    fn a_block_of_nothing_but_quotes_fits() {
        let quotes = "\"\\".repeat(BLOCK);
        assert_eq!(escaped(&quotes), "\\\"\\\\".repeat(BLOCK));
    }

    proptest! {
        #[test]
        fn text_full_of_escapes_is_escaped_as_serde_json_does(text in "[\\u{0}-\\u{22}\\\\a-cé😀\\u{7f}]{0,700}") {
            let expected = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(format!("\"{}\"", escaped(&text)), expected);
        }

        #[test]
        fn any_text_is_escaped_as_serde_json_does(text in any::<String>()) {
            let expected = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(format!("\"{}\"", escaped(&text)), expected);
            prop_assert_eq!(escaped_len(text.as_bytes()), escaped(&text).len());
        }
    }
}
