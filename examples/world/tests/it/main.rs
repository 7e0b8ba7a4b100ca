//! Worlds: the same one twice, everything in a small one, many random ones, and those that have found something.

mod exhaustive;
mod found;
mod random;
mod replay;
