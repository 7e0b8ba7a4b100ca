//! The file of `--config`, to be read at the start and again later.

use std::path::PathBuf;

use okta_coralogix_core::Result;

use super::args::CONFIG;
use super::config::{Integration, Queries, folder_of, read_for};
use crate::program::pipeline_settings::DEAD_LETTERS;
use crate::program::settings::{Given, Values};
use crate::program::{Environment, Network, StateDir, StateFiles};

/// Where the integrations are written, and what else the program uses.
#[derive(Debug, Clone)]
pub(super) struct ConfigSource {
    /// The file of `--config`.
    pub(super) file: PathBuf,
    /// Settings that the file may have too.
    pub(super) flags: Vec<Given>,
    /// For all orgs.
    pub(super) network: Network,
    /// The clients of audits, over all readings.
    pub(super) queries: Queries,
    /// The folder of what is kept.
    pub(super) state: StateDir,
    /// The file of `--dead-letters`, or `-`.
    pub(super) dead_letters: PathBuf,
    /// The positions are in no files.
    pub(super) is_shared: bool,
}

impl ConfigSource {
    /// Reads the file. May block.
    ///
    /// # Errors
    /// Those of [`read`], and `Config` for a file that two settings would write, or a checkpoint that was left where it was before.
    pub(super) fn read(&self, environment: &Environment) -> Result<Vec<Integration>> {
        let values = self
            .flags
            .iter()
            .fold(Values::of(environment), Values::flags);
        let integrations = read_for(&self.file, &values, self.network.clone(), &self.queries)?;
        let mut files = StateFiles::default();
        files.add_read(CONFIG.about.flag, &self.file)?;
        files.add_dead_letters(DEAD_LETTERS.about.flag, &self.dead_letters)?;
        for integration in &integrations {
            if self.is_shared {
                integration.add_secret_files(&mut files)?;
                continue;
            }
            integration.add_files(&mut files)?;
            integration.check_left_behind(&self.state, folder_of(&self.file))?;
        }
        Ok(integrations)
    }
}
