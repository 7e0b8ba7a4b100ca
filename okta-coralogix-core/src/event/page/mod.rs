//! A page of the System Log, split element by element.

mod end;
mod error;
mod split;

pub use end::{PageEnd, SplitPage};
pub use error::PageError;
#[cfg(feature = "testing")]
pub(crate) use split::{Reader, split};
pub use split::{split_page, split_whole_page};
