//! placeholder
#[derive(Debug)]
pub struct FileCheckpoint;
