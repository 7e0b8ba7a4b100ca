//! Signs in with the credentials, and with changed ones once Okta refuses them.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use chrono::TimeDelta;
use http::Request;
use okta_coralogix_core::internal::Reloadable;
use okta_coralogix_core::internal::exchange::Verdict;
use okta_coralogix_core::{Clock, Error, ErrorKind, Result};

use super::api_token::ApiToken;
use super::credentials::{Credentials, Kind};
use super::http_context::{HttpContext, RequestError};
use super::oauth::OAuth;
use super::redact::redacted;
use crate::api::judged::{Endpoint, Judged, see};

/// The authentication for one org.
///
/// Each request is signed with the credentials as they were last read. They are read anew when Okta itself refuses them, and only then. If
/// they have changed, the same request goes out once more, with a session of its own: no access token and no key of proofs is taken
/// over.
#[derive(Debug)]
pub(crate) struct Auth {
    credentials: Arc<Reloadable<Credentials>>,
    clock: Arc<dyn Clock>,
    session: Mutex<Arc<Session>>,
}

/// What belongs to one reading of the credentials.
#[derive(Debug)]
struct Session {
    credentials: Arc<Credentials>,
    method: Method,
}

#[derive(Debug)]
enum Method {
    ApiToken(ApiToken),
    /// A service app, and its access token.
    OAuth(Box<OAuth>),
}

impl Auth {
    pub(crate) fn new(
        credentials: Arc<Reloadable<Credentials>>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        let session = Session::new(credentials.get(), &clock, TimeDelta::zero())?;
        Ok(Self {
            credentials,
            clock,
            session: Mutex::new(Arc::new(session)),
        })
    }

    /// Sends a request to the org with the credential, and reads the whole answer. Copies of the credential are redacted out of it.
    ///
    /// # Errors
    /// Temporary, if there is no complete answer. With a service app also if there is no access token, or if the token is refused;
    /// an API token that is refused is an answer like any other.
    pub(crate) async fn send(
        &self,
        context: &HttpContext,
        request: Request<Bytes>,
    ) -> Result<Judged, RequestError> {
        let session = self.session()?;
        let sent = session.send(context, request.clone()).await;
        if !is_refusal_of_credential(&sent) {
            return sent;
        }
        if !self.credentials.reload(&session.credentials).await {
            return session.named(sent);
        }
        tracing::info!(org = %context.org, "Okta refused the credential, which has changed since it was read; the new one is tried");
        let session = self.session()?;
        session.named(session.send(context, request).await)
    }

    /// The session of the credentials as they are now.
    fn session(&self) -> Result<Arc<Session>> {
        let credentials = self.credentials.get();
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        if !Arc::ptr_eq(&session.credentials, &credentials) {
            *session = Arc::new(Session::new(credentials, &self.clock, session.offset())?);
        }
        Ok(Arc::clone(&session))
    }
}

impl Session {
    /// `offset`: the org's clock less the host's, as far as it is known.
    fn new(
        credentials: Arc<Credentials>,
        clock: &Arc<dyn Clock>,
        offset: TimeDelta,
    ) -> Result<Self> {
        let method = match credentials.kind.clone() {
            Kind::ApiToken(token) => Method::ApiToken(token),
            Kind::ServiceApp(app) => {
                Method::OAuth(Box::new(OAuth::new(*app, Arc::clone(clock), offset)?))
            }
        };
        Ok(Self {
            credentials,
            method,
        })
    }

    fn offset(&self) -> TimeDelta {
        match &self.method {
            Method::ApiToken(_) => TimeDelta::zero(),
            Method::OAuth(oauth) => oauth.offset(),
        }
    }

    /// A refusal, with the name of the setting that the credentials come from: the org's address may not be one of Okta's.
    fn named(&self, sent: Result<Judged, RequestError>) -> Result<Judged, RequestError> {
        let Some(setting) = &self.credentials.setting else {
            return sent;
        };
        match sent {
            Ok(judged) => Ok(judged.with_setting(setting)),
            Err(mut refused) if !refused.error.is_temporary() => {
                let detail = format!("{}{}", refused.error.detail(), see(setting));
                refused.error = Error::new(refused.error.kind(), detail);
                Err(refused)
            }
            sent => sent,
        }
    }

    async fn send(
        &self,
        context: &HttpContext,
        mut request: Request<Bytes>,
    ) -> Result<Judged, RequestError> {
        match &self.method {
            Method::OAuth(oauth) => oauth.send(context, &request).await,
            Method::ApiToken(token) => {
                token.authorize(request.headers_mut());
                let response = context.exchange(request, context.max_body_bytes).await?;
                let response = redacted(response, &[token.secret()]);
                Ok(Judged::new(response, Endpoint::Log))
            }
        }
    }
}

/// True if Okta itself refuses the credential, or the access token that was got with it.
fn is_refusal_of_credential(sent: &Result<Judged, RequestError>) -> bool {
    let kind = match sent {
        Ok(judged) => match &judged.verdict {
            Verdict::Error(kind) if judged.is_refusal() => *kind,
            _ => return false,
        },
        Err(RequestError { error, .. }) if !error.is_temporary() => error.kind(),
        Err(_) => return false,
    };
    matches!(kind, ErrorKind::Unauthorized | ErrorKind::Forbidden)
}
