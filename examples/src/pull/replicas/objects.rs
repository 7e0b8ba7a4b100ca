//! The store behind an address: a folder, or an object store where the program is built with them.

use std::path::{Path, PathBuf};

use okta_coralogix_core::checkpoint::shared::{FolderObjects, SharedStore};
use okta_coralogix_core::{Error, Result};

use crate::program::{Environment, Network};

/// Where the positions are.
#[derive(Debug, Clone)]
pub(super) enum Place {
    Folder(PathBuf),
    #[cfg(feature = "object-store")]
    Cloud(Box<Cloud>),
}

/// An object store.
#[cfg(feature = "object-store")]
#[derive(Clone)]
pub(super) struct Cloud {
    url: String,
    /// With credentials.
    variables: Vec<(String, String)>,
    network: Network,
}

#[cfg(feature = "object-store")]
impl std::fmt::Debug for Cloud {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cloud")
    }
}

impl Place {
    /// Of an address: what has no scheme is a folder.
    ///
    /// # Errors
    /// `Config` of `state`, if the program is built without object stores, and for a variable of the cloud that is no text.
    pub(super) fn read(
        address: &str,
        environment: &Environment,
        network: &Network,
    ) -> Result<Self> {
        match address.contains("://") {
            true => Self::cloud(address, environment, network),
            false => Ok(Self::Folder(address.into())),
        }
    }

    #[cfg(not(feature = "object-store"))]
    fn cloud(_: &str, _: &Environment, _: &Network) -> Result<Self> {
        let detail = "is the address of an object store, and this program was built without them; build it with \
                      the feature object-store, or name a folder that all replicas reach";
        Err(Error::config("state", detail))
    }

    #[cfg(feature = "object-store")]
    fn cloud(url: &str, environment: &Environment, network: &Network) -> Result<Self> {
        let mut variables = Vec::new();
        for name in environment.names() {
            let is_of_a_cloud = ["AWS_", "AZURE_", "GOOGLE_", "IDENTITY_", "MSI_"]
                .iter()
                .any(|of| name.starts_with(of));
            if is_of_a_cloud && let Some(value) = environment.get(name)? {
                variables.push((name.clone(), value));
            }
        }
        Ok(Self::Cloud(Box::new(Cloud {
            url: url.to_owned(),
            variables,
            network: network.clone(),
        })))
    }

    /// Makes no request.
    pub(super) async fn open(&self) -> Result<SharedStore> {
        match self {
            Self::Folder(folder) => open_folder(folder).await,
            #[cfg(feature = "object-store")]
            Self::Cloud(cloud) => {
                use okta_coralogix_core::checkpoint::shared::CloudObjects;
                let (variables, transport) = (cloud.variables.clone(), cloud.network.transport());
                let objects = CloudObjects::open(&cloud.url, variables, transport)?;
                Ok(SharedStore::new(objects))
            }
        }
    }
}

/// It is not created: where a file system is not mounted, each machine would have a folder of its own, and all would read every org.
async fn open_folder(folder: &Path) -> Result<SharedStore> {
    let looked_at = folder.to_owned();
    let found = tokio::task::spawn_blocking(move || std::fs::metadata(looked_at)).await;
    let wrong = |what: String| {
        let detail = format!("{} {what}", folder.display());
        Error::config("state", detail)
    };
    match found.unwrap_or_else(|ended| Err(std::io::Error::other(ended))) {
        Ok(found) if found.is_dir() => Ok(SharedStore::new(FolderObjects::open(folder).await?)),
        Ok(_) => Err(wrong(
            "is a file; name a folder that all replicas reach, or write s3://bucket/folder"
                .to_owned(),
        )),
        Err(error) => Err(wrong(format!(
            "cannot be used as a folder ({error}); create it on the file system that all replicas share, or write s3://bucket/folder"
        ))),
    }
}
