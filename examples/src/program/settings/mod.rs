//! The settings of the programs: each is declared once, and flags, variables, keys of the file of `--config`, help and docs/settings.md
//! are drawn from that.

mod about;
mod flags;
mod keys;
pub mod parse;
mod setting;
mod values;
pub mod variables;
mod written_names;

pub use about::About;
pub use flags::{Flags, Given, Group};
pub use keys::KeyValues;
pub use setting::Setting;
pub use values::{Values, Written};
pub use written_names::WrittenNames;
