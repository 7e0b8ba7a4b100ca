//! Parses bodies: one body in, its events out.

mod origin_cache;
mod parser;
mod reader;
mod shape;
mod values;

pub use parser::BodyParser;
