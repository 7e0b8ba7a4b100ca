//! Errors of a disk as sentences.

use std::io::{self, ErrorKind};
use std::path::Path;

use super::folder_of;
use crate::Error;

/// Something that was to be done with `path` failed. Temporary if it passes without a person.
pub(crate) fn failed(action: &str, path: &Path, error: io::Error) -> Error {
    let remedy = remedy(&error);
    let detail = format!("cannot {action} {} ({error}): {remedy}", path.display());
    let failure = match passes(&error) {
        true => Error::temporary(crate::ErrorKind::Storage, detail),
        false => Error::new(crate::ErrorKind::Storage, detail),
    };
    failure.with_source(error)
}

/// Numbers of Unix that std has no kind for: this process, or the whole machine, has no file descriptor left.
const EMFILE: i32 = 24;
const ENFILE: i32 = 23;

fn lacks_descriptors(error: &io::Error) -> bool {
    cfg!(unix) && matches!(error.raw_os_error(), Some(EMFILE | ENFILE))
}

/// True for faults of a disk that is there again after a while, and of a machine that is short of something for a while. Of a
/// missing file too: the stores create what they write, so that its folder is away.
fn passes(error: &io::Error) -> bool {
    lacks_descriptors(error)
        || matches!(
            error.kind(),
            ErrorKind::NotFound
                | ErrorKind::Interrupted
                | ErrorKind::WouldBlock
                | ErrorKind::TimedOut
                | ErrorKind::ResourceBusy
                | ErrorKind::OutOfMemory
                | ErrorKind::StaleNetworkFileHandle
                | ErrorKind::NotConnected
                | ErrorKind::HostUnreachable
                | ErrorKind::NetworkUnreachable
                | ErrorKind::NetworkDown
        )
}

/// The absolute name of `path`, which is to hold the `content`, cannot be found.
pub(crate) fn unresolved(content: &str, path: &Path, error: io::Error) -> Error {
    let detail = if error.kind() == ErrorKind::NotFound {
        let folder = folder_of(path).display();
        format!(
            "the folder {folder} of the {content} does not exist: create it, or name a file in one that does"
        )
    } else {
        format!(
            "{} cannot be used for the {content} ({error}): name a file in a folder that this user may write",
            path.display()
        )
    };
    Error::new(crate::ErrorKind::Config, detail).with_source(error)
}

/// What a person can do about an error.
pub(crate) fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "the disk is full: free some space and start again, nothing is lost"
        }
        ErrorKind::FileTooLarge => {
            "files of this size are not allowed: raise the limit (`ulimit -f`) and start again, nothing is lost"
        }
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            "let this user read and write the file and its folder, or name another file"
        }
        ErrorKind::IsADirectory | ErrorKind::NotADirectory => "name a file, not a folder",
        ErrorKind::InvalidInput => "name a file",
        ErrorKind::NotFound => "its folder is away: mount it, or create it; nothing is lost",
        _ if lacks_descriptors(error) => {
            "too many files and connections are open: raise the limit (`ulimit -n`), nothing is lost"
        }
        _ => "check the disk and start again, nothing is lost",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disk_faults_that_pass_are_temporary() {
        let stale_file_handle = ErrorKind::StaleNetworkFileHandle.into();
        for (error, is_temporary) in [
            (io::Error::from_raw_os_error(EMFILE), cfg!(unix)),
            (io::Error::from_raw_os_error(ENFILE), cfg!(unix)),
            (ErrorKind::Interrupted.into(), true),
            (ErrorKind::WouldBlock.into(), true),
            (ErrorKind::TimedOut.into(), true),
            (stale_file_handle, true),
            (ErrorKind::NotConnected.into(), true),
            (ErrorKind::NotFound.into(), true),
            (ErrorKind::StorageFull.into(), false),
            (ErrorKind::FileTooLarge.into(), false),
            (ErrorKind::PermissionDenied.into(), false),
            (ErrorKind::ReadOnlyFilesystem.into(), false),
            (ErrorKind::IsADirectory.into(), false),
            (io::Error::other("broken"), false),
        ] {
            let shown = error.to_string();
            let failure = failed("write", Path::new("file"), error);
            assert_eq!(failure.kind(), crate::ErrorKind::Storage);
            assert_eq!(failure.is_temporary(), is_temporary, "{shown}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn lack_of_descriptors_is_said_with_the_limit() {
        let error = io::Error::from_raw_os_error(EMFILE);
        let failure = failed("write", Path::new("file"), error);
        assert!(failure.detail().contains("ulimit -n"), "{failure}");
    }
}
