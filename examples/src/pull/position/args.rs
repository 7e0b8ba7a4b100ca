//! The commands of `pull position`.

/// What to do with a position.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum PositionCommand {
    /// Shows where the next run goes on
    Show {
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Goes back: what Okta has stored since TIME is read again
    Rewind(MoveArgs),
    /// Goes ahead: what Okta has stored before TIME, and was not read, is left out
    Skip(MoveArgs),
}

/// Where a position is moved to.
#[derive(Debug, Clone, clap::Args)]
pub struct MoveArgs {
    /// An RFC 3339 time, or how long ago (90m, 24h)
    #[arg(long, value_name = "TIME|DURATION")]
    pub(super) to: String,
    /// Do it; without this flag only what it would cause is said
    #[arg(long)]
    pub(super) yes: bool,
}
