//! UUIDs as Okta writes them.

/// The bits of a UUID in its canonical form: 36 characters, hyphens, no capitals. `None` for any other text, so that no two texts have
/// the same bits.
///
/// ```
/// use okta_coralogix_core::internal::json::canonical_uuid;
///
/// assert_eq!(canonical_uuid("00000000-0000-0000-0000-00000000002a"), Some(42));
/// assert_eq!(canonical_uuid("00000000-0000-0000-0000-00000000002A"), None);
/// ```
#[must_use]
pub fn canonical_uuid(text: &str) -> Option<u128> {
    let text: &[u8; 36] = text.as_bytes().try_into().ok()?;
    let (mut bits, mut all_digits) = (0, 0);
    for (start, end) in [(0, 8), (9, 13), (14, 18), (19, 23), (24, 36)] {
        for &byte in &text[start..end] {
            let digit = DIGITS[usize::from(byte)];
            bits = bits << 4 | u128::from(digit & 0xF);
            all_digits |= digit;
        }
    }
    let is_hyphen = |place: usize| text[place] == b'-';
    let is_canonical = all_digits <= 0xF && [8, 13, 18, 23].into_iter().all(is_hyphen);
    is_canonical.then_some(bits)
}

/// The value of each byte as a hexadecimal digit, without capitals; of others `NO_DIGIT`. A table, since no branch then depends on the
/// bytes: each event is read here.
const DIGITS: [u8; 256] = {
    let mut digits = [NO_DIGIT; 256];
    let mut value = 0;
    while value < 16 {
        digits[b"0123456789abcdef"[value as usize] as usize] = value;
        value += 1;
    }
    digits
};

const NO_DIGIT: u8 = 0xFF;

#[cfg(test)]
mod tests {
    use super::canonical_uuid;

    #[test]
    fn any_other_byte_at_any_place_makes_it_no_canonical_uuid() {
        let text = *b"01234567-89ab-cdef-0123-456789abcdef";
        let known = 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef;
        assert_eq!(
            canonical_uuid(std::str::from_utf8(&text).unwrap()),
            Some(known)
        );
        for place in 0..36 {
            for byte in 0..128 {
                let mut other = text;
                other[place] = byte;
                let expected = match (text[place], byte) {
                    (b'-', _) => byte == b'-',
                    (_, byte) => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
                };
                let bits = canonical_uuid(std::str::from_utf8(&other).unwrap());
                assert_eq!(bits.is_some(), expected, "{place} {byte}");
            }
        }
        assert_eq!(canonical_uuid("01234567-89ab-cdef-0123-456789abcde"), None);
    }
}
