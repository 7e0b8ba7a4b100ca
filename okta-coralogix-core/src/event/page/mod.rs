//! A page of the System Log, split element by element.

mod bounded;
mod split;
mod unreadable;

#[cfg(feature = "testing")]
pub(crate) use split::{Reader, split};
pub use split::{split_page, split_whole_page};
pub use unreadable::UnreadablePage;
