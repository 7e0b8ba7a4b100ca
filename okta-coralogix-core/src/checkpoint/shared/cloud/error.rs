//! Errors of object stores as sentences.

use std::error::Error as _;

use object_store::Error as StoreError;

use super::address::{Address, Cloud};
use crate::secret_form::hide_secrets;
use crate::text::sanitize;
use crate::{Error, ErrorKind};

/// What the clouds call a credential that is wrong or has expired, in a 400 or 403.
const OF_CREDENTIALS: [&str; 6] = [
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidToken",
    "SignatureDoesNotMatch",
    "AuthenticationFailed",
    "InvalidAuthenticationInfo",
];

/// And a bucket that is in another region.
const OF_REGION: [&str; 4] = [
    "PermanentRedirect",
    "TemporaryRedirect",
    "AuthorizationHeaderMalformed",
    "IllegalLocationConstraintException",
];

const NO_BUCKET: (ErrorKind, &str) = (
    ErrorKind::Config,
    "the bucket may not be there; create it, or correct the address",
);

/// The longest text of a store that is repeated.
const MAX_TEXT: usize = 300;

/// Something was to be done with an object. The kind says who has to act; that a put failed is no evidence that it was not stored.
pub(super) fn failed(address: &Address, action: &str, name: &str, error: StoreError) -> Error {
    let object = match name {
        "" => address.to_string(),
        name => format!("{address}/{name}"),
    };
    let (kind, remedy) = judge(address.cloud, &error);
    let detail = format!("cannot {action} {object} ({}): {remedy}", text(&error));
    let failed = match kind {
        ErrorKind::RemoteStorage => Error::temporary(kind, detail),
        _ => Error::new(kind, detail),
    };
    failed.with_source(error)
}

/// Whose fault it is, and what to do.
fn judge(cloud: Cloud, error: &StoreError) -> (ErrorKind, &'static str) {
    let text = whole_text(error);
    // Not a number or word alone: times, names and ids of requests have any.
    let is_code = |code: &&str| text.contains(&format!("<Code>{code}</Code>"));
    let has = |codes: &[&str]| codes.iter().any(is_code);
    match error {
        _ if has(&OF_CREDENTIALS) => (ErrorKind::Unauthorized, credentials(cloud)),
        _ if has(&OF_REGION) || text.contains("redirect without LOCATION") => (
            ErrorKind::Config,
            "the bucket is in another region; set AWS_REGION to that",
        ),
        _ if has(&["RequestTimeTooSkewed"]) => (
            ErrorKind::Config,
            "the clock of this machine is wrong; set it, by NTP",
        ),
        StoreError::Unauthenticated { .. } => (ErrorKind::Unauthorized, credentials(cloud)),
        StoreError::PermissionDenied { .. } => (ErrorKind::Forbidden, permissions(cloud)),
        _ if has(&["NoSuchBucket", "ContainerNotFound"]) => NO_BUCKET,
        StoreError::NotFound { .. } => NO_BUCKET,
        StoreError::NotImplemented { .. } | StoreError::NotSupported { .. } => (
            ErrorKind::Config,
            "the store lacks what a shared checkpoint needs; use another one",
        ),
        _ => (ErrorKind::RemoteStorage, "it is tried again"),
    }
}

fn credentials(cloud: Cloud) -> &'static str {
    match cloud {
        Cloud::S3 => {
            "AWS refuses the credentials; renew AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or unset them to use \
             the role of this machine"
        }
        Cloud::Google => {
            "Google refuses the credentials; renew the file of GOOGLE_APPLICATION_CREDENTIALS, or unset it to use the account of this \
             machine"
        }
        Cloud::Azure => {
            "Azure refuses the credentials; renew AZURE_STORAGE_ACCOUNT_KEY or the client's secret, or unset them to use the identity \
             of this machine"
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

/// What the store says, with its causes.
fn whole_text(error: &StoreError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    text
}

/// The same for a message: without a secret, and not too long.
pub(super) fn text(error: &StoreError) -> String {
    let text = whole_text(error);
    let text = sanitize(&text);
    let mut text = hide_secrets(&text).into_owned();
    if let Some((end, _)) = text.char_indices().nth(MAX_TEXT) {
        text.truncate(end);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generic(text: &str) -> StoreError {
        StoreError::Generic {
            store: "S3",
            source: text.into(),
        }
    }

    #[test]
    fn fault_of_a_store_is_told_by_its_code_alone() {
        let denied = |text: &str| StoreError::PermissionDenied {
            path: "acme".to_owned(),
            source: text.into(),
        };
        for (error, kind, says) in [
            (
                generic(
                    "Error performing PUT https://x/301/acme in 45.301512ms: 503 <Code>SlowDown</Code>",
                ),
                ErrorKind::RemoteStorage,
                "it is tried again",
            ),
            (
                generic("400: <Code>ExpiredToken</Code>"),
                ErrorKind::Unauthorized,
                "AWS_SESSION_TOKEN",
            ),
            (
                denied("403: <Code>SignatureDoesNotMatch</Code>"),
                ErrorKind::Unauthorized,
                "AWS_SECRET_ACCESS_KEY",
            ),
            (
                denied("403: <Code>AccessDenied</Code>"),
                ErrorKind::Forbidden,
                "s3:PutObject",
            ),
            (
                denied("403: <Code>RequestTimeTooSkewed</Code>"),
                ErrorKind::Config,
                "the clock of this machine",
            ),
            (
                generic(
                    "Received redirect without LOCATION, this normally indicates an incorrect region",
                ),
                ErrorKind::Config,
                "set AWS_REGION",
            ),
        ] {
            let address = Address::parse("s3://bucket/okta").unwrap();
            let failed = failed(&address, "write", "acme", error);
            assert_eq!(failed.kind(), kind, "{failed}");
            assert!(failed.detail().contains(says), "{failed}");
            let begins = "cannot write s3://bucket/okta/acme (";
            assert!(failed.detail().starts_with(begins), "{failed}");
        }
    }
}
