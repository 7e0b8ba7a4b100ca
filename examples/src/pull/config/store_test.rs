//! The test of the store that replicas share.

use std::sync::{Mutex, PoisonError};

use okta_coralogix_core::checkpoint::shared::SharedStore;
use okta_coralogix_core::{Error, Result};
use tokio::sync::OnceCell;

/// The test of the store, made until it has passed.
#[derive(Debug, Default)]
pub struct StoreTest {
    passed: OnceCell<()>,
    /// Why it could not be made, as it was said last: all orgs wait for one store.
    said: Mutex<Option<String>>,
}

impl StoreTest {
    /// Tests the store, unless that was done. One that is away is tested later.
    ///
    /// # Errors
    /// Those of [`SharedStore::check`].
    pub(in super::super) async fn check(&self, store: &SharedStore) -> Result<()> {
        match self.pass(store).await {
            Err(error) if error.is_temporary() => Ok(()),
            passed => passed,
        }
    }

    /// As [`check`](Self::check); a store that is away is an error too.
    pub(super) async fn pass(&self, store: &SharedStore) -> Result<()> {
        let passed = self.passed.get_or_try_init(|| store.check()).await;
        if let Err(error) = &passed
            && error.is_temporary()
            && self.is_new(error)
        {
            tracing::warn!("the store of the positions is away, and is waited for: {error}");
        }
        passed.copied()
    }

    /// True unless this reason is the one that was said last.
    fn is_new(&self, error: &Error) -> bool {
        let reason = reason_of(error);
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.replace(reason.clone()) != Some(reason)
    }
}

/// What stays the same from one attempt to the next: without numbers, and the object's name, which is drawn for each test.
fn reason_of(error: &Error) -> String {
    let text = error.to_string();
    let words = text.split(' ').filter(|word| !word.contains("self-test"));
    let words: Vec<_> = words.collect();
    words
        .join(" ")
        .replace(|char: char| char.is_ascii_digit(), "")
}

#[cfg(test)]
mod tests {
    use okta_coralogix_core::ErrorKind;

    use super::*;

    #[test]
    fn store_that_is_away_is_told_once_for_each_reason() {
        let test = StoreTest::default();
        let away = |detail: &str| Error::temporary(ErrorKind::Storage, detail);
        assert!(test.is_new(&away("s3://b/self-test-01ab has not answered in 5000 ms")));
        assert!(!test.is_new(&away("s3://b/self-test-77f0 has not answered in 5003 ms")));
        assert!(test.is_new(&away("s3://b cannot be reached")));
        assert!(test.is_new(&away("s3://b/self-test-77f0 has not answered in 5000 ms")));
    }
}
