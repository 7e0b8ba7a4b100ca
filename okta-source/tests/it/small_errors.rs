//! What `?` makes of the small errors of this crate, and of a lost connection.

use std::error::Error as StdError;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use okta_coralogix_core::testing::MemoryCheckpoint;
use okta_coralogix_core::transport::{Body, Transport, TransportError};
use okta_coralogix_core::{Error, ErrorKind, EventSource, Secret};
use okta_source::{ApiToken, OktaSource, OrgUrl, PrivateKey, ServiceApp};

fn all() -> [Result<(), Error>; 4] {
    let org = || -> Result<(), Error> { Ok(OrgUrl::parse("").map(drop)?) };
    let token = || -> Result<(), Error> { Ok(ApiToken::parse(&Secret::from("")).map(drop)?) };
    let key = || -> Result<(), Error> { Ok(PrivateKey::parse(&Secret::from("")).map(drop)?) };
    let app = || -> Result<(), Error> {
        Ok(ServiceApp::with_client_secret("0oa1example", &Secret::from("")).map(drop)?)
    };
    [org(), token(), key(), app()]
}

#[test]
fn small_errors_become_config_errors_that_name_their_setting() {
    for (raised, setting) in all().into_iter().zip([
        "org_url: ",
        "api_token: ",
        "private_key: ",
        "the service app: ",
    ]) {
        let error = raised.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        let source = error.source().unwrap().to_string();
        assert_eq!(error.detail(), format!("{setting}{source}"));
    }
}

#[derive(Debug)]
struct Unreachable;

#[async_trait]
impl Transport for Unreachable {
    async fn call(&self, _: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        Err(TransportError::Connect("it refuses connections".into()))
    }
}

#[tokio::test(start_paused = true)]
async fn lost_connection_is_the_source_of_the_error() {
    let mut source = OktaSource::builder()
        .org_url("example.okta.com")
        .api_token("00token")
        .checkpoint(MemoryCheckpoint::default())
        .transport(Unreachable)
        .open()
        .await
        .unwrap();
    let error = source.next().await.unwrap_err();
    let cause = error.source().unwrap().downcast_ref::<TransportError>();
    assert!(
        matches!(cause, Some(TransportError::Connect(_))),
        "{error:?}"
    );
}
