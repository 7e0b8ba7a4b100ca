//! Parses bodies: one body in, its events out.

#[cfg(any(feature = "http", feature = "lambda", feature = "sqs"))]
mod found;
mod origin_cache;
mod parser;
mod reader;
mod shape;
mod values;

#[cfg(any(feature = "http", feature = "lambda", feature = "sqs"))]
pub(crate) use found::is_event;
pub use parser::BodyParser;
