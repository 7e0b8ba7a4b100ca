//! The store that the processes share: moto where it is installed, else a folder.

use std::collections::HashMap;
use std::fs::File;
use std::net::TcpListener as StdListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use okta_coralogix_core::checkpoint::shared::{CloudObjects, FolderObjects, Objects};
use okta_coralogix_core::transport::ReqwestTransport;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

/// A store that runs as long as this.
pub(super) struct Store {
    /// The value of `--state`.
    pub(super) address: String,
    /// The variables that a program takes to reach it.
    pub(super) variables: HashMap<&'static str, String>,
    _folder: TempDir,
    _server: Option<Child>,
}

impl Store {
    /// S3 by moto if `MOTO` names the folder of its executables, else a folder.
    pub(super) async fn start() -> Self {
        match std::env::var_os("MOTO").map(PathBuf::from) {
            Some(tools) => Self::moto(tools).await,
            None => {
                println!("MOTO is not set, .ci/moto installs it: the replicas share a folder");
                Self::folder()
            }
        }
    }

    pub(super) fn folder() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            address: folder.path().display().to_string(),
            variables: HashMap::new(),
            _folder: folder,
            _server: None,
        }
    }

    async fn moto(tools: PathBuf) -> Self {
        // It takes a port by number only: one that was free a moment ago.
        let free = StdListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let server = Command::new(tools.join("moto_server"))
            .args(["-H", "127.0.0.1", "-p", &address.port().to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let connected = async {
            loop {
                match TcpStream::connect(address).await {
                    Ok(connection) => return connection,
                    Err(_) => sleep(Duration::from_millis(50)).await,
                }
            }
        };
        let mut connection = timeout(Duration::from_secs(60), connected)
            .await
            .expect("moto listens");
        let head = format!(
            "PUT /state HTTP/1.1\r\nHost: {address}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
        connection.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        Self {
            address: "s3://state/okta".to_owned(),
            variables: HashMap::from([
                ("AWS_ENDPOINT_URL", format!("http://{address}")),
                ("AWS_REGION", "us-east-1".to_owned()),
                ("AWS_ACCESS_KEY_ID", "key".to_owned()),
                ("AWS_SECRET_ACCESS_KEY", "secret".to_owned()),
            ]),
            _folder: tempfile::tempdir().unwrap(),
            _server: Some(server),
        }
    }

    /// As a program opens it.
    pub(super) async fn open(&self) -> Arc<dyn Objects> {
        if self.variables.is_empty() {
            return Arc::new(FolderObjects::open(&self.address).await.unwrap());
        }
        let variables = self.variables.iter();
        let variables = variables.map(|(name, value)| ((*name).to_owned(), value.clone()));
        let objects = CloudObjects::open(&self.address, variables, ReqwestTransport::new());
        Arc::new(objects.unwrap())
    }

    /// Keeps each process from writing to a folder for as long as the file is open: one that is stopped meanwhile is in no write, and holds
    /// up no other.
    pub(super) async fn quiet(&self) -> Option<File> {
        if !self.variables.is_empty() {
            return None;
        }
        let lock = Path::new(&self.address).join(".lock");
        let locked = tokio::task::spawn_blocking(move || {
            let file = File::options()
                .write(true)
                .create(true)
                .truncate(false)
                .open(lock);
            let file = file.unwrap();
            file.lock().unwrap();
            file
        });
        Some(locked.await.unwrap())
    }
}
