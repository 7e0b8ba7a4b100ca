//! Messages for operators.

use std::fs;
use std::path::Path;

/// The string literals of a source file before its tests, as the compiler reads them.
fn literals(source: &str) -> Vec<String> {
    let code = source.split("#[cfg(test)]").next().unwrap();
    let mut literals = Vec::new();
    let mut rest = code;
    while let Some(at) = rest.find(['"', '/', '\'']) {
        let (before, found) = rest.split_at(at);
        rest = &found[1..];
        if found.starts_with("//") {
            rest = found.split_once('\n').map_or("", |(_, next)| next);
        } else if found.starts_with("'\"'") || found.starts_with("'\\") {
            rest = &found[3..];
        } else if found.starts_with('"') {
            let hashes = before.len() - before.trim_end_matches('#').len();
            let is_raw = before.trim_end_matches('#').ends_with('r');
            let (literal, next) = match is_raw {
                true => rest
                    .split_once(&format!("\"{}", "#".repeat(hashes)))
                    .unwrap(),
                false => cooked(rest),
            };
            literals.push(literal.to_owned());
            rest = next;
        }
    }
    // A line that ends with a backslash goes on at the next word.
    let joined = |literal: String| {
        let mut parts = literal.split("\\\n");
        let first = parts.next().unwrap().to_owned();
        parts.fold(first, |text, part| text + part.trim_start())
    };
    literals.into_iter().map(joined).collect()
}

/// Splits behind a literal that has escapes.
fn cooked(text: &str) -> (&str, &str) {
    let mut escaped = false;
    let end = text.find(|c| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    });
    let end = end.unwrap();
    (&text[..end], &text[end + 1..])
}

fn check(folder: &Path) -> usize {
    let mut checked = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            checked += check(&path);
            continue;
        }
        for literal in literals(&fs::read_to_string(&path).unwrap()) {
            assert!(!literal.contains("  "), "{}: {literal:?}", path.display());
            checked += 1;
        }
    }
    checked
}

#[test]
fn message_never_has_two_spaces_in_a_row() {
    let wrong = literals("let a = '\"'; f(r#\"a \"b\"\"#, \"c \\\n   d\\\"\", \"e  f\");");
    assert_eq!(wrong.last().map(String::as_str), Some("e  f"), "{wrong:?}");
    assert!(wrong.contains(&"c d\\\"".to_owned()), "{wrong:?}");
    let checked = check(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    assert!(checked > 500, "{checked}");
}
