//! White space between the tokens of a window.
//!
//! Without it, what follows a token is at the next position. With it, it is behind the white space that follows the token: a one that is
//! added where such white space begins is carried to its end. This takes the words one by one, so that only windows that have white
//! space are read like this.

/// For some kinds of tokens, whether the last of a window with white space, that behind it apart, is of that kind.
#[derive(Clone, Copy)]
pub(super) struct Behind {
    pub(super) colon: bool,
    pub(super) comma: bool,
    pub(super) open: bool,
    /// The end of a string or a container, or a scalar.
    pub(super) value: bool,
    pub(super) key: bool,
}

/// The positions that follow those of `tokens`, and the white space before them. `before`: whether the first position of the block
/// follows such a token; then, whether that of the next block does.
#[inline(always)]
pub(super) fn following(before: &mut bool, tokens: u64, spaces: u64) -> u64 {
    let next = tokens << 1 | u64::from(*before);
    let behind = spaces & !spaces.wrapping_add(spaces & next);
    *before = (tokens | behind) >> 63 != 0;
    next | behind << 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_a_token_is_behind_its_white_space() {
        let positions = |places: &str, kind| {
            let bits = places.bytes().enumerate();
            bits.map(|(place, byte)| u64::from(byte == kind) << place)
                .sum::<u64>()
        };
        let long = format!("{}:{}", ".".repeat(60), "_".repeat(3));
        for (before, text, follows, behind) in [
            (false, ":_.:._:.", " xx x  x", false),
            (true, "__.__.", "xxx", false),
            (true, ".:__", "x xx", false),
            (true, &"_".repeat(64), &"x".repeat(64), true),
            (false, &long, &format!("{}xxx", " ".repeat(61)), true),
        ] {
            let mut is_before = before;
            let (tokens, spaces) = (positions(text, b':'), positions(text, b'_'));
            let found = following(&mut is_before, tokens, spaces);
            let all = u64::MAX >> (64 - text.len());
            assert_eq!(found & all, positions(follows, b'x'), "{text}");
            assert_eq!(is_before, behind, "{text}");
        }
    }
}
