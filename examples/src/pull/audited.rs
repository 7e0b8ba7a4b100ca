//! The audit beside a run with one org.

use std::sync::Arc;

use okta_coralogix_core::mapping::CoralogixMappingBuilder;
use okta_coralogix_core::{Clock, LogSink, Result, SystemClock};

use super::settings::{Mode, OrgSettings};
use crate::audit::continuous::{
    AuditObserver, AuditSides, Auditor, ContinuousParts, ContinuousSettings, RefillFiles,
    RefillSides, ledger_beside, state_beside,
};
use crate::program::ProgramDeadLetters;
use crate::program::metrics::Monitor;

/// What missing events are sent with: the sink and the mapping of the delivery. `None`: they are not sent.
///
/// # Errors
/// `Config` for a name that is wrong.
pub(super) fn refill_sides(
    settings: &ContinuousSettings,
    mode: &Mode,
    mapping: &CoralogixMappingBuilder,
) -> Result<Option<RefillSides>> {
    match mode {
        Mode::Send(sink) if settings.refills() => Ok(Some(RefillSides {
            sink: Arc::clone(sink) as Arc<dyn LogSink>,
            mapping: Arc::new(mapping.clone().build()?),
        })),
        _ => Ok(None),
    }
}

/// The audit beside the delivery, not started.
pub(super) struct Audited {
    settings: ContinuousSettings,
    parts: ContinuousParts,
    observer: AuditObserver,
}

impl Audited {
    pub(super) async fn of(
        org: &OrgSettings,
        (settings, sides): (ContinuousSettings, AuditSides),
    ) -> Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let refill = match settings.refills() {
            true => Some(RefillFiles {
                ledger: ledger_beside(&org.checkpoint),
                dead_letters: Arc::new(ProgramDeadLetters::open(&org.pipeline).await?),
                options: org.pipeline.options.clone(),
            }),
            false => None,
        };
        Ok(Self {
            observer: settings.observer(&clock, true),
            parts: ContinuousParts {
                name: org.name.clone(),
                connect: Arc::new(move || Ok(sides.clone())),
                state: state_beside(&org.checkpoint),
                event_types: org.pipeline.options.event_types.clone(),
                dead_letters: org.pipeline.dead_letters_file(),
                integration: None,
                refill,
            },
            settings,
        })
    }

    /// What it sees of the pipeline.
    pub(super) fn observer(&self) -> AuditObserver {
        self.observer.clone()
    }

    pub(super) fn start(self, monitor: &Monitor) -> Auditor {
        self.settings
            .start_alone(self.parts, self.observer, monitor)
    }
}
