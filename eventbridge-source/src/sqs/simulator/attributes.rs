//! Attributes that the queue only says.

use std::time::Duration;

use super::queue::{SqsSimulator, SqsSimulatorBuilder};

/// Attributes without an effect on messages.
#[derive(Debug, Clone, Copy)]
pub(super) struct SaidAttributes {
    pub(super) retention: Duration,
    pub(super) is_encrypted: bool,
}

impl Default for SaidAttributes {
    /// As of a new queue.
    fn default() -> Self {
        Self {
            retention: Duration::from_secs(4 * 24 * 3600),
            is_encrypted: true,
        }
    }
}

impl SqsSimulatorBuilder {
    /// How long it says that a message is kept; the messages stay. Default: 4 days.
    pub fn retention(mut self, time: Duration) -> Self {
        self.model.said.retention = time;
        self
    }

    /// It says that messages are stored as they are. Default: encrypted with a key of SQS.
    pub fn without_encryption(mut self) -> Self {
        self.model.said.is_encrypted = false;
        self
    }
}

impl SqsSimulator {
    pub(super) fn said(&self) -> SaidAttributes {
        self.state().model.said
    }

    pub(super) fn max_receive_count(&self) -> Option<u32> {
        self.state().model.max_receive_count
    }
}
