//! The settings of `pull position`: whose position, and what to do with it.

use std::path::{Path, PathBuf};

use okta_coralogix_core::filter::AgePolicy;
use okta_coralogix_core::{Error, Result};
use okta_source::OrgUrl;

use super::PositionCommand;
use super::shared::SharedPlace;
use crate::program::pipeline_settings::TOO_OLD;
use crate::program::{Environment, Network, StateDir};
use crate::pull::PullArgs;
use crate::pull::args::{CONFIG, INTEGRATION};
use crate::pull::config::{self, CHECKPOINT, Integration, ORG_URL, TOO_OLD_KEYS, renamed_from};
use crate::pull::replicas::SharedState;
use crate::pull::settings::{TOO_OLD_FLAGS, org_url};

/// The settings of `pull position`.
#[derive(Debug)]
pub struct PositionSettings {
    pub(super) command: PositionCommand,
    /// One, but for a look at all integrations of a file.
    pub(super) places: Vec<Place>,
}

/// A checkpoint, and what the program that uses it knows of it.
#[derive(Debug)]
pub(super) struct Place {
    /// Set with `--config`.
    pub(super) integration: Option<String>,
    /// The setting that names the file.
    pub(super) setting: String,
    pub(super) checkpoint: PathBuf,
    /// Set: replicas share the position, which is in no file.
    pub(super) shared: Option<SharedPlace>,
    pub(super) state: StateDir,
    /// Not needed for a look.
    pub(super) org: Option<OrgUrl>,
    pub(super) renamed_from: Option<OrgUrl>,
    pub(super) too_old: AgePolicy,
    /// How one writes that events which are too old are kept, and that they are restamped.
    pub(super) keep: [&'static str; 2],
    /// `pull`, with the flags that name the org.
    pub(super) command: String,
}

impl Place {
    /// For messages.
    pub(super) fn location(&self) -> String {
        match &self.shared {
            Some(shared) => shared.location(),
            None => self.checkpoint.display().to_string(),
        }
    }
}

impl PositionSettings {
    pub(in super::super) fn read(
        command: &PositionCommand,
        args: &PullArgs,
        environment: &Environment,
    ) -> Result<Self> {
        let values = args.values(environment);
        let mode = args.mode.values(environment);
        let integration = INTEGRATION.given(&mode)?;
        let state = StateDir::read(&values)?;
        let network = Network::read(&args.network, environment)?;
        let shared = SharedState::read(&values, &network)?;
        let shared_place = |log: &str| {
            shared.clone().map(|state| SharedPlace {
                state,
                log: log.to_owned(),
            })
        };
        let places = match CONFIG.given(&mode)? {
            Some(file) => {
                let all = config::read(&file, &values, network)?;
                let mut places = of_integrations(all, integration.as_deref(), command, &state)?;
                for place in &mut places {
                    let name = place.integration.as_deref().unwrap_or_default();
                    place.shared = shared_place(name);
                    if let Some(shared) = &shared {
                        shared.setting().clone_into(&mut place.setting);
                    }
                    if shared.is_none() {
                        let folder = config::folder_of(&file);
                        state.check_checkpoint(&place.setting, folder, &place.checkpoint)?;
                    }
                    let file = file.display();
                    place.command = format!("pull --config {file} --integration {name}");
                }
                places
            }
            None if integration.is_some() => {
                let detail = "names an integration of the file of --config, which is not given";
                return Err(Error::config("--integration", detail));
            }
            None => {
                let org = match environment.get(ORG_URL)? {
                    // Without it the name of a shared log is not known.
                    None if shared.is_none() && matches!(command, PositionCommand::Show { .. }) => {
                        None
                    }
                    _ => Some(org_url(environment)?),
                };
                let (setting, here) = (CHECKPOINT.about.flag, Path::new(""));
                let checkpoint = state.place(here, &CHECKPOINT.get(&values)?);
                let shared = org.as_ref().and_then(|org| shared_place(org.subdomain()));
                if shared.is_none() {
                    state.check_checkpoint(setting, here, &checkpoint)?;
                }
                vec![Place {
                    integration: None,
                    setting: (shared.as_ref())
                        .map_or(setting, |shared| shared.state.setting())
                        .into(),
                    checkpoint,
                    shared,
                    state,
                    renamed_from: renamed_from(&values, org.as_ref())?,
                    org,
                    too_old: TOO_OLD.given(&values)?.unwrap_or_default(),
                    keep: TOO_OLD_FLAGS,
                    command: "pull".into(),
                }]
            }
        };
        Ok(Self {
            command: command.clone(),
            places,
        })
    }
}

/// The integration of this name, or all for a look.
fn of_integrations(
    all: Vec<Integration>,
    name: Option<&str>,
    command: &PositionCommand,
    state: &StateDir,
) -> Result<Vec<Place>> {
    let all = match (name, command) {
        (Some(name), _) => vec![config::find(all, name)?],
        (None, PositionCommand::Show { .. }) => all,
        (None, _) => {
            let names: Vec<_> = all.iter().map(|one| one.name.as_str()).collect();
            let detail = format!(
                "is missing: write whose position, one of {}",
                names.join(", ")
            );
            return Err(Error::config("--integration", detail));
        }
    };
    let place = |one: Integration| Place {
        setting: format!("integration {:?}: checkpoint", one.name),
        integration: Some(one.name),
        checkpoint: one.checkpoint,
        shared: None,
        state: state.clone(),
        org: one.org,
        renamed_from: one.renamed_from,
        too_old: one.pipeline.too_old.unwrap_or_default(),
        keep: TOO_OLD_KEYS,
        command: String::new(),
    };
    Ok(all.into_iter().map(place).collect())
}
