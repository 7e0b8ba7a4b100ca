//! Finding the end of a broken value, in bounded time.

use serde::de::IgnoredAny;
use thiserror::Error;

/// JSON's white space; Rust's `trim` would take more.
pub(crate) const WHITE_SPACE: [char; 4] = [' ', '\t', '\n', '\r'];

/// How many times the length of the text may be read in search of the ends of broken values.
const PASSES: usize = 16;

/// Reads the values of a text of which some may be broken, and finds where each broken one ends: before the next place at
/// which a whole record can be read.
///
/// Counting brackets would not do: a value whose quotes or brackets do not match would take its neighbours along. The search
/// may read the text 16 times over. Without such a bound, a hostile text could be made to cost the square of its length.
#[derive(Debug)]
pub struct Recovery<'a> {
    text: &'a str,
    /// Bytes that may still be read in search of the ends of broken values.
    budget: usize,
}

/// No JSON value can be read at some place of a text.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct BrokenValue {
    message: String,
    start: usize,
    /// How many bytes were read to find that out.
    read: usize,
    /// The text ends before the value does.
    is_open: bool,
}

impl BrokenValue {
    /// True if the text ends before the value does.
    pub(crate) fn is_open(&self) -> bool {
        self.is_open
    }
}

impl<'a> Recovery<'a> {
    /// Begins to read `text`.
    #[must_use]
    pub fn new(text: &'a str) -> Self {
        Self {
            text,
            budget: text.len().saturating_mul(PASSES),
        }
    }

    /// The first place from `at` on that is no white space.
    #[must_use]
    pub fn skip_space(&self, at: usize) -> usize {
        let rest = &self.text[at..];
        at + rest.len() - rest.trim_start_matches(WHITE_SPACE).len()
    }

    /// Where the value that begins at `start` ends. `may_follow` says whether this byte, or the end of the text, may come next, white
    /// space aside.
    ///
    /// # Errors
    /// If there is no value, a broken one, or something else follows it.
    pub fn value_end(
        &self,
        start: usize,
        may_follow: impl Fn(Option<u8>) -> bool,
    ) -> Result<usize, BrokenValue> {
        let broken = |message, read| BrokenValue {
            message,
            start,
            read,
            is_open: false,
        };
        let rest = &self.text[start..];
        let mut stream = serde_json::Deserializer::from_str(rest).into_iter::<IgnoredAny>();
        match stream.next() {
            Some(Ok(_)) => {}
            Some(Err(error)) => {
                return Err(BrokenValue {
                    is_open: error.is_eof(),
                    ..broken(error.to_string(), bytes_before(rest, &error))
                });
            }
            None => return Err(broken("nothing where a value should be".into(), 0)),
        }
        let read = stream.byte_offset();
        let next = self.skip_space(start + read);
        if !may_follow(self.text.as_bytes().get(next).copied()) {
            return Err(broken("no comma behind the element".into(), read));
        }
        Ok(start + read)
    }

    /// Where a broken value ends: at the first of the bytes `ends` that a record follows, behind it if it is a `}`; at the end of the
    /// text if there is none. A record is an object that `is_record`, and that something follows which `may_follow`.
    ///
    /// `None` if the text has been read too often.
    pub fn resync(
        &mut self,
        broken: &BrokenValue,
        ends: &[u8],
        may_follow: impl Fn(Option<u8>) -> bool,
        is_record: impl Fn(&str) -> bool,
    ) -> Option<usize> {
        self.spend(broken.read)?;
        let bytes = self.text.as_bytes();
        let mut at = broken.start;
        while let Some(found) = bytes[at..].iter().position(|byte| ends.contains(byte)) {
            let end = at + found;
            let next = self.skip_space(end + 1);
            if bytes.get(next) == Some(&b'{') {
                let read = match self.value_end(next, &may_follow) {
                    Ok(value_end) if is_record(&self.text[next..value_end]) => {
                        return Some(end + usize::from(bytes[end] == b'}'));
                    }
                    Ok(value_end) => value_end - next,
                    Err(other) => other.read,
                };
                self.spend(read)?;
            }
            // Those among the white space would lead to the same place.
            at = next;
        }
        Some(bytes.len())
    }

    fn spend(&mut self, read: usize) -> Option<()> {
        // One more, so that the number of attempts is bounded too.
        let left = self.budget.checked_sub(read + 1);
        self.budget = left.unwrap_or(0);
        left.map(drop)
    }
}

/// How many bytes of `text` stand before the error.
fn bytes_before(text: &str, error: &serde_json::Error) -> usize {
    let lines = text
        .split_inclusive('\n')
        .take(error.line().saturating_sub(1));
    lines.map(str::len).sum::<usize>() + error.column()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_record(object: &str) -> bool {
        object.contains("id")
    }

    fn resync(text: &str, ends: &[u8]) -> Option<usize> {
        let any = |_| true;
        let mut recovery = Recovery::new(text);
        let broken = recovery.value_end(0, any).unwrap_err();
        recovery.resync(&broken, ends, any, is_record)
    }

    #[test]
    fn broken_value_ends_before_the_next_record() {
        let text = r#"{"a":[{"b":1},"c ,{"x":1}, {"id":1}"#;
        assert_eq!(resync(text, b","), Some(text.rfind(", {").unwrap()));
        assert_eq!(resync("{\"a\"\n{\"id\":1}", b",\n}"), Some(4));
        assert_eq!(resync("{\"a\"}{\"id\":1}", b",\n}"), Some(5));
        assert_eq!(resync("{\"a\"}{\"x\":1}", b",\n}"), Some(12));
    }

    #[test]
    fn value_end_needs_a_byte_that_may_follow() {
        let recovery = Recovery::new("1 ,2x");
        let comma = |byte| byte == Some(b',');
        assert_eq!(recovery.value_end(0, comma), Ok(1));
        assert!(recovery.value_end(3, comma).is_err());
        assert!(Recovery::new(" ").value_end(0, comma).is_err());
    }

    #[test]
    fn search_ends_after_a_bounded_number_of_bytes() {
        let text = "x".to_owned() + &",{\"a\":[1".repeat(1_000);
        assert_eq!(resync(&text, b","), None);
    }

    #[test]
    fn search_ends_after_a_bounded_number_of_attempts_that_read_nothing() {
        let any = |_| true;
        let mut recovery = Recovery::new(" ");
        let broken = recovery.value_end(0, any).unwrap_err();
        assert_eq!(broken.read, 0);
        for _ in 0..PASSES {
            assert_eq!(recovery.resync(&broken, b",", any, is_record), Some(1));
        }
        assert_eq!(recovery.resync(&broken, b",", any, is_record), None);
    }
}
