//! The names of the files that belong to dead letters at a path.

use std::path::{Path, PathBuf};

use crate::disk::sibling;

/// No file was ever rotated this often; a date behind the name is no number of ours.
const NUMBERS: std::ops::Range<u64> = 1..1_000_000;

pub(super) fn lock_file(path: &Path) -> PathBuf {
    sibling(path, ".lock")
}

pub(super) fn replay_lock_file(path: &Path) -> PathBuf {
    sibling(path, ".replay.lock")
}

/// The file that was rotated away from `path` with this number.
pub(super) fn numbered(path: &Path, number: u64) -> PathBuf {
    sibling(path, &format!(".{number}"))
}

/// What is settled of a rotated file.
pub(super) fn account_file(rotated: &Path) -> PathBuf {
    sibling(rotated, ".replayed")
}

/// The number that a file with the name of `other` has as a rotation of the file at `path`, as a rotation writes it.
pub(super) fn number(path: &Path, other: &str) -> Option<u64> {
    let name = path.file_name()?.to_str()?;
    let digits = other.strip_prefix(name)?.strip_prefix('.')?;
    let number = digits.parse().ok()?;
    (NUMBERS.contains(&number) && digits == number.to_string()).then_some(number)
}

/// True if dead letters at `path`, or a replay of them, may write, rename or remove `other`.
pub(super) fn belongs(path: &Path, other: &Path) -> bool {
    if [path, &lock_file(path), &replay_lock_file(path)].contains(&other) {
        return true;
    }
    let is_rotated = |name: &str| {
        number(path, name).is_some()
            || name
                .strip_suffix(".replayed")
                .is_some_and(|rotated| number(path, rotated).is_some())
    };
    let name = other.file_name().and_then(|name| name.to_str());
    path.parent() == other.parent() && name.is_some_and(is_rotated)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_of_a_rotation_is_as_it_was_written() {
        let path = Path::new("folder/letters");
        for (name, expected) in [
            ("letters.1", Some(1)),
            ("letters.12", Some(12)),
            ("letters.999999", Some(999_999)),
            ("letters.0", None),
            ("letters.01", None),
            ("letters.+1", None),
            ("letters.1.replayed", None),
            ("letters.1.gz", None),
            ("letters.20261129", None),
            ("letters.18446744073709551615", None),
            ("letters", None),
            ("other.1", None),
        ] {
            assert_eq!(number(path, name), expected, "{name}");
        }
    }

    #[test]
    fn file_belongs_to_the_letters_beside_it_only() {
        let path = Path::new("folder/letters");
        for name in ["", ".lock", ".replay.lock", ".3", ".3.replayed"] {
            assert!(belongs(path, &sibling(path, name)), "{name}");
            let elsewhere = sibling(Path::new("other/letters"), name);
            assert!(!belongs(path, &elsewhere), "{name}");
        }
        for name in [".tmp", ".replayed", ".3.gz", ".20261129"] {
            assert!(!belongs(path, &sibling(path, name)), "{name}");
        }
    }
}
