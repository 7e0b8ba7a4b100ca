//! A program as a process, and its CPU time and memory.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::process::Command;
use tokio::time::interval;

/// The unit of `/proc/<pid>/stat`: fixed at 100 for programs, whatever the kernel uses itself.
const TICKS_PER_SECOND: f64 = 100.0;

/// CPU time and memory of a process.
pub(super) struct Usage {
    /// Seconds.
    pub(super) user: f64,
    /// Seconds.
    pub(super) system: f64,
    /// Peak memory in KiB, up to the last sample.
    pub(super) peak_kib: u64,
}

impl Usage {
    /// Seconds, user and system.
    pub(super) fn cpu(&self) -> f64 {
        self.user + self.system
    }

    /// The usage of a process so far. `process` is a number or `self`.
    pub(super) fn of(process: &str) -> Result<Self, Box<dyn Error>> {
        let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
        // The name in brackets may contain spaces; after it the times are the 12th and 13th field.
        let (_, fields) = stat.rsplit_once(')').ok_or("no name in /proc")?;
        let ticks = |index| -> Result<f64, Box<dyn Error>> {
            let field = fields
                .split_whitespace()
                .nth(index)
                .ok_or("no time in /proc")?;
            Ok(field.parse()?)
        };
        let status = fs::read_to_string(format!("/proc/{process}/status"))?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.and_then(|line| line.split_whitespace().next());
        Ok(Self {
            user: ticks(11)? / TICKS_PER_SECOND,
            system: ticks(12)? / TICKS_PER_SECOND,
            peak_kib: peak.map_or(Ok(0), str::parse)?,
        })
    }
}

/// Runs a program with these variables and no others, in a folder of its own.
pub(super) async fn run<const N: usize>(
    program: &Path,
    argument: &str,
    variables: [(&str, String); N],
) -> Result<Usage, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let mut child = Command::new(program)
        .arg(argument)
        .current_dir(&folder)
        .env_clear()
        .envs(variables)
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("{}: {error}", program.display()))?;
    let process = child.id().ok_or("the process is gone")?.to_string();
    let mut output = child.stdout.take().ok_or("no output")?;
    let mut stdout = String::new();
    let mut samples = interval(Duration::from_millis(20));
    let mut peak_kib = 0;
    let ended = output.read_to_string(&mut stdout);
    tokio::pin!(ended);
    loop {
        tokio::select! {
            ended = &mut ended => {
                ended?;
                break;
            }
            _ = samples.tick() => peak_kib = peak_kib.max(Usage::of(&process)?.peak_kib),
        }
    }
    // Its output is closed: it has ended, or is about to. The kernel keeps its usage until it is waited for.
    while !fs::read_to_string(format!("/proc/{process}/stat"))?.contains(") Z ") {
        samples.tick().await;
    }
    let usage = Usage {
        peak_kib,
        ..Usage::of(&process)?
    };
    let status = child.wait().await?;
    if !status.success() {
        return Err(format!("{} ended with {status}: {stdout}", program.display()).into());
    }
    Ok(usage)
}
