//! What a world simulates around the programs: clocks, credentials, disk, network, queue, EventBridge and the operator.

pub(crate) mod clock;
pub(crate) mod credentials;
pub(crate) mod disk;
pub(crate) mod disk_image;
pub(crate) mod network;
pub(crate) mod operator;
pub(crate) mod push_client;
pub(crate) mod queue;
pub(crate) mod simulators;
