//! The audit beside a receiver: it reads the org's log, which the receiver itself does not.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use okta_coralogix_core::{Error, Result};

use super::settings::{RouteArgs, RouteSettings};
use crate::audit::continuous::{AuditObserver, Auditor, ContinuousParts, check_audit};
use crate::audit::{AuditSides, ContinuousGroup, ContinuousSettings};
use crate::program::check::Report;
use crate::program::metrics::Monitor;
use crate::program::missing::Missing;
use crate::program::pipeline::ONCE;
use crate::program::pipeline_settings::DEAD_LETTERS;
use crate::program::settings::Flags;
use crate::program::{Environment, Network, StateFiles};
use crate::pull::required;
use crate::pull::settings::{org_source, org_url};

/// The file of what is verified.
const STATE: &str = "okta-coralogix.audit.json";

/// Where the uuid is in a stored envelope, and in a bare event.
const UUID_PATHS: [&str; 2] = ["$d.detail.uuid", "$d.uuid"];

/// The audit beside a receiver.
#[derive(Debug)]
pub(super) struct ReceiverAudit {
    settings: ContinuousSettings,
    sides: AuditSides,
    state: PathBuf,
}

impl ReceiverAudit {
    /// Adds what it cannot do without, if there is to be one. `is_once`: as for [`read`](Self::read).
    ///
    /// # Errors
    /// `Config` for a wrong value.
    pub(super) fn require(
        args: &Flags<ContinuousGroup>,
        missing: &mut Missing,
        environment: &Environment,
        is_once: bool,
    ) -> Result<()> {
        let ends = is_once.then_some(ONCE.about.flag);
        if ContinuousSettings::beside(&args.values(environment), ends)?.is_some() {
            required::org(missing, environment);
            ContinuousSettings::require(missing, environment);
        }
        Ok(())
    }

    /// `None`: there is no such audit. `is_once`: the program ends by itself.
    ///
    /// # Errors
    /// `Config`, which names the setting that is missing or wrong.
    pub(super) fn read(
        (args, route_args): (&Flags<ContinuousGroup>, &RouteArgs),
        environment: &Environment,
        route: &RouteSettings,
        is_once: bool,
    ) -> Result<Option<Self>> {
        let ends = is_once.then_some(ONCE.about.flag);
        let Some(settings) = ContinuousSettings::beside(&args.values(environment), ends)? else {
            return Ok(None);
        };
        let org = org_url(environment)?;
        let network: Network = route_args.network(environment)?;
        let source = org_source(&org, environment, &network)?;
        let names = (UUID_PATHS[usize::from(route.is_bare)], None);
        let sides = settings.sides(environment, &network, (org.as_str(), source), names)?;
        if settings.refills() {
            // Okta gives no envelopes, and no name of a log stream.
            let detail = "sends the events of Okta's API, which are no envelopes: it goes with pull; beside a receiver, refill with the program audit";
            return Err(Error::config("--audit-refill", detail));
        }
        let state = route.pipeline.state.place(Path::new(""), Path::new(STATE));
        let mut files = StateFiles::default();
        files.add_checkpoint("--audit-every", &state)?;
        files.add_dead_letters(DEAD_LETTERS.about.flag, &route.pipeline.dead_letters)?;
        Ok(Some(Self {
            settings,
            sides,
            state,
        }))
    }

    /// Adds a line for the queries.
    pub(super) async fn check(self, report: &mut Report) {
        check_audit(report, Ok(self.sides)).await;
    }

    /// For the pipeline `name`.
    pub(super) fn prepare(self, name: &str, route: &RouteSettings) -> PreparedAudit {
        let sides = self.sides;
        let parts = ContinuousParts {
            name: name.to_owned(),
            connect: Arc::new(move || Ok(sides.clone())),
            state: self.state,
            event_types: route.pipeline.options.event_types.clone(),
            dead_letters: route.pipeline.dead_letters_file(),
            integration: None,
            refill: None,
        };
        PreparedAudit {
            settings: self.settings,
            parts,
        }
    }
}

/// An audit that is started once the pipeline is open.
pub(super) struct PreparedAudit {
    settings: ContinuousSettings,
    parts: ContinuousParts,
}

impl PreparedAudit {
    pub(super) fn start(self, monitor: &Monitor) -> Auditor {
        // Nothing tells through which time EventBridge has delivered.
        let observer = AuditObserver::default();
        self.settings.start_alone(self.parts, observer, monitor)
    }
}
