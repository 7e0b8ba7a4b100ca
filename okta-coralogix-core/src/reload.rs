//! Credentials that can be read anew while a program runs.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::Result;

type Read<T> = Arc<dyn Fn() -> Result<T> + Send + Sync>;

/// A credential, and where to read it again when the remote refuses it: from a file, for example, that a secret manager rewrites.
///
/// Its value is replaced as a whole; a request that is under way goes on with the one it began with.
pub struct Reloadable<T> {
    current: Mutex<Current<T>>,
    read: Option<Read<T>>,
}

struct Current<T> {
    value: Arc<T>,
    /// The remote has refused it, so that it is not tried at once again.
    is_refused: bool,
}

impl<T> Current<T> {
    fn new(value: T) -> Self {
        Self {
            value: Arc::new(value),
            is_refused: false,
        }
    }
}

impl<T> Reloadable<T> {
    /// A value that never changes.
    #[must_use]
    pub fn fixed(value: T) -> Self {
        Self {
            current: Mutex::new(Current::new(value)),
            read: None,
        }
    }

    /// The value that `read` gives now, and gives anew each time that it is [reloaded](Self::reload).
    ///
    /// # Errors
    /// That of `read`.
    pub fn read_from(read: impl Fn() -> Result<T> + Send + Sync + 'static) -> Result<Self> {
        Ok(Self {
            current: Mutex::new(Current::new(read()?)),
            read: Some(Arc::new(read)),
        })
    }

    /// The current value.
    #[must_use]
    pub fn get(&self) -> Arc<T> {
        Arc::clone(&self.lock().value)
    }

    fn lock(&self) -> MutexGuard<'_, Current<T>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: PartialEq + Send + Sync + 'static> Reloadable<T> {
    /// The remote refuses `refused`: reads the value anew, on a blocking thread. True if [`get`](Self::get) gives another one now, also
    /// since another caller was quicker, that was not refused yet. A value that cannot be read is logged, and the old one kept.
    pub async fn reload(&self, refused: &Arc<T>) -> bool {
        {
            let mut current = self.lock();
            if !Arc::ptr_eq(&current.value, refused) {
                return !current.is_refused;
            }
            current.is_refused = true;
        }
        let Some(read) = self.read.clone() else {
            return false;
        };
        let value = match tokio::task::spawn_blocking(move || read()).await {
            Ok(Ok(value)) => value,
            Ok(Err(error)) => {
                tracing::warn!(%error, "the refused credential cannot be read anew");
                return false;
            }
            // The runtime ends, or the reader panicked: there is nothing new.
            Err(_) => return false,
        };
        let mut current = self.lock();
        if *current.value != value {
            tracing::info!("the refused credential has changed, and is tried at once");
            *current = Current::new(value);
        }
        !current.is_refused
    }
}

/// Without the value, which is a secret.
impl<T> fmt::Debug for Reloadable<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reloadable")
            .field("is_fixed", &self.read.is_none())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::Error;

    #[tokio::test]
    async fn changed_value_is_read_once_for_all_callers() {
        let reads = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&reads);
        let values = ["old", "old", "new"];
        let secret = Reloadable::read_from(move || {
            let read = counted.fetch_add(1, Ordering::Relaxed);
            values
                .get(read)
                .copied()
                .ok_or_else(|| Error::config("the file", "is gone"))
        });
        let secret = secret.unwrap();
        let old = secret.get();
        assert!(!secret.reload(&old).await, "the same bytes");
        assert!(secret.reload(&old).await);
        assert!(secret.reload(&old).await, "another caller was quicker");
        assert_eq!((*secret.get(), reads.load(Ordering::Relaxed)), ("new", 3));
        let new = secret.get();
        assert!(!secret.reload(&new).await, "an unreadable one is kept");
        assert!(!secret.reload(&old).await, "the new one is refused too");
        assert_eq!(*secret.get(), "new");
    }

    #[tokio::test]
    async fn fixed_value_is_never_changed() {
        let secret = Reloadable::fixed("hunter2");
        assert!(!secret.reload(&secret.get()).await);
        assert!(!format!("{secret:?}").contains("hunter2"));
    }
}
