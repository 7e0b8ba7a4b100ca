//! The audit of an org beside its delivery.

use std::path::PathBuf;
use std::sync::Arc;

use super::Integration;
use super::org::Shared;
use crate::audit::ContinuousSettings;
use crate::audit::continuous::{
    AuditObserver, AuditTurns, Auditor, ContinuousParts, RefillFiles, ledger_of, state_beside,
};
use crate::program::metrics::Monitor;
use okta_coralogix_core::Clock;

/// The audit of an org, not started.
pub(super) struct OrgAudit {
    settings: ContinuousSettings,
    parts: ContinuousParts,
    observer: AuditObserver,
    clock: Arc<dyn Clock>,
    turns: AuditTurns,
    monitor: Monitor,
}

impl OrgAudit {
    /// `None` if it is not audited, or nothing is delivered for long.
    pub(super) fn of<O>(
        integration: &Arc<Integration>,
        shared: &Shared<O>,
        monitor: &Monitor,
    ) -> Option<Self> {
        let options = &shared.options;
        let settings = integration
            .audit
            .filter(|_| options.once.is_none() && options.dry_run.is_none())?;
        let connecting = Arc::clone(integration);
        Some(Self {
            observer: settings.observer(&options.clock, true),
            settings,
            parts: ContinuousParts {
                name: integration.name.clone(),
                connect: Arc::new(move || connecting.audit_sides()),
                state: state_beside(&integration.checkpoint),
                event_types: integration.pipeline.event_types.clone(),
                dead_letters: Some(PathBuf::from(shared.dead_letters.location())),
                integration: Some(integration.name.clone()),
                refill: settings.refills().then(|| RefillFiles {
                    ledger: ledger_of(&integration.checkpoint),
                    dead_letters: Arc::clone(&shared.dead_letters),
                    options: integration.pipeline.clone(),
                }),
            },
            clock: Arc::clone(&options.clock),
            turns: shared.audits.clone(),
            monitor: monitor.clone(),
        })
    }

    pub(super) fn observer(&self) -> AuditObserver {
        self.observer.clone()
    }

    pub(super) fn start(self) -> Auditor {
        let clock = (self.clock, self.turns);
        self.settings
            .start(self.parts, self.observer, clock, &self.monitor)
    }
}
