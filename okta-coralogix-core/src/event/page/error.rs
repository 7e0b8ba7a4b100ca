//! The error of a page that cannot be split.

use thiserror::Error;

use crate::ErrorKind;

/// A page that cannot be split. No event of it was read: the caller requests it again.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PageError {
    /// Not a JSON array: a maintenance page in HTML, for one.
    #[error("the page is not a JSON array but starts with {0:?}")]
    NotAnArray(String),
    /// So much of it is broken that the ends of its elements cannot be found in reasonable time, or it has more than 100,000.
    #[error(
        "the page has too many elements, or so many broken ones that they cannot be told apart"
    )]
    Unsplittable,
    /// The array does not end, or something follows it.
    #[error("the page ends before its array does, or something follows the array")]
    Truncated,
}

/// Temporary, since a maintenance page looks like this.
impl From<PageError> for crate::Error {
    fn from(error: PageError) -> Self {
        Self::temporary(ErrorKind::UnexpectedResponse, error.to_string()).with_source(error)
    }
}
