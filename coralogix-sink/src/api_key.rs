//! The API key, as a setting or from a file.

use std::sync::Arc;

use http::HeaderValue;
use okta_coralogix_core::internal::Reloadable;
use okta_coralogix_core::internal::text::{MAX_SECRET_BYTES, quote_name, read_text_file};
use okta_coralogix_core::{Error, Secret};

/// The variable with the path of the key's file.
pub(crate) const KEY_FILE: &str = "CORALOGIX_API_KEY_FILE";

/// The setting of a key, for messages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KeySetting {
    /// Its name, as the user wrote it.
    pub(crate) name: &'static str,
    /// `a Send-Your-Data API key`.
    pub(crate) kind: &'static str,
}

/// Reads the key from the file that `variable` names.
pub(crate) fn read_key(variable: &str, path: &str) -> Result<Secret, Error> {
    read_text_file(path, MAX_SECRET_BYTES)
        .map(Secret::from)
        .map_err(|error| {
            let detail = format!(
                "the file {} cannot be read ({error}); write the path of a file with the key alone",
                quote_name(path)
            );
            Error::config(variable, detail)
        })
}

/// A key that can be sent, and its header.
#[derive(PartialEq, Eq)]
pub(crate) struct ApiKey {
    pub(crate) key: Secret,
    pub(crate) header: HeaderValue,
}

/// Gives the key, each time anew.
pub(crate) type KeyReader = Arc<dyn Fn() -> Result<Secret, Error> + Send + Sync>;

/// What a program thinks of a key, before it is sent; with the name of its setting.
pub(crate) type KeyCheck = Arc<dyn Fn(&str, &Secret) -> Result<(), Error> + Send + Sync>;

impl ApiKey {
    /// The key that is set, or that `read` gives now and at each refusal.
    pub(crate) fn reloadable(
        setting: KeySetting,
        key: Option<&Secret>,
        read: Option<KeyReader>,
        check: Option<KeyCheck>,
    ) -> Result<Reloadable<Self>, Error> {
        let new = move |key: &Secret| {
            if let Some(check) = &check {
                check(setting.name, key)?;
            }
            Self::new(setting, key)
        };
        match (key, read) {
            (Some(_), Some(_)) => {
                let detail = "it is set, and is to be read too; leave one of them out";
                Err(Error::config(setting.name, detail))
            }
            (None, Some(read)) => Reloadable::read_from(move || new(&read()?)),
            (Some(key), None) => Ok(Reloadable::fixed(new(key)?)),
            (None, None) => Ok(Reloadable::fixed(new(&Secret::from(""))?)),
        }
    }

    /// The key without the white space around it (a pasted line end), and its header.
    fn new(setting: KeySetting, written: &Secret) -> Result<Self, Error> {
        let KeySetting { name, kind } = setting;
        let written = written.expose().trim();
        if written.is_empty() {
            let detail = format!("it is missing; write {kind} (Coralogix, Settings, API Keys)");
            return Err(Error::config(name, detail));
        }
        // Visible ASCII: any other byte is a quote of a word processor, a line end, or between two keys.
        if !written.bytes().all(|byte| byte.is_ascii_graphic()) {
            let detail = "it has characters that are not valid in a header; write the key alone, without quotes or blanks";
            return Err(Error::config(name, detail));
        }
        let header = Secret::from(format!("Bearer {written}"));
        let mut header = HeaderValue::from_str(header.expose())
            .map_err(|_| Error::config(name, "it is not valid in a header"))?;
        header.set_sensitive(true);
        Ok(Self {
            key: Secret::from(written),
            header,
        })
    }
}
