//! Errors of a disk as sentences.

use std::io::{self, ErrorKind};
use std::path::Path;

use super::folder_of;
use crate::Error;

/// Something that was to be done with `path` failed.
pub(crate) fn failed(action: &str, path: &Path, error: io::Error) -> Error {
    let remedy = remedy(&error);
    let detail = format!("cannot {action} {} ({error}): {remedy}", path.display());
    Error::new(crate::ErrorKind::Storage, detail).with_source(error)
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
        _ => "check the disk and start again, nothing is lost",
    }
}
