//! Errors of object stores as sentences.

use std::error::Error as _;

use object_store::Error as StoreError;

use super::address::{Address, Cloud};
use crate::secret_form::hide_secrets;
use crate::text::sanitize;
use crate::{Error, ErrorKind};

/// The longest text of a store that is repeated.
const MAX_TEXT: usize = 300;

/// Something was to be done with an object. The kind says who has to act; that a put failed is no evidence that it was not stored.
pub(super) fn failed(address: &Address, action: &str, name: &str, error: StoreError) -> Error {
    let object = match name {
        "" => address.to_string(),
        name => format!("{address}/{name}"),
    };
    let said = text(&error);
    let cannot = |remedy: &str| format!("cannot {action} {object} ({said}): {remedy}");
    let (kind, detail) = match &error {
        StoreError::Unauthenticated { .. } => {
            (ErrorKind::Unauthorized, cannot(credentials(address.cloud)))
        }
        StoreError::PermissionDenied { .. } if said.contains("ExpiredToken") => {
            (ErrorKind::Unauthorized, cannot(credentials(address.cloud)))
        }
        StoreError::PermissionDenied { .. } => {
            (ErrorKind::Forbidden, cannot(permissions(address.cloud)))
        }
        StoreError::NotFound { .. } => (
            ErrorKind::Config,
            cannot("the bucket may not be there; create it, or correct the address"),
        ),
        StoreError::NotImplemented { .. } | StoreError::NotSupported { .. } => (
            ErrorKind::Config,
            cannot("the store lacks what a shared checkpoint needs; use another one"),
        ),
        _ if said.contains("301") || said.contains("PermanentRedirect") => (
            ErrorKind::Config,
            cannot("the bucket is in another region; set AWS_REGION to that"),
        ),
        _ => (ErrorKind::RemoteStorage, cannot("it is tried again")),
    };
    let failed = match kind {
        ErrorKind::RemoteStorage => Error::temporary(kind, detail),
        _ => Error::new(kind, detail),
    };
    failed.with_source(error)
}

fn credentials(cloud: Cloud) -> &'static str {
    match cloud {
        Cloud::S3 => {
            "AWS refuses the credentials; renew AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or unset them to use the role of this machine"
        }
        Cloud::Google => {
            "Google refuses the credentials; renew the file of GOOGLE_APPLICATION_CREDENTIALS, or unset it to use the account of this machine"
        }
        Cloud::Azure => {
            "Azure refuses the credentials; renew AZURE_STORAGE_ACCOUNT_KEY or the client's secret, or unset them to use the identity of this machine"
        }
    }
}

fn permissions(cloud: Cloud) -> &'static str {
    match cloud {
        Cloud::S3 => {
            "allow s3:GetObject, s3:PutObject and s3:DeleteObject on the objects of the folder, and s3:ListBucket on the bucket"
        }
        Cloud::Google => {
            "allow storage.objects.get, create, update, delete and list (Storage Object User) on the bucket"
        }
        Cloud::Azure => "give the identity the role Storage Blob Data Contributor on the container",
    }
}

/// What the store says, with its causes, without a secret.
pub(super) fn text(error: &StoreError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    let text = sanitize(&text);
    let mut text = hide_secrets(&text).into_owned();
    if let Some((end, _)) = text.char_indices().nth(MAX_TEXT) {
        text.truncate(end);
        text.push('…');
    }
    text
}
