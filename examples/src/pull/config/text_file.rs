//! Text files that a person has written.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The text of a file of at most `max` bytes: a path to a large file by mistake must not fill the memory.
///
/// # Errors
/// If it cannot be read, is longer, or is not UTF-8.
pub(super) fn read(path: &Path, max: u64) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(max + 1).read_to_string(&mut text)?;
    match text.len() as u64 > max {
        true => Err(io::Error::other(format!("it has more than {max} bytes"))),
        false => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_beyond_the_limit_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "12345").unwrap();
        assert_eq!(read(&path, 5).unwrap(), "12345");
        assert!(
            read(&path, 4)
                .unwrap_err()
                .to_string()
                .contains("more than 4 bytes")
        );
        #[cfg(target_os = "linux")]
        assert!(read(Path::new("/dev/zero"), 100).is_err());
    }
}
