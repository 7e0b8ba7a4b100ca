//! Origins that have been made already: nearly all events of a log stream have the same.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use okta_coralogix_core::Origin;

/// Kept at once. Senders could name ever new ones.
const MOST: usize = 64;

/// Origins by the `source` of the envelope. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Origins(Arc<Mutex<Vec<Known>>>);

struct Known {
    source: Option<String>,
    origin: Arc<Origin>,
}

impl Origins {
    /// The one of `source` that is such as `suits` says, else what `make` gives, which is kept.
    pub(super) fn of<E>(
        &self,
        source: Option<&str>,
        suits: impl Fn(&Origin) -> bool,
        make: impl FnOnce() -> Result<Origin, E>,
    ) -> Result<Arc<Origin>, E> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut found = known
            .iter()
            .filter(|known| known.source.as_deref() == source);
        if let Some(known) = found.find(|known| suits(&known.origin)) {
            return Ok(Arc::clone(&known.origin));
        }
        let origin = Arc::new(make()?);
        if known.len() == MOST {
            known.clear();
        }
        known.push(Known {
            source: source.map(Into::into),
            origin: Arc::clone(&origin),
        });
        Ok(origin)
    }
}

/// What is known already makes no difference.
impl PartialEq for Origins {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Origins {}

impl fmt::Debug for Origins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Origins").finish_non_exhaustive()
    }
}
