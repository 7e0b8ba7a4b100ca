//! Caches origins: nearly all events of a log stream have the same.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use okta_coralogix_core::Origin;

/// Bounds of the cache, as senders could name ever new origins, and long ones.
const MAX_ORIGINS: usize = 64;
const MAX_NAME_BYTES: usize = 1_024;

/// Origins by the `source` of the envelope. Clones share them.
#[derive(Clone, Default)]
pub(super) struct OriginCache(Arc<Mutex<Vec<Known>>>);

struct Known {
    source: Option<String>,
    origin: Arc<Origin>,
}

impl OriginCache {
    /// The cached origin of `source` that `suits`, else the one that `make` returns, which is then cached.
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
        if names.into_iter().flatten().map(str::len).sum::<usize>() > MAX_NAME_BYTES {
            return Ok(origin);
        }
        if known.len() == MAX_ORIGINS {
            known.clear();
        }
        known.push(Known {
            source: source.map(Into::into),
            origin: Arc::clone(&origin),
        });
        Ok(origin)
    }
}

/// Parsers are equal whatever they have cached.
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
    fn origin_is_made_once_and_few_short_ones_are_cached() {
        let origins = OriginCache::default();
        let first = of(&origins, "a");
        assert!(Arc::ptr_eq(&first, &of(&origins, "a")));
        for number in 0..10 * MAX_ORIGINS {
            of(&origins, &number.to_string());
            of(&origins, &"long".repeat(MAX_NAME_BYTES));
        }
        let known = origins.0.lock().unwrap();
        assert!(known.len() <= MAX_ORIGINS);
        assert!(known.iter().all(|known| {
            known
                .source
                .as_ref()
                .is_some_and(|source| source.len() < MAX_NAME_BYTES)
        }));
    }
}
