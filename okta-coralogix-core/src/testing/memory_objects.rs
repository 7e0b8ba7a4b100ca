//! An object store in memory, with the faults of real ones.

use std::collections::BTreeMap;
use std::fmt;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::checkpoint::Version;
use crate::checkpoint::shared::{Objects, PutIf, StoredObject};
use crate::{Error, ErrorKind, Result};

/// What happens to a call of [`MemoryObjects`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ObjectFault {
    /// It is done, after this time.
    Slow(Duration),
    /// It is not done: an error.
    NotDone,
    /// It is done, and the answer is an error all the same.
    DoneWithError,
    /// There is no answer, and after this time it is done.
    DoneLate(Duration),
}

/// A call that a fault can meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ObjectCall {
    /// [`Objects::get`] and [`Objects::names`].
    Read,
    /// [`Objects::put`].
    Put,
    /// [`Objects::delete`].
    Delete,
}

type Script = dyn FnMut(ObjectCall, &str) -> Option<ObjectFault> + Send;

/// Objects in memory. Clones and [handles](Self::handle) are of the same objects. The version of an object is a digest of its bytes, as S3's
/// ETag is: equal bytes have the same one.
#[derive(Clone)]
pub struct MemoryObjects {
    store: Arc<Mutex<Store>>,
    script: Arc<Mutex<Box<Script>>>,
    /// True while no call of this handle begins or ends.
    frozen: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct Store {
    objects: BTreeMap<String, Bytes>,
    puts: Vec<StoredPut>,
    calls: u64,
    ignores_conditions: bool,
    put_interval: Duration,
    refused_puts: u64,
}

/// A put that was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredPut {
    /// When.
    pub at: std::time::Instant,
    /// The object.
    pub name: String,
    /// Its content from then on.
    pub bytes: Bytes,
}

impl MemoryObjects {
    /// None, without faults.
    #[must_use]
    pub fn new() -> Self {
        Self::of(Arc::default())
    }

    fn of(store: Arc<Mutex<Store>>) -> Self {
        Self {
            store,
            script: Arc::new(Mutex::new(Box::new(|_, _| None))),
            frozen: watch::Sender::new(false),
        }
    }

    /// The same objects, for another replica: with faults and pauses of its own.
    #[must_use]
    pub fn handle(&self) -> Self {
        Self::of(Arc::clone(&self.store))
    }

    /// Asks `script` before each call of this handle what happens to it; `None`: it is done.
    pub fn set_script(
        &self,
        script: impl FnMut(ObjectCall, &str) -> Option<ObjectFault> + Send + 'static,
    ) {
        *lock(&self.script) = Box::new(script);
    }

    /// Stops all calls of this handle before they are done, or lets them go on: its process is paused.
    pub fn set_frozen(&self, frozen: bool) {
        self.frozen.send_replace(frozen);
    }

    /// Makes it a store without conditional puts.
    pub fn ignore_conditions(&self) {
        lock(&self.store).ignores_conditions = true;
    }

    /// Makes it a store that refuses a put of an object which was written less than this ago.
    pub fn limit_puts(&self, interval: Duration) {
        lock(&self.store).put_interval = interval;
    }

    /// How many puts came too soon.
    #[must_use]
    pub fn refused_puts(&self) -> u64 {
        lock(&self.store).refused_puts
    }

    /// All puts that were stored, in order.
    #[must_use]
    pub fn puts(&self) -> Vec<StoredPut> {
        lock(&self.store).puts.clone()
    }

    /// How many calls were made, of all handles.
    #[must_use]
    pub fn calls(&self) -> u64 {
        lock(&self.store).calls
    }

    /// The content of an object.
    #[must_use]
    pub fn content(&self, name: &str) -> Option<Bytes> {
        lock(&self.store).objects.get(name).cloned()
    }

    /// Replaces an object, whatever is there: by a person, or another program.
    pub fn overwrite(&self, name: &str, bytes: impl Into<Bytes>) {
        lock(&self.store)
            .objects
            .insert(name.to_owned(), bytes.into());
    }

    /// Does `work` under the fault that the script has for it.
    async fn call<T: Send + 'static>(
        &self,
        call: ObjectCall,
        name: &str,
        work: impl FnOnce(&mut Store) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let fault = (lock(&self.script))(call, name);
        let mut frozen = self.frozen.subscribe();
        // The sender is alive as long as this is.
        frozen.wait_for(|frozen| !frozen).await.ok();
        lock(&self.store).calls += 1;
        let failed = || Error::temporary(ErrorKind::Storage, "the store has failed");
        let answer = match fault {
            None => work(&mut lock(&self.store)),
            Some(ObjectFault::Slow(time)) => {
                sleep(time).await;
                work(&mut lock(&self.store))
            }
            Some(ObjectFault::NotDone) => Err(failed()),
            Some(ObjectFault::DoneWithError) => {
                work(&mut lock(&self.store)).ok();
                Err(failed())
            }
            Some(ObjectFault::DoneLate(time)) => {
                let store = Arc::clone(&self.store);
                tokio::spawn(async move {
                    sleep(time).await;
                    work(&mut lock(&store)).ok();
                });
                pending().await
            }
        };
        frozen.wait_for(|frozen| !frozen).await.ok();
        answer
    }
}

impl Default for MemoryObjects {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryObjects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryObjects")
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Objects for MemoryObjects {
    async fn get(&self, name: &str) -> Result<Option<StoredObject>> {
        let wanted = name.to_owned();
        let get = move |store: &mut Store| {
            let found = store.objects.get(&wanted).cloned();
            Ok(found.map(|bytes| StoredObject::new(bytes.clone(), version(&bytes))))
        };
        self.call(ObjectCall::Read, name, get).await
    }

    async fn put(&self, name: &str, bytes: Bytes, condition: PutIf) -> Result<Version> {
        let key = name.to_owned();
        let put = move |store: &mut Store| {
            let found = store.objects.get(&key).map(version);
            let now = Instant::now().into_std();
            let interval = store.put_interval;
            let is_last = |put: &&StoredPut| put.name == key && now < put.at + interval;
            if !interval.is_zero() && store.puts.iter().rev().any(|put| is_last(&put)) {
                store.refused_puts += 1;
                return Err(Error::temporary(
                    ErrorKind::RateLimited,
                    "too many writes of one object",
                ));
            }
            let holds = match condition {
                PutIf::Absent => found.is_none(),
                PutIf::Unchanged(expected) => found == Some(expected),
            };
            if !holds && !store.ignores_conditions {
                return Err(Error::new(
                    ErrorKind::Conflict,
                    "the condition does not hold",
                ));
            }
            store.puts.push(StoredPut {
                at: now,
                name: key.clone(),
                bytes: bytes.clone(),
            });
            let version = version(&bytes);
            store.objects.insert(key, bytes);
            Ok(version)
        };
        self.call(ObjectCall::Put, name, put).await
    }

    async fn delete(&self, name: &str) -> Result<()> {
        let key = name.to_owned();
        let delete = move |store: &mut Store| {
            store.objects.remove(&key);
            Ok(())
        };
        self.call(ObjectCall::Delete, name, delete).await
    }

    async fn names(&self, prefix: &str) -> Result<Vec<String>> {
        let wanted = prefix.to_owned();
        let names = move |store: &mut Store| {
            let names = store.objects.keys();
            let names = names.filter(|name| name.starts_with(&wanted));
            Ok(names.cloned().collect())
        };
        self.call(ObjectCall::Read, prefix, names).await
    }

    fn put_interval(&self) -> Duration {
        lock(&self.store).put_interval
    }

    fn location(&self) -> String {
        "memory".to_owned()
    }
}

fn version(bytes: &Bytes) -> Version {
    Version::new(STANDARD.encode(Sha256::digest(bytes)))
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
