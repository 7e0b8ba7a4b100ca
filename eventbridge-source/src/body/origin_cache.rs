//! OriginCache that have been made already: nearly all events of a log stream have the same.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use okta_coralogix_core::Origin;

/// Kept at once, and the bytes that each may have in names. Senders could name ever new ones, and long ones.
const MOST: usize = 64;
const LONGEST: usize = 1_024;

/// OriginCache by the `source` of the envelope. Clones share them.
#[derive(Clone, Default)]
pub(super) struct OriginCache(Arc<Mutex<Vec<Known>>>);

struct Known {
    source: Option<String>,
    origin: Arc<Origin>,
}

impl OriginCache {
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
        let names = [
            source,
            origin.application.as_deref(),
            origin.subsystem.as_deref(),
        ];
        if names.into_iter().flatten().map(str::len).sum::<usize>() > LONGEST {
            return Ok(origin);
        }
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
impl PartialEq for OriginCache {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for OriginCache {}

impl fmt::Debug for OriginCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OriginCache").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(origins: &OriginCache, source: &str) -> Arc<Origin> {
        let made: Result<_, ()> = origins.of(Some(source), |_| true, || Ok(Origin::org("acme")));
        made.unwrap()
    }

    #[test]
    fn an_origin_is_made_once_and_few_short_ones_are_kept() {
        let origins = OriginCache::default();
        let first = of(&origins, "a");
        assert!(Arc::ptr_eq(&first, &of(&origins, "a")));
        for number in 0..10 * MOST {
            of(&origins, &number.to_string());
            of(&origins, &"long".repeat(LONGEST));
        }
        let known = origins.0.lock().unwrap();
        assert!(known.len() <= MOST);
        assert!(known.iter().all(|known| {
            known
                .source
                .as_ref()
                .is_some_and(|source| source.len() < LONGEST)
        }));
    }
}
