//! Programs under limits of the operating system, and samples of their memory and handles. Linux.

use std::collections::HashMap;
use std::path::Path;

use tokio::process::{Child, Command};

use crate::harness::{binary, spawn};

/// A limit of the operating system.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Limit {
    /// Bytes of a file (in steps of 512): a write beyond it is an error, as on a full disk.
    FileSize(usize),
    /// The same, and the signal for it ends a program that does not handle it.
    FileSizeOrDeath(usize),
    /// Kilobytes of data memory.
    Memory(usize),
    /// Open files and connections: the soft limit, which a program may raise, and the hard one.
    Descriptors(usize, usize),
}

impl Limit {
    fn command(self) -> String {
        match self {
            Self::FileSize(bytes) => format!("trap '' XFSZ; ulimit -f {}", bytes / 512),
            Self::FileSizeOrDeath(bytes) => format!("ulimit -c 0; ulimit -f {}", bytes / 512),
            Self::Descriptors(soft, hard) => format!("ulimit -Sn {soft}; ulimit -Hn {hard}"),
            Self::Memory(kilobytes) => format!("ulimit -c 0; ulimit -d {kilobytes}"),
        }
    }
}

/// Starts a program under a limit, with these variables and no others.
pub(crate) fn start_limited(
    name: &str,
    folder: &Path,
    variables: &HashMap<&'static str, String>,
    flags: &[&str],
    limit: Limit,
) -> Child {
    let script = format!("{}; exec \"$0\" \"$@\"", limit.command());
    let mut command = Command::new("/bin/sh");
    command.args(["-c", &script]).arg(binary(name));
    spawn(command, folder, variables, flags)
}

/// Memory and handles of a process at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sample {
    /// Kilobytes of resident memory (`VmRSS`).
    pub(crate) resident: usize,
    /// Peak kilobytes so far (`VmHWM`).
    pub(crate) peak: usize,
    /// Open files and sockets.
    pub(crate) handles: usize,
}

impl Sample {
    /// Of a process; `None` once it has ended.
    pub(crate) fn of(process: u32) -> Option<Self> {
        let folder = format!("/proc/{process}");
        let status = std::fs::read_to_string(format!("{folder}/status")).ok()?;
        let kilobytes = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name))?;
            line.split_ascii_whitespace().nth(1)?.parse().ok()
        };
        Some(Self {
            resident: kilobytes("VmRSS:")?,
            peak: kilobytes("VmHWM:")?,
            handles: std::fs::read_dir(format!("{folder}/fd")).ok()?.count(),
        })
    }
}

/// A line of a file in `/proc` that begins with `name`: its first number.
pub(crate) fn first_number(process: &Child, file: &str, name: &str) -> usize {
    let text = std::fs::read_to_string(format!("/proc/{}/{file}", process.id().unwrap()));
    let text = text.unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let mut words = line.unwrap().split_whitespace();
    words.find_map(|word| word.parse().ok()).unwrap()
}
