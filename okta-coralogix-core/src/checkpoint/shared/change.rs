//! What a write changes in the record that is stored.

use super::record::{Position, Record};

/// A change, which can be made to whatever record of the term is there.
#[derive(Debug)]
pub(super) enum Change {
    /// Nothing: the lease is renewed.
    Renew,
    /// The position.
    Save(Position),
    /// There is no holder any more. `window`: the object that was written last for the checkpoint of this token. `to`: who is to take the log.
    Release {
        window: Option<(String, String)>,
        to: Option<String>,
    },
}

impl Change {
    pub(super) fn make(&self, record: &mut Record) {
        match self {
            Self::Renew => {}
            Self::Save(position) => record.position = Some(position.clone()),
            Self::Release { window, to } => {
                record.release(to.as_deref());
                if let (Some(position), Some((token, name))) = (&mut record.position, window)
                    && position.token == *token
                {
                    position.window.clone_from(name);
                }
            }
        }
    }

    /// True if the stored record has the change. A renewal is none that could be seen.
    pub(super) fn is_made(&self, stored: &Record) -> bool {
        match self {
            Self::Renew => false,
            Self::Save(position) => stored.position.as_ref() == Some(position),
            Self::Release { .. } => stored.holder.is_none(),
        }
    }
}
