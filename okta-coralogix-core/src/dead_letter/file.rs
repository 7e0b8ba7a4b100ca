//! placeholder
#[derive(Debug)]
pub struct FileDeadLetters;
