//! Okta API tokens, sent as `Authorization: SSWS …`.

use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use okta_coralogix_core::Secret;
use thiserror::Error;

/// An API token, known to fit into a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiToken(Secret);

/// Why a text is no API token. Each message is one sentence that names the error and the text to write instead. None repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ApiTokenError {
    /// Empty.
    #[error("is empty; write the API token of a Read-only or Report Administrator")]
    Empty,
    /// The scheme that precedes a token in a request.
    #[error("begins with the word SSWS; write the token alone")]
    Scheme,
    /// White space or something else that no token has.
    #[error(
        "contains a space, a control character or a letter outside ASCII; copy the token again"
    )]
    Character,
}

impl ApiToken {
    /// Takes the token as it is shown once in the Admin Console; white space around it (the line break at the end of a
    /// file) is dropped.
    ///
    /// # Errors
    /// [`ApiTokenError`] if it cannot be one.
    pub fn parse(token: &Secret) -> Result<Self, ApiTokenError> {
        let token = token.expose().trim();
        if token.is_empty() {
            return Err(ApiTokenError::Empty);
        }
        if token.len() > 5 && token.as_bytes()[..5].eq_ignore_ascii_case(b"SSWS ") {
            return Err(ApiTokenError::Scheme);
        }
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ApiTokenError::Character);
        }
        Ok(Self(Secret::from(token)))
    }

    pub(crate) fn secret(&self) -> &Secret {
        &self.0
    }

    pub(crate) fn authorize(&self, headers: &mut HeaderMap) {
        // `parse` let only visible ASCII through, so that this never fails.
        if let Ok(mut value) = HeaderValue::try_from(format!("SSWS {}", self.0.expose())) {
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
    }
}

impl From<ApiTokenError> for okta_coralogix_core::Error {
    fn from(error: ApiTokenError) -> Self {
        Self::config("api_token", error).with_source(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn api_token_is_sent_marked_sensitive() {
        let mut headers = HeaderMap::new();
        ApiToken::parse(&Secret::from(" 00secret\n"))
            .unwrap()
            .authorize(&mut headers);
        assert_eq!(headers[AUTHORIZATION], "SSWS 00secret");
        assert!(headers[AUTHORIZATION].is_sensitive());
        assert!(!format!("{headers:?}").contains("secret"));
    }

    #[test]
    fn api_token_that_is_malformed_is_refused_and_not_repeated() {
        for wrong in [
            "",
            "  ",
            "SSWS 00secret",
            "00sec ret",
            "00sécret",
            "00sec\nret",
        ] {
            let error = ApiToken::parse(&Secret::from(wrong)).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("00s"), "{error}");
        }
    }
}
