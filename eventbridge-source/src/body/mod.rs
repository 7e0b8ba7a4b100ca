//! Parses bodies: one body in, its events out.

mod found;
mod origin_cache;
mod parser;
mod reader;
mod shape;
mod values;

#[cfg(any(feature = "http", feature = "lambda", feature = "sqs"))]
pub(crate) use found::ParsedBody;
pub use parser::BodyParser;
