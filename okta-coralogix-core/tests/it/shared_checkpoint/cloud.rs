//! Shared checkpoints in object stores: moto, a stand-in for S3, and others that are started by hand.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use okta_coralogix_core::checkpoint::shared::{CloudObjects, Objects, SharedStore};
use okta_coralogix_core::transport::ReqwestTransport;
use okta_coralogix_core::{Error, ErrorKind};

use super::contract::keeps_the_contract;

struct Moto {
    address: String,
    server: Child,
}

impl Drop for Moto {
    fn drop(&mut self) {
        self.server.kill().ok();
        self.server.wait().ok();
    }
}

impl Moto {
    /// `None` where it is not installed.
    fn start() -> Option<Self> {
        let Some(tools) = std::env::var_os("MOTO").map(PathBuf::from) else {
            println!("skipped: MOTO is not set; .ci/moto installs it");
            return None;
        };
        // It takes a port by number only: one that was free a moment ago.
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let server = Command::new(tools.join("moto_server"))
            .args(["-H", "127.0.0.1", "-p", &address.port().to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let moto = Self {
            address: address.to_string(),
            server,
        };
        let listens = (0..1_200).any(|_| {
            std::thread::sleep(Duration::from_millis(50));
            TcpStream::connect(&moto.address).is_ok()
        });
        assert!(listens, "moto listens");
        Some(moto)
    }

    fn create_bucket(&self, name: &str) {
        let mut connection = TcpStream::connect(&self.address).unwrap();
        let head = format!(
            "PUT /{name} HTTP/1.1\r\nHost: {}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            self.address
        );
        connection.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    fn open(&self, url: &str) -> CloudObjects {
        let variables = [
            ("AWS_ENDPOINT_URL", format!("http://{}", self.address)),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", "key".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "secret".to_owned()),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value));
        CloudObjects::open(url, variables, ReqwestTransport::new()).unwrap()
    }
}

#[tokio::test]
async fn moto_keeps_the_contract_of_objects() {
    let Some(moto) = Moto::start() else { return };
    moto.create_bucket("state");
    keeps_the_contract(moto.open("s3://state/okta/prod")).await;
    // Nothing of it stands in another folder, or at the top.
    let other = moto.open("s3://state/okta");
    assert!(other.names("").await.unwrap().is_empty());
    let error = SharedStore::new(moto.open("s3://no-such-bucket/x"))
        .check()
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    assert!(
        error.detail().contains("create it, or correct the address"),
        "{error}"
    );
}

/// `OKTA_CORALOGIX_TEST_STATE=s3://…`, with the variables of its cloud: against a store that runs.
#[tokio::test]
async fn store_that_is_named_keeps_the_contract_of_objects() {
    let Ok(url) = std::env::var("OKTA_CORALOGIX_TEST_STATE") else {
        println!("skipped: OKTA_CORALOGIX_TEST_STATE names no store");
        return;
    };
    keeps_the_contract(
        CloudObjects::open(&url, std::env::vars(), ReqwestTransport::new()).unwrap(),
    )
    .await;
}

#[tokio::test]
async fn setting_that_is_missing_is_named() {
    let open = |url: &str, variables: &[(&str, &str)]| -> Result<CloudObjects, Error> {
        let variables = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        CloudObjects::open(url, variables, ReqwestTransport::new())
    };
    let error = open("s3://bucket", &[]).unwrap_err().to_string();
    assert!(
        error.starts_with("AWS_REGION: is not set, and s3://bucket has no region"),
        "{error}"
    );
    open("s3://bucket", &[("AWS_DEFAULT_REGION", "eu-central-1")]).unwrap();
    let error = open("az://container", &[]).unwrap_err().to_string();
    assert!(
        error.contains("az://container cannot be used") && error.contains("ccount"),
        "{error}"
    );
    let key = [("GOOGLE_SERVICE_ACCOUNT_KEY", "no key")];
    let error = open("gs://bucket", &key).unwrap_err().to_string();
    assert!(error.contains("gs://bucket cannot be used"), "{error}");
    assert!(!error.contains("no key"), "{error}");
}
