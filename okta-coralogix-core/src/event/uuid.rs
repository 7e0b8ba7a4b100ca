//! UUIDs as Okta writes them.

/// The bits of a UUID in its canonical form: 36 characters, hyphens, no capitals. `None` for any other text, so that no two texts have
/// the same bits.
///
/// ```
/// use okta_coralogix_core::event::canonical_uuid;
///
/// assert_eq!(canonical_uuid("00000000-0000-0000-0000-00000000002a"), Some(42));
/// assert_eq!(canonical_uuid("00000000-0000-0000-0000-00000000002A"), None);
/// ```
#[must_use]
pub fn canonical_uuid(text: &str) -> Option<u128> {
    if text.len() != 36 {
        return None;
    }
    let mut bits = 0;
    for (index, byte) in text.bytes().enumerate() {
        let digit = match (index, byte) {
            (8 | 13 | 18 | 23, b'-') => continue,
            (8 | 13 | 18 | 23, _) => return None,
            (_, b'0'..=b'9') => byte - b'0',
            (_, b'a'..=b'f') => byte - b'a' + 10,
            _ => return None,
        };
        bits = bits << 4 | u128::from(digit);
    }
    Some(bits)
}
