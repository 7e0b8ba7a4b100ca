//! The source files of the workspace, read as text.

use std::fs;
use std::path::{Path, PathBuf};

/// The crates whose messages an operator sees.
const CRATES: [&str; 5] = [
    "okta-coralogix-core",
    "okta-source",
    "coralogix-sink",
    "eventbridge-source",
    "examples",
];

/// A file, by its path in the workspace, without its tests.
pub(super) struct SourceFile {
    pub(super) path: String,
    pub(super) text: String,
}

/// A string literal: as the compiler has it, but with its escapes of characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Literal {
    pub(super) line: usize,
    pub(super) text: String,
}

/// A method of a builder that sets something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BuilderMethod {
    /// `OktaSourceBuilder::rate_share`.
    pub(super) name: String,
    /// As its documentation says it, without links; nothing if it does not.
    pub(super) default: String,
    /// The first paragraph of its documentation but for the default, without links.
    pub(super) what: String,
    /// The crate's folder.
    pub(super) of: String,
}

pub(super) fn workspace() -> PathBuf {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR"));
    examples.parent().unwrap().to_owned()
}

/// All files but those of simulators, tests and demonstrations, which no operator meets.
pub(super) fn all() -> Vec<SourceFile> {
    let root = workspace();
    let mut found = Vec::new();
    for name in CRATES {
        collect(&root, &root.join(name).join("src"), &mut found);
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    assert!(found.len() > 200, "{} files", found.len());
    found
}

fn collect(root: &Path, folder: &Path, found: &mut Vec<SourceFile>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let is_other = ["simulator", "testing", "tests", "test", "demonstration"];
        if is_other.contains(&name.as_str()) {
            continue;
        }
        if path.is_dir() {
            collect(root, &path, found);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let tests = text.find("#[cfg(test)]\nmod ").unwrap_or(text.len());
            found.push(SourceFile {
                path: path.strip_prefix(root).unwrap().display().to_string(),
                text: text[..tests].to_owned(),
            });
        }
    }
}

impl SourceFile {
    /// The string literals outside of comments.
    pub(super) fn literals(&self) -> Vec<Literal> {
        let text = self.text.as_str();
        let mut found = Vec::new();
        let mut at = 0;
        while at < text.len() {
            let rest = &text[at..];
            if rest.starts_with("//") {
                at += rest.find('\n').unwrap_or(rest.len());
            } else if let Some((inside, length)) = raw_string(rest, text[..at].chars().next_back())
            {
                found.push(literal(text, at, inside.to_owned()));
                at += length;
            } else if rest.starts_with('"') {
                let length = quoted(rest);
                let inside = joined(&rest[1..length - 1]);
                found.push(literal(text, at, inside));
                at += length;
            } else {
                at += character(rest);
            }
        }
        found
    }
}

fn literal(text: &str, at: usize, inside: String) -> Literal {
    Literal {
        line: text[..at].matches('\n').count() + 1,
        text: inside,
    }
}

/// The inside and the length of a raw string that `rest` begins with.
fn raw_string(rest: &str, before: Option<char>) -> Option<(&str, usize)> {
    if before.is_some_and(|before| before.is_alphanumeric() || before == '_') {
        return None;
    }
    let raw = rest.strip_prefix('b').unwrap_or(rest).strip_prefix('r')?;
    let hashes = raw.len() - raw.trim_start_matches('#').len();
    let inside = raw[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let length = inside.find(&end)?;
    let before = rest.len() - inside.len();
    Some((&inside[..length], before + length + end.len()))
}

/// The length of a string with its quotes.
fn quoted(rest: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in rest.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// Without the ends of lines that a `\` continues.
fn joined(text: &str) -> String {
    let mut parts = text.split("\\\n");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |joined, part| joined + part.trim_start())
}

/// The length of a character literal, or of one character of the code.
fn character(rest: &str) -> usize {
    let first = rest.chars().next().map_or(1, char::len_utf8);
    let Some(inside) = rest.strip_prefix('\'') else {
        return first;
    };
    if let Some(escaped) = inside.strip_prefix('\\') {
        let skipped = escaped.chars().next().map_or(0, char::len_utf8);
        let end = escaped[skipped..].find('\'').unwrap_or(0);
        return 2 + skipped + end + 1;
    }
    let letter = inside.chars().next().map_or(0, char::len_utf8);
    match inside[letter..].starts_with('\'') {
        true => 1 + letter + 1,
        // A lifetime.
        false => first,
    }
}

/// The methods that set something, of types that are builders or work like them.
pub(super) fn builder_methods(files: &[SourceFile]) -> Vec<BuilderMethod> {
    let types = ["Redaction", "ProxySettings", "BodyParser"];
    let mut found = Vec::new();
    for file in files {
        let mut owner = None;
        let mut docs = String::new();
        let mut lines = file.text.lines().peekable();
        while let Some(line) = lines.next() {
            if line.starts_with("impl") && line.ends_with('{') {
                let name = line.trim_end_matches('{').trim();
                let name = name.rsplit(' ').next().unwrap_or_default();
                let name = name.split('<').next().unwrap_or_default().to_owned();
                let is_trait = line.contains(" for ");
                let is_builder = name.ends_with("Builder") || types.contains(&name.as_str());
                owner = (is_builder && !is_trait).then_some(name);
            } else if line == "}" {
                owner = None;
            }
            let line = line.trim();
            if let Some(doc) = line.strip_prefix("///") {
                docs.push_str(if doc.is_empty() { PARAGRAPH } else { doc });
                continue;
            }
            let method = line.strip_prefix("pub fn ");
            if let (Some(owner), Some(method)) = (&owner, method) {
                let mut signature = method.to_owned();
                while !signature.contains('{') {
                    signature += lines.next().unwrap_or("{");
                }
                let name = signature.split(['(', '<']).next().unwrap_or_default();
                let takes_itself = signature.contains("(mut self") || signature.contains("(self");
                let takes_itself = takes_itself || signature.contains("(        mut self");
                let gives_itself =
                    signature.contains("-> Self") || signature.contains("-> Result<Self");
                if takes_itself && gives_itself {
                    found.push(BuilderMethod {
                        name: format!("{owner}::{name}"),
                        default: default_in(&docs),
                        what: what_in(&docs),
                        of: file.path.split('/').next().unwrap_or_default().to_owned(),
                    });
                }
            }
            if !line.starts_with("///") && !line.starts_with("#[") {
                docs.clear();
            }
        }
    }
    assert!(found.len() > 80, "{}", found.len());
    found
}

/// Between two paragraphs.
const PARAGRAPH: &str = "\n";

/// What stands behind `Default: `, up to the end of the sentence.
fn default_in(docs: &str) -> String {
    let Some((_, rest)) = docs.split_once("efault: ") else {
        return String::new();
    };
    let rest = rest.split(PARAGRAPH).next().unwrap_or_default();
    plain(rest[..sentence(rest)].trim_end_matches('.'))
}

/// The first paragraph without the sentence of the default.
fn what_in(docs: &str) -> String {
    let first = docs.split(PARAGRAPH).next().unwrap_or_default().trim();
    match first.split_once("Default: ") {
        None => plain(first),
        Some((before, default)) => {
            let after = default[sentence(default)..].trim();
            plain(format!("{before}{after}").trim())
        }
    }
}

/// The length of the first sentence with its full stop.
fn sentence(text: &str) -> usize {
    text.find(". ").map_or(text.trim_end().len(), |end| end + 1)
}

/// Without the marks of links and code.
fn plain(text: &str) -> String {
    let mut parts = text.split("](");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push_str(part.split_once(')').map_or("", |(_, after)| after));
    }
    plain.replace(['[', ']', '`'], "")
}

#[test]
fn literals_are_found_and_comments_are_not() {
    let file = SourceFile {
        path: String::new(),
        text: "// \"no\"\nlet a = \"a\\\"b\\\n   c\"; let b: &'static str = r#\"raw \"x\" \"#; let c = '\"'; let d = '\\''; f(\"d\")"
            .into(),
    };
    let texts: Vec<_> = file.literals().into_iter().map(|one| one.text).collect();
    assert_eq!(texts, ["a\\\"bc", "raw \"x\" ", "d"]);
}
