//! The audit of an org beside its delivery.

use std::path::PathBuf;
use std::sync::Arc;

use super::Integration;
use super::org::Shared;
use crate::audit::ContinuousSettings;
use crate::audit::continuous::{AuditTurns, Auditor, ContinuousParts, DeliveredLog, state_beside};
use crate::program::metrics::Monitor;
use okta_coralogix_core::Clock;

/// The audit of an org, not started.
pub(super) struct OrgAudit {
    settings: ContinuousSettings,
    parts: ContinuousParts,
    delivered: DeliveredLog,
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
            delivered: settings.delivered(Arc::clone(&options.clock)),
            settings,
            parts: ContinuousParts {
                name: integration.name.clone(),
                connect: Arc::new(move || connecting.audit_sides()),
                state: state_beside(&integration.checkpoint),
                event_types: integration.pipeline.event_types.clone(),
                dead_letters: Some(PathBuf::from(shared.dead_letters.location())),
            },
            clock: Arc::clone(&options.clock),
            turns: shared.audits.clone(),
            monitor: monitor.clone(),
        })
    }

    pub(super) fn delivered(&self) -> DeliveredLog {
        self.delivered.clone()
    }

    pub(super) fn start(self) -> Auditor {
        let (clock, delivered) = ((self.clock, self.turns), Some(self.delivered));
        self.settings
            .start(self.parts, delivered, clock, &self.monitor)
    }
}
