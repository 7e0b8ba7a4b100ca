//! The memory of one process with many orgs.

use std::error::Error;
use std::fmt::Write;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use coralogix_sink::simulator::CoralogixSimulator;
use okta_coralogix_core::testing::GeneratedEvent;
use tokio::process::Command;
use tokio::time::sleep;

use super::process::Usage;
use super::remotes::{KEY, TOKEN, org};

/// Events that fill the deduplication window of an org.
pub(super) const WINDOW: usize = 20_000;

/// How long the process is left alone before its memory is read.
const QUIET: Duration = Duration::from_secs(3);

/// KiB of `pull` once each of so many orgs has read these events and found nothing new.
pub(super) async fn memory(
    pull: &Path,
    count: usize,
    events: &[GeneratedEvent],
) -> Result<u64, Box<dyn Error>> {
    let ingress = CoralogixSimulator::builder().key(KEY).build();
    let server = ingress.serve().await?;
    let orgs: Vec<_> = (0..count).map(|_| org(events)).collect();
    let mut config = format!(
        "[coralogix]\nendpoint = \"{}\"\napi_key = {{ env = \"KEY\" }}\n",
        server.base_url()
    );
    let mut servers = Vec::new();
    for (index, org) in orgs.iter().enumerate() {
        let server = org.serve().await?;
        write!(
            config,
            "[[integration]]\nname = \"org{index}\"\nsubsystem = \"org{index}\"\norg_url = \"{}\"\napi_token = {{ env = \"TOKEN\" }}\n",
            server.base_url()
        )?;
        servers.push(server);
    }
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("orgs.toml");
    std::fs::write(&file, config)?;
    let mut child = Command::new(pull)
        .arg("--config")
        .arg(file)
        .current_dir(&folder)
        .env_clear()
        .envs(std::env::vars().filter(|(name, _)| name.starts_with("MALLOC_")))
        .envs([("KEY", KEY), ("TOKEN", TOKEN)])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let process = child.id().ok_or("the process is gone")?.to_string();
    let polls = events.len() / super::PAGE + 1;
    while orgs.iter().any(|org| org.request_count() < polls)
        || ingress.ledger().entries().len() < count * events.len()
    {
        if let Some(status) = child.try_wait()? {
            return Err(format!("pull ended with {status}").into());
        }
        sleep(Duration::from_millis(100)).await;
    }
    sleep(QUIET).await;
    let kib = Usage::of(&process)?.resident_kib;
    child.kill().await?;
    Ok(kib)
}
