//! What a world simulates around the programs.

pub(crate) mod disk;
pub(crate) mod disk_image;
pub(crate) mod network;
pub(crate) mod operator;
pub(crate) mod push_client;
pub(crate) mod queue;
