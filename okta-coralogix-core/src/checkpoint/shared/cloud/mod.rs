//! The object stores of clouds: S3 and what speaks its protocol, Google Cloud Storage, Azure Blob Storage.

mod address;
mod error;
mod http;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use object_store::path::Path;
use object_store::{
    GetOptions, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload, UpdateVersion,
};
use serde::{Deserialize, Serialize};

use self::address::{Address, Cloud};
use self::error::failed;
use super::objects::{Objects, PutIf, StoredObject};
use crate::Result;
use crate::checkpoint::Version;
use crate::transport::Transport;

/// Google takes one write of an object in a second, says its page of quotas, and answers 429 to more.
const GOOGLE_PUT_INTERVAL: Duration = Duration::from_millis(1_050);

/// Objects in a bucket or container. Clones are the same.
#[derive(Debug, Clone)]
pub struct CloudObjects {
    store: Arc<dyn ObjectStore>,
    address: Address,
}

/// What tells the versions of an object apart: S3 and Azure go by the ETag, Google by the generation.
#[derive(Serialize, Deserialize)]
struct Token {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    generation: Option<String>,
}

impl CloudObjects {
    /// The place at `url`: `s3://bucket/folder`, `gs://bucket/folder` or `az://container/folder`. Requests go through `transport`.
    ///
    /// Credentials, region and endpoint are in `variables`, which are those of the process, as programs of the cloud name them:
    /// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, `AWS_REGION`, `AWS_ENDPOINT_URL`, `AWS_WEB_IDENTITY_TOKEN_FILE`;
    /// `GOOGLE_APPLICATION_CREDENTIALS`, `GOOGLE_SERVICE_ACCOUNT`; `AZURE_STORAGE_ACCOUNT_NAME`, `AZURE_STORAGE_ACCOUNT_KEY` and the like.
    /// Without any, the machine is asked for those of its role. The files of AWS's command line are not read.
    ///
    /// # Errors
    /// `Config` if the address is none, or the settings do not suffice.
    pub fn open(
        url: &str,
        variables: impl IntoIterator<Item = (String, String)>,
        transport: impl Transport,
    ) -> Result<Self> {
        let address = Address::parse(url)?;
        let variables: Vec<_> = variables.into_iter().collect();
        let store = address.open(&variables, Arc::new(transport))?;
        Ok(Self { store, address })
    }

    fn path(&self, name: &str) -> Path {
        self.address.folder.clone().join(name)
    }
}

#[async_trait]
impl Objects for CloudObjects {
    async fn get(&self, name: &str) -> Result<Option<StoredObject>> {
        let failed = |error| failed(&self.address, "read", name, error);
        let found = match self
            .store
            .get_opts(&self.path(name), GetOptions::default())
            .await
        {
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            found => found.map_err(failed)?,
        };
        let version = version(found.meta.e_tag.clone(), found.meta.version.clone());
        let bytes = found.bytes().await.map_err(failed)?;
        Ok(Some(StoredObject::new(bytes, version)))
    }

    async fn put(&self, name: &str, bytes: Bytes, condition: PutIf) -> Result<Version> {
        let mode = match condition {
            PutIf::Absent => PutMode::Create,
            PutIf::Unchanged(version) => PutMode::Update(update_version(&version)),
        };
        let options = PutOptions::from(mode);
        let payload = PutPayload::from_bytes(bytes);
        let put = self
            .store
            .put_opts(&self.path(name), payload, options)
            .await;
        let put = put.map_err(|error| failed(&self.address, "write", name, error))?;
        Ok(version(put.e_tag, put.version))
    }

    async fn delete(&self, name: &str) -> Result<()> {
        match self.store.delete(&self.path(name)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(failed(&self.address, "remove", name, error)),
        }
    }

    async fn names(&self, prefix: &str) -> Result<Vec<String>> {
        let listed = self
            .store
            .list_with_delimiter(Some(&self.address.folder))
            .await;
        let listed = listed.map_err(|error| failed(&self.address, "list", "", error))?;
        let names = listed
            .objects
            .iter()
            .filter_map(|object| object.location.filename());
        let names = names.filter(|name| name.starts_with(prefix));
        Ok(names.map(str::to_owned).collect())
    }

    fn put_interval(&self) -> Duration {
        match self.address.cloud {
            Cloud::Google => GOOGLE_PUT_INTERVAL,
            Cloud::S3 | Cloud::Azure => Duration::ZERO,
        }
    }

    fn location(&self) -> String {
        self.address.to_string()
    }
}

fn version(etag: Option<String>, generation: Option<String>) -> Version {
    let token = Token { etag, generation };
    // Two texts cannot fail.
    Version::new(serde_json::to_string(&token).unwrap_or_default())
}

fn update_version(version: &Version) -> UpdateVersion {
    let token = serde_json::from_str(version.as_str()).unwrap_or(Token {
        etag: Some(version.as_str().to_owned()),
        generation: None,
    });
    UpdateVersion {
        e_tag: token.etag,
        version: token.generation,
    }
}
