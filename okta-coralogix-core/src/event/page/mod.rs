//! A page of the System Log, split element by element.

mod element_limit;
mod error;
mod split;

pub use error::PageError;
#[cfg(feature = "testing")]
pub(crate) use split::{Reader, split};
pub use split::{split_page, split_whole_page};
