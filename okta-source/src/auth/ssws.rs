//! Okta API tokens, sent as `Authorization: SSWS …`.

use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use okta_coralogix_core::{Error, Result, Secret};

/// An API token, known to fit into a header.
#[derive(Debug)]
pub(crate) struct Ssws(Secret);

impl Ssws {
    /// Takes the token as it is shown once in the Admin Console; white space around it (the line break at the end of a file)
    /// is dropped.
    pub(crate) fn new(token: &Secret) -> Result<Self> {
        let token = token.expose().trim();
        let wrong = |what| Err(Error::config("api_token", what));
        if token.is_empty() {
            return wrong("is empty; write the API token of a Read-only or Report Administrator");
        }
        if token.len() > 5 && token.as_bytes()[..5].eq_ignore_ascii_case(b"SSWS ") {
            return wrong("begins with the word SSWS; write the token alone");
        }
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return wrong(
                "contains a space, a control character or a letter outside ASCII; copy the token again",
            );
        }
        Ok(Self(Secret::from(token)))
    }

    pub(crate) fn authorize(&self, headers: &mut HeaderMap) {
        // `new` let only visible ASCII through, so that this never fails.
        if let Ok(mut value) = HeaderValue::try_from(format!("SSWS {}", self.0.expose())) {
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_sent_marked_sensitive() {
        let mut headers = HeaderMap::new();
        Ssws::new(&Secret::from(" 00secret\n"))
            .unwrap()
            .authorize(&mut headers);
        assert_eq!(headers[AUTHORIZATION], "SSWS 00secret");
        assert!(headers[AUTHORIZATION].is_sensitive());
        assert!(!format!("{headers:?}").contains("secret"));
    }

    #[test]
    fn what_is_no_token_is_refused_without_repeating_it() {
        for wrong in [
            "",
            "  ",
            "SSWS 00secret",
            "00sec ret",
            "00sécret",
            "00sec\nret",
        ] {
            let error = Ssws::new(&Secret::from(wrong)).unwrap_err();
            assert!(error.detail().starts_with("api_token: "), "{error}");
            assert!(!format!("{error} {error:?}").contains("00s"), "{error}");
        }
    }
}
