//! A program as a process, and what it takes.

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

/// What a process has taken.
#[derive(Debug, Clone, Copy)]
pub(super) struct Usage {
    /// Seconds.
    pub(super) user: f64,
    /// Seconds.
    pub(super) system: f64,
    /// Peak memory in KiB, up to the last sample.
    pub(super) peak_kib: u64,
    /// Memory in KiB.
    pub(super) resident_kib: u64,
    /// Page faults that needed no disk.
    pub(super) faults: u64,
    /// Context switches of all threads that there are, voluntary and not.
    pub(super) switches: u64,
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
        let field = |index| -> Result<u64, Box<dyn Error>> {
            let field = fields
                .split_whitespace()
                .nth(index)
                .ok_or("a field is missing in /proc")?;
            Ok(field.parse()?)
        };
        let status = fs::read_to_string(format!("/proc/{process}/status"))?;
        let mut switches = 0;
        for thread in fs::read_dir(format!("/proc/{process}/task"))? {
            // It may have ended meanwhile.
            let status = fs::read_to_string(thread?.path().join("status")).unwrap_or_default();
            switches += figure(&status, "voluntary_ctxt_switches:");
            switches += figure(&status, "nonvoluntary_ctxt_switches:");
        }
        Ok(Self {
            user: field(11)? as f64 / TICKS_PER_SECOND,
            system: field(12)? as f64 / TICKS_PER_SECOND,
            peak_kib: figure(&status, "VmHWM:"),
            resident_kib: figure(&status, "VmRSS:"),
            faults: field(7)?,
            switches,
        })
    }
}

/// The figure of a line of `/proc`; 0 if there is none.
fn figure(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let figure = line.and_then(|line| line.split_whitespace().next());
    figure.map_or(0, |figure| figure.parse().unwrap_or(0))
}

/// Runs a program with these variables and no others, in this folder.
pub(super) async fn run(
    program: &Path,
    argument: &str,
    variables: Vec<(&str, String)>,
    folder: &Path,
) -> Result<Usage, Box<dyn Error>> {
    let mut child = Command::new(program)
        .arg(argument)
        .current_dir(folder)
        .env_clear()
        .envs(variables)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("{}: {error}", program.display()))?;
    let process = child.id().ok_or("the process is gone")?.to_string();
    let mut output = child.stdout.take().ok_or("no output")?;
    let mut stdout = String::new();
    let mut samples = interval(Duration::from_millis(20));
    let mut last = Usage::of(&process)?;
    let ended = output.read_to_string(&mut stdout);
    tokio::pin!(ended);
    loop {
        tokio::select! {
            ended = &mut ended => {
                ended?;
                break;
            }
            // A process that has ended has no memory and one thread.
            _ = samples.tick() => last = Usage::of(&process).map_or(last, |now| if now.peak_kib > 0 { now } else { last }),
        }
    }
    // Its output is closed: it has ended, or is about to. The kernel keeps its usage until it is waited for.
    while !fs::read_to_string(format!("/proc/{process}/stat"))?.contains(") Z ") {
        samples.tick().await;
    }
    let usage = Usage {
        peak_kib: last.peak_kib,
        switches: last.switches,
        ..Usage::of(&process)?
    };
    let status = child.wait().await?;
    if !status.success() {
        return Err(format!("{} ended with {status}: {stdout}", program.display()).into());
    }
    Ok(usage)
}
