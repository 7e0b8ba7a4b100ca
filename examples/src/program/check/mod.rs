//! `--check`: asks both ends and this machine what a run needs, without an event.

mod files;
mod machine;
mod remotes;
mod report;

pub use files::{check_checkpoint, check_dead_letters, check_state_dir, check_window};
pub use machine::{check_admin, check_listener, check_open_files};
pub use remotes::{check_coralogix, through};
pub use report::Report;

use super::settings::{About, Flags, Group, Setting, parse};

/// Whether to check instead of to run.
pub static CHECK: Setting<bool> = Setting {
    about: About {
        flag: "--check",
        default: "off",
        builder: "CoralogixSink::check",
        help: "Test credentials, rights, files, limits and clocks, a line each, and send nothing",
        reason: "a run asks the same where it starts, and goes on",
        ..About::NONE
    },
    parse: parse::switch,
};

/// The flag of every program.
#[derive(Debug)]
pub struct CheckGroup;

impl Group for CheckGroup {
    const SETTINGS: &'static [&'static About] = &[&CHECK.about];
}

/// That of [`CheckGroup`].
pub type CheckArgs = Flags<CheckGroup>;
