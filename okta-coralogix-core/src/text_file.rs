//! Files that hold a secret, certificates or settings: written by a person, or handed over by a shell or a secret manager.

use std::collections::HashMap;
use std::fs::{self, File, FileType, OpenOptions};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

/// The longest file of a secret. An RSA key of 8192 bits takes 7 KB.
pub const MAX_SECRET_BYTES: u64 = 64 << 10;

/// The longest file of certificates. All of a system take less than 1 MiB.
pub const MAX_CERTIFICATE_BYTES: u64 = 16 << 20;

/// How long a pipe may take to be written. A start is to end, also where nobody writes.
const PIPE_WAIT: Duration = Duration::from_secs(5);

/// What was read from pipes, which give it once; of a long one the beginning.
static PIPES: LazyLock<Mutex<HashMap<PathBuf, Vec<u8>>>> = LazyLock::new(Mutex::default);

/// The text of a file of at most `max` bytes, as [`read_file`] reads it.
///
/// # Errors
/// As there, and if it is not UTF-8; by name if it is in UTF-16, as some editors and shells write.
pub fn read_text_file(path: impl AsRef<Path>, max: u64) -> io::Result<String> {
    let bytes = read_file(path, max)?;
    let is_wide = bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff");
    String::from_utf8(bytes).map_err(|_| match is_wide {
        true => io::Error::other("it is in UTF-16, by its byte order mark; save it as UTF-8"),
        false => io::Error::other("it is not valid UTF-8"),
    })
}

/// A file of at most `max` bytes: a path to a large one by mistake must not fill the memory. Blocks.
///
/// A pipe (`<(…)` of a shell, `/dev/fd/3`, a FIFO) is waited for, up to 5 seconds, and is read once: later readings of the process have the
/// same content.
///
/// # Errors
/// If it cannot be read, is longer, or is a folder, a device or a socket; `TimedOut` for a pipe that is not written in time.
pub fn read_file(path: impl AsRef<Path>, max: u64) -> io::Result<Vec<u8>> {
    read_within(path.as_ref(), max, PIPE_WAIT)
}

/// As [`read_text_file`], but a pipe that the process has not read yet is left to who needs its content.
///
/// # Errors
/// As there, and `WouldBlock` for such a pipe.
pub fn read_text_file_but_no_pipe(path: impl AsRef<Path>, max: u64) -> io::Result<String> {
    let path = path.as_ref();
    let is_unread = is_pipe(fs::metadata(path)?.file_type()) && !pipes().contains_key(path);
    match is_unread {
        true => Err(io::Error::new(io::ErrorKind::WouldBlock, "it is a pipe")),
        false => read_text_file(path, max),
    }
}

fn pipes() -> MutexGuard<'static, HashMap<PathBuf, Vec<u8>>> {
    PIPES.lock().unwrap_or_else(PoisonError::into_inner)
}

fn read_within(path: &Path, max: u64, wait: Duration) -> io::Result<Vec<u8>> {
    let kind = fs::metadata(path)?.file_type();
    if kind.is_file() {
        return bounded(beginning(File::open(path)?, max)?, max);
    }
    if kind.is_dir() {
        return Err(io::Error::other("it is a folder; name a file in it"));
    }
    if !is_pipe(kind) {
        return Err(io::Error::other("it is a device or a socket, not a file"));
    }
    let mut read = pipes();
    let content = match read.get(path) {
        Some(content) => content.clone(),
        None => {
            let content = read_pipe(path, max, wait)?;
            read.insert(path.to_owned(), content.clone());
            content
        }
    };
    bounded(content, max)
}

/// As much as tells whether it is longer than `max`.
fn beginning(file: File, max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(max + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn bounded(bytes: Vec<u8>, max: u64) -> io::Result<Vec<u8>> {
    match bytes.len() as u64 > max {
        true => Err(io::Error::other(format!("it has more than {max} bytes"))),
        false => Ok(bytes),
    }
}

/// Opening a pipe waits for its writer, and reading it for the writer's end: on a thread of its own, which can be left behind.
fn read_pipe(path: &Path, max: u64, wait: Duration) -> io::Result<Vec<u8>> {
    let (opened, is_opened) = mpsc::sync_channel(1);
    let (sender, content) = mpsc::sync_channel(1);
    let name = path.to_owned();
    thread::Builder::new()
        .name("pipe".to_owned())
        .spawn(move || {
            let file = File::open(name);
            opened.send(()).ok();
            // Nobody takes what comes too late.
            sender.send(file.and_then(|file| beginning(file, max))).ok();
        })?;
    let late = |what: &str| {
        let detail = format!(
            "it is a pipe {what} within {} s; start what writes it before, or name a file",
            wait.as_secs()
        );
        io::Error::new(io::ErrorKind::TimedOut, detail)
    };
    if is_opened.recv_timeout(wait).is_err() {
        // A writer for a moment, which waits for nobody: the thread would take what a later writer has for a later reader.
        let writer = OpenOptions::new().read(true).write(true).open(path);
        if writer.is_ok() {
            is_opened.recv().ok();
        }
        drop(writer);
        // Now it ends, and leaves the pipe; unless a writer has come at the last moment, whose text would be lost.
        return match content.recv_timeout(PIPE_WAIT) {
            Ok(Ok(text)) if !text.is_empty() => Ok(text),
            _ => Err(late("that nobody has opened to write it")),
        };
    }
    let content = content.recv_timeout(wait);
    content.unwrap_or_else(|_| Err(late("whose writer has not closed it")))
}

#[cfg(unix)]
fn is_pipe(kind: FileType) -> bool {
    std::os::unix::fs::FileTypeExt::is_fifo(&kind)
}

#[cfg(not(unix))]
fn is_pipe(_: FileType) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(path: &Path) -> String {
        read_text_file(path, 5).unwrap_err().to_string()
    }

    #[test]
    fn text_beyond_the_limit_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "12345").unwrap();
        assert_eq!(read_text_file(&path, 5).unwrap(), "12345");
        fs::write(&path, "123456").unwrap();
        assert_eq!(refused(&path), "it has more than 5 bytes");
        assert_eq!(refused(folder.path()), "it is a folder; name a file in it");
        for bytes in [b"\xff\xfeA\0", b"\xfe\xff\0A"] {
            fs::write(&path, bytes).unwrap();
            assert!(refused(&path).starts_with("it is in UTF-16"));
        }
        fs::write(&path, b"\xff").unwrap();
        assert_eq!(refused(&path), "it is not valid UTF-8");
        let missing = read_file(folder.path().join("no"), 5).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    }

    #[cfg(unix)]
    mod pipes {
        use std::process::Command;

        use super::*;

        fn pipe(folder: &Path) -> PathBuf {
            let path = folder.join("pipe");
            let made = Command::new("mkfifo").arg(&path).status().unwrap();
            assert!(made.success());
            path
        }

        #[test]
        fn device_is_refused_before_it_is_read() {
            for path in ["/dev/zero", "/dev/null"] {
                let error = read_file(path, 5).unwrap_err().to_string();
                assert_eq!(error, "it is a device or a socket, not a file");
            }
        }

        #[test]
        fn pipe_is_read_once_and_keeps_its_content() {
            let folder = tempfile::tempdir().unwrap();
            let path = pipe(folder.path());
            let to = path.clone();
            let writer = thread::spawn(move || fs::write(to, "text"));
            assert_eq!(read_text_file(&path, 5).unwrap(), "text");
            writer.join().unwrap().unwrap();
            assert_eq!(read_text_file(&path, 5).unwrap(), "text", "again");
            assert_eq!(read_text_file_but_no_pipe(&path, 5).unwrap(), "text");
        }

        #[test]
        fn pipe_with_too_much_says_so_each_time() {
            let folder = tempfile::tempdir().unwrap();
            let path = pipe(folder.path());
            let to = path.clone();
            // It may find that the pipe was closed.
            let writer = thread::spawn(move || fs::write(to, "123456").ok());
            assert_eq!(refused(&path), "it has more than 5 bytes");
            assert_eq!(refused(&path), "it has more than 5 bytes");
            writer.join().unwrap();
        }

        #[test]
        fn pipe_is_left_to_who_needs_it() {
            let folder = tempfile::tempdir().unwrap();
            let path = pipe(folder.path());
            // Opening a pipe to write it waits for its reader.
            let error = read_text_file_but_no_pipe(&path, 5).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
            let file = folder.path().join("file");
            fs::write(&file, "text").unwrap();
            assert_eq!(read_text_file_but_no_pipe(&file, 5).unwrap(), "text");
        }

        #[test]
        fn pipe_that_nobody_writes_is_not_waited_for_forever() {
            let folder = tempfile::tempdir().unwrap();
            let path = pipe(folder.path());
            let soon = Duration::from_millis(1);
            let error = read_within(&path, 5, soon).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
            assert!(error.to_string().contains("nobody has opened"), "{error}");
            // Nobody waits in it any more: it can be read as before.
            let to = path.clone();
            let writer = thread::spawn(move || fs::write(to, "late"));
            assert_eq!(read_file(&path, 5).unwrap(), b"late");
            writer.join().unwrap().unwrap();
        }

        #[test]
        fn pipe_that_is_not_closed_is_not_waited_for_forever() {
            let folder = tempfile::tempdir().unwrap();
            let path = pipe(folder.path());
            // It is open on both ends, so that it neither waits nor ends.
            let _writer = OpenOptions::new().read(true).write(true).open(&path);
            let error = read_within(&path, 5, Duration::from_millis(100)).unwrap_err();
            assert!(error.to_string().contains("has not closed it"), "{error}");
        }
    }
}
