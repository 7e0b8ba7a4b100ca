//! Text files that a person has written.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The text of a file of at most `max` bytes: a path to a large file by mistake must not fill the memory.
///
/// # Errors
/// If it cannot be read, is longer, or is not UTF-8; also by name if it is in UTF-16, as some editors and shells write.
pub fn read(path: &Path, max: u64) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(max + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max {
        return Err(io::Error::other(format!("it has more than {max} bytes")));
    }
    let is_wide = bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff");
    String::from_utf8(bytes).map_err(|_| match is_wide {
        true => io::Error::other("it is in UTF-16, by its byte order mark; save it as UTF-8"),
        false => io::Error::other("it is not valid UTF-8"),
    })
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
