//! What a shared checkpoint needs of an object store.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::Result;
use crate::checkpoint::Version;

/// An object as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredObject {
    /// Its content.
    pub bytes: Bytes,
    /// The version that a following put expects.
    pub version: Version,
}

impl StoredObject {
    /// With this content, under this version.
    #[must_use]
    pub fn new(bytes: impl Into<Bytes>, version: Version) -> Self {
        let bytes = bytes.into();
        Self { bytes, version }
    }
}

/// When an object is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PutIf {
    /// Only if there is none of this name (`If-None-Match: *`).
    Absent,
    /// Only if it has this version (`If-Match`).
    Unchanged(Version),
}

/// Objects by name, in one place of an object store. Names have no folder: letters, digits, `-`, `_` and `.`.
///
/// # Implementing
/// 1. **A put is atomic and conditional.** Of puts with the same condition at most one is stored, whichever process they come from, and
///    each reader sees the old object or the new one. A store that ignores conditions gives two leaders;
///    [`SharedStore::check`](super::SharedStore::check) finds it.
/// 2. **A put is tried once.** A client that repeats it by itself takes its own first attempt for another writer's.
/// 3. **Any error may follow a put that was stored,** also one that says that the condition failed. The caller reads the object back; it
///    needs no kinds of errors for that.
/// 4. **A read gives what was last stored,** by whichever process. No cache stands between.
/// 5. **Each call ends**: by a time-out of its own, or when its future is dropped.
#[async_trait]
pub trait Objects: Send + Sync + 'static {
    /// The object; `None`: there is none of this name.
    ///
    /// # Errors
    /// If the store cannot be asked, or refuses.
    async fn get(&self, name: &str) -> Result<Option<StoredObject>>;

    /// Writes an object, if the condition holds.
    ///
    /// # Errors
    /// If it was not written, or may not have been: see the rules.
    async fn put(&self, name: &str, bytes: Bytes, condition: PutIf) -> Result<Version>;

    /// Removes an object. None of this name is there: `Ok`.
    ///
    /// # Errors
    /// If it may be there still.
    async fn delete(&self, name: &str) -> Result<()>;

    /// The names that begin so, in any order.
    ///
    /// # Errors
    /// If the store cannot be asked, or refuses.
    async fn names(&self, prefix: &str) -> Result<Vec<String>>;

    /// The time from the end of one put to the next of the same object, at least; zero where the store has no such limit. Google Cloud
    /// Storage takes one a second.
    fn put_interval(&self) -> Duration;

    /// Where it is, for messages: an address without a credential.
    fn location(&self) -> String;
}

debug_by_name!(Objects);

macro_rules! forward {
    ($($pointer:ident)*) => {$(
        #[async_trait]
        impl<O: Objects + ?Sized> Objects for $pointer<O> {
            async fn get(&self, name: &str) -> Result<Option<StoredObject>> {
                (**self).get(name).await
            }

            async fn put(&self, name: &str, bytes: Bytes, condition: PutIf) -> Result<Version> {
                (**self).put(name, bytes, condition).await
            }

            async fn delete(&self, name: &str) -> Result<()> {
                (**self).delete(name).await
            }

            async fn names(&self, prefix: &str) -> Result<Vec<String>> {
                (**self).names(prefix).await
            }

            fn put_interval(&self) -> Duration {
                (**self).put_interval()
            }

            fn location(&self) -> String {
                (**self).location()
            }
        }
    )*};
}

forward!(Arc Box);
