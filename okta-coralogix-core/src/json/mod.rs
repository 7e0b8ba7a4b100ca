//! JSON text without trees: slices of members and elements, strings as they are spelt, recovery from broken values and from
//! bytes that are not UTF-8, and a scanner.
//!
//! Nothing here knows what an event is.

mod members;
mod recovery;
pub(crate) mod scanner;
pub(crate) mod string;
mod utf8;

pub use members::{Member, Members, elements, substr_range};
pub(crate) use recovery::WHITE_SPACE;
pub use recovery::{BrokenValue, Recovery};
#[cfg(feature = "fs")]
pub(crate) use utf8::without_byte_order_mark;
pub use utf8::{masked_utf8, strip_byte_order_mark};
