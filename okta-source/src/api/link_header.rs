//! The `Link` header (RFC 8288).

use http::HeaderMap;
use http::header::LINK;

/// The target of the first link whose relation is `next`, as it is between the angle brackets.
///
/// Takes several header lines, several links on one line, commas and semicolons inside the target, and the relation in
/// any case, quoted or not, alone or among others. A syntax error ends its line.
pub(crate) fn next(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(LINK)
        .iter()
        .filter_map(|value| std::str::from_utf8(value.as_bytes()).ok())
        .find_map(|line| Links(line).find(|link| link.is("next")))
        .map(|link| link.target)
}

/// True without any link. Okta gives each page a link to itself, also the last one of a bounded range, so that something on the way has
/// removed them. (Okta developer docs, "Core Okta API", 2026.)
pub(crate) fn is_missing(headers: &HeaderMap) -> bool {
    let mut lines = headers
        .get_all(LINK)
        .iter()
        .filter_map(|value| std::str::from_utf8(value.as_bytes()).ok());
    lines.all(|line| Links(line).next().is_none())
}

#[derive(Debug, PartialEq, Eq)]
struct Link<'a> {
    target: &'a str,
    /// The relations, without quotes: separated by white space.
    relations: &'a str,
}

impl Link<'_> {
    fn is(&self, relation: &str) -> bool {
        self.relations
            .split_ascii_whitespace()
            .any(|one| one.eq_ignore_ascii_case(relation))
    }
}

/// The rest of one header line.
struct Links<'a>(&'a str);

impl<'a> Iterator for Links<'a> {
    type Item = Link<'a>;

    fn next(&mut self) -> Option<Link<'a>> {
        let inside = self
            .0
            .trim_start_matches([',', ' ', '\t'])
            .strip_prefix('<')?;
        let (target, rest) = inside.split_once('>')?;
        let mut link = Link {
            target: target.trim(),
            relations: "",
        };
        let mut rest = skip_space(rest);
        let mut related = false;
        while let Some(behind) = rest.strip_prefix(';') {
            let (name, value, behind) = parameter(behind);
            // RFC 8288 §3.3: a second `rel` is ignored.
            if name.eq_ignore_ascii_case("rel") && !related {
                link.relations = value;
                related = true;
            }
            rest = skip_space(behind);
        }
        self.0 = rest;
        Some(link)
    }
}

/// Name and value of a parameter, and the rest behind it.
fn parameter(text: &str) -> (&str, &str, &str) {
    let text = skip_space(text);
    let end = text.find(['=', ';', ',']).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let Some(value) = rest.strip_prefix('=').map(skip_space) else {
        return (name.trim_end(), "", rest);
    };
    if let Some(quoted) = value.strip_prefix('"') {
        let (value, rest) = until_quote(quoted);
        // Text between the quote and the next separator is ignored.
        let separator = rest.find([';', ',']).unwrap_or(rest.len());
        return (name.trim_end(), value, &rest[separator..]);
    }
    let end = value.find([';', ',']).unwrap_or(value.len());
    (name.trim_end(), value[..end].trim_end(), &value[end..])
}

/// Splits at the closing quote; a backslash escapes the character behind it.
fn until_quote(text: &str) -> (&str, &str) {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return (&text[..at], &text[at + 1..]),
            _ => {}
        }
    }
    (text, "")
}

fn skip_space(text: &str) -> &str {
    text.trim_start_matches([' ', '\t'])
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn headers(lines: &[&str]) -> HeaderMap {
        lines
            .iter()
            .map(|line| (LINK, HeaderValue::from_str(line).unwrap()))
            .collect()
    }

    #[test]
    fn next_link_is_found_in_every_header_form() {
        for lines in [
            &["<https://o/s>; rel=\"self\"", "<https://o/n>; rel=\"next\""][..],
            &["<https://o/n>; rel=\"next\"", "<https://o/s>; rel=\"self\""],
            &["<https://o/s>; rel=\"self\", <https://o/n>; rel=\"next\""],
            &["<https://o/s>;rel=self,<https://o/n>;rel=next"],
            &["<https://o/n> ; REL = NEXT"],
            &["<https://o/n>; title=\"a, <b>; rel=self\"; rel=\"next\""],
            &["<https://o/n>; title=\"\\\"\"; rel=\"prefetch Next\""],
            &["<https://o/n>; crossorigin; rel=next; rel=self"],
            &[", ,<https://o/n>; rel=next,"],
            &["no link at all", "<https://o/n>; rel=next"],
        ] {
            assert_eq!(next(&headers(lines)), Some("https://o/n"), "{lines:?}");
        }
    }

    #[test]
    fn link_target_may_contain_commas_and_semicolons() {
        let target = "https://o/api/v1/logs?filter=a,b;c&rel=\"next\"&after=1_1";
        let line = format!("<https://o/s,1>; rel=self, <{target}>; rel=next");
        assert_eq!(next(&headers(&[&line])), Some(target));
    }

    #[test]
    fn header_without_any_link_is_missing() {
        assert!(is_missing(&HeaderMap::new()));
        assert!(is_missing(&headers(&[""])));
        assert!(is_missing(&headers(&["removed by the filter"])));
        assert!(!is_missing(&headers(&["<https://o/s>; rel=\"self\""])));
        assert!(!is_missing(&headers(&["", "<https://o/s>; rel=self"])));
    }

    #[test]
    fn link_with_another_relation_is_not_next() {
        for line in [
            "<https://o/s>; rel=\"self\"",
            "<https://o/s>; rel=nextish",
            "<https://o/s>; title=next",
            "<https://o/s",
            "",
        ] {
            assert_eq!(next(&headers(&[line])), None, "{line}");
        }
    }

    proptest! {
        #[test]
        fn link_header_parsing_never_panics(line in "[\\x20-\\x7e\\t]{0,80}") {
            next(&headers(&[&line]));
        }

        #[test]
        fn next_link_is_found_in_any_well_formed_header(
            target in "https://o/[!-;=?-~]{0,30}",
            other in "[!-;=?-~]{0,30}",
            quote in any::<bool>(),
            folded in any::<bool>(),
            title in "[ -!#-\\[\\]-~]{0,12}",
        ) {
            let rel = if quote { "\"next\"" } else { "next" };
            let first = format!("<{other}>; title=\"{title}\"; rel=\"self\"");
            let second = format!("<{target}>; title=\"{title}\"; rel={rel}");
            let folded_line = format!("{first}, {second}");
            let lines = if folded { vec![folded_line.as_str()] } else { vec![first.as_str(), second.as_str()] };
            let headers = headers(&lines);
            prop_assert_eq!(next(&headers), Some(target.as_str()));
        }
    }
}
