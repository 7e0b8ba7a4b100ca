//! The settings of the audit that goes on.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use coralogix_sink::query::{QueryClient, QueryClientBuilder, Tier};
use okta_coralogix_core::dead_letter::DeadLetters;
use okta_coralogix_core::filter::EventTypeFilter;
use okta_coralogix_core::internal::{Disk, OsDisk};
use okta_coralogix_core::{Clock, Error, Result, SystemClock};
use okta_source::OktaSourceBuilder;

use super::super::refill::LEDGER;
use super::super::settings::{require_query, stored, variables_client};
use super::args::{DELAY, EVERY, REFILL, TIER};
use super::round::GIVE_UP_AFTER;
use super::state::beside;
use super::{
    AuditObserver, AuditSides, AuditTurns, Auditor, AuditorParts, DeliveredLog, RefillParts,
    RoundOptions, Sampler,
};
use crate::program::metrics::{AuditFigures, Monitor};
use crate::program::missing::Missing;
use crate::program::pipeline_settings::PipelineOptions;
use crate::program::settings::Values;
use crate::program::{Environment, Network};
use crate::pull::config::{QueryOptions, RATE_SHARE, REREAD_EVERY};

/// How often and how late an org is audited beside its delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContinuousSettings {
    every: Duration,
    delay: Duration,
    tier: Tier,
    refill: bool,
    /// Nil: the overlap is not read again.
    reread_every: Duration,
}

/// Which org is audited beside its delivery, and where that is kept.
pub(crate) struct ContinuousParts {
    /// That of its pipeline.
    pub(crate) name: String,
    pub(crate) connect: super::auditor::Connect,
    /// The file of what is verified.
    pub(crate) state: PathBuf,
    pub(crate) event_types: Option<EventTypeFilter>,
    /// The file of the dead letters.
    pub(crate) dead_letters: Option<PathBuf>,
    /// As [`RoundOptions::integration`].
    pub(crate) integration: Option<String>,
    /// Set: missing events are sent.
    pub(crate) refill: Option<RefillFiles>,
}

/// What refills write, and what the delivery has too.
pub(crate) struct RefillFiles {
    pub(crate) ledger: PathBuf,
    pub(crate) dead_letters: Arc<dyn DeadLetters>,
    pub(crate) options: PipelineOptions,
}

impl ContinuousSettings {
    /// What is written; `None`: there is no such audit.
    ///
    /// # Errors
    /// `Config` for a wrong value, and for a flag that has no effect.
    pub(crate) fn read(values: &Values<'_>) -> Result<Option<Self>> {
        Self::beside(values, None)
    }

    /// As [`read`](Self::read). `ends`: the flag with which the program ends by itself, and cannot audit what it has just delivered.
    ///
    /// # Errors
    /// As there.
    pub(crate) fn beside(values: &Values<'_>, ends: Option<&str>) -> Result<Option<Self>> {
        let (delay, tier) = (DELAY.get(values)?, TIER.get(values)?);
        let refill = REFILL.get(values)?;
        // Receivers, which have no such setting, do not refill.
        let reread_every = match refill {
            true => REREAD_EVERY.get(values)?.unwrap_or_default(),
            false => Duration::ZERO,
        };
        if let Some(every) = EVERY.get(values)? {
            let written = values.find(&EVERY.about)?;
            let is_flag = written.is_some_and(|written| written.setting == EVERY.about.flag);
            return match ends {
                None => Ok(Some(Self {
                    every,
                    delay,
                    tier,
                    refill,
                    reread_every,
                })),
                // A key or a variable is there for other runs.
                Some(_) if !is_flag => Ok(None),
                Some(ends) => {
                    let detail = format!(
                        "goes on beside a delivery that goes on: leave it out with {ends}, and run audit --from --to"
                    );
                    Err(Error::config(EVERY.about.flag, detail))
                }
            };
        }
        for about in [&DELAY.about, &TIER.about, &REFILL.about] {
            let written = values.find(about)?;
            // Keys and variables may be there for others.
            if let Some(written) = written.filter(|written| written.setting == about.flag) {
                let detail = format!(
                    "has no effect without {}; add that, or leave it out",
                    EVERY.about.flag
                );
                return Err(Error::config(&written.setting, detail));
            }
        }
        Ok(None)
    }

    /// An audit of the archive.
    #[must_use]
    pub fn new(every: Duration, delay: Duration) -> Self {
        Self {
            every,
            delay,
            tier: Tier::Archive,
            refill: false,
            reread_every: Duration::ZERO,
        }
    }

    /// How Coralogix is asked, for as long as other orgs may wait.
    pub(crate) fn query_options(&self, uuid_path: &str) -> QueryOptions {
        QueryOptions {
            tier: self.tier,
            uuid_path: uuid_path.to_owned(),
            per_minute: None,
            give_up_after: Some(GIVE_UP_AFTER),
        }
    }

    /// Adds what it cannot do without.
    pub(crate) fn require(missing: &mut Missing, environment: &Environment) {
        require_query(missing, environment);
    }

    /// The client of an org, asked for as long as other orgs may wait.
    ///
    /// # Errors
    /// `Config` for a wrong setting.
    pub(crate) fn client(&self, builder: QueryClientBuilder) -> Result<QueryClient> {
        builder.tier(self.tier).give_up_after(GIVE_UP_AFTER).build()
    }

    /// The log of an org, with the share of its rate that is left to audits.
    pub(crate) fn source(source: OktaSourceBuilder) -> OktaSourceBuilder {
        source.rate_share(RATE_SHARE.default_in("audit"))
    }

    /// The two sides of the org of the variables. Without a subsystem, all of them are looked through.
    ///
    /// # Errors
    /// `Config`, which names the variable that is missing or wrong.
    pub(crate) fn sides(
        &self,
        environment: &Environment,
        network: &Network,
        (org, source): (&str, OktaSourceBuilder),
        (uuid_path, subsystem): (&str, Option<&str>),
    ) -> Result<AuditSides> {
        let (builder, _) = variables_client(environment, network)?;
        let (filter, target) = stored(environment, subsystem)?;
        Ok(AuditSides {
            org: org.to_owned(),
            source: Self::source(source),
            client: Arc::new(self.client(builder.uuid_path(uuid_path))?),
            filter,
            target,
            refill: None,
        })
    }

    /// What the audit sees of the pipeline beside it, for [`start`](Self::start). `knows_delivery`: it tells through which time it has
    /// delivered.
    pub(crate) fn observer(&self, clock: &Arc<dyn Clock>, knows_delivery: bool) -> AuditObserver {
        let delivered = || DeliveredLog::new(self.delay);
        AuditObserver {
            delivered: knows_delivery.then(delivered),
            sampler: self.refill.then(|| Sampler::new(Arc::clone(clock))),
        }
    }

    /// True if missing events are sent.
    pub(crate) fn refills(&self) -> bool {
        self.refill
    }

    /// Begins to audit what `observer` sees.
    pub(crate) fn start(
        &self,
        parts: ContinuousParts,
        observer: AuditObserver,
        (clock, turns): (Arc<dyn Clock>, AuditTurns),
        monitor: &Monitor,
    ) -> Auditor {
        let before = TimeDelta::from_std(self.every + self.delay).unwrap_or(TimeDelta::zero());
        let figures = Arc::new(AuditFigures::beginning(clock.now() - before));
        monitor.audit(Arc::clone(&figures));
        let disk: Arc<dyn Disk> = Arc::new(OsDisk);
        let refill = parts.refill.map(|refill| RefillParts {
            integration: parts.name.clone(),
            ledger: refill.ledger,
            marker: beside(&parts.state, ".refill-stopped"),
            disk: Arc::clone(&disk),
            dead_letters: refill.dead_letters,
            options: refill.options,
            reread_every: TimeDelta::from_std(self.reread_every).unwrap_or(TimeDelta::days(1)),
        });
        Auditor::start(AuditorParts {
            name: parts.name,
            every: self.every,
            options: RoundOptions {
                delay: self.delay,
                event_types: parts.event_types,
                dead_letters: parts.dead_letters,
                integration: parts.integration,
                clock,
            },
            connect: parts.connect,
            state: parts.state,
            disk,
            delivered: observer.delivered,
            turns,
            figures,
            refill: refill.zip(observer.sampler),
        })
    }

    /// As [`start`](Self::start), for the one org of a program.
    pub(crate) fn start_alone(
        &self,
        parts: ContinuousParts,
        observer: AuditObserver,
        monitor: &Monitor,
    ) -> Auditor {
        let clock = Arc::new(SystemClock);
        self.start(parts, observer, (clock, AuditTurns::default()), monitor)
    }
}

/// The file of what is verified, beside that of the position.
pub(crate) fn state_beside(checkpoint: &Path) -> PathBuf {
    beside(checkpoint, ".audit.json")
}

/// The file of what was sent, in the folder of that of the position: that of `audit --refill` there.
pub(crate) fn ledger_beside(checkpoint: &Path) -> PathBuf {
    checkpoint.with_file_name(LEDGER.about.default)
}

/// As [`ledger_beside`], of one of several orgs, each of which has its own.
pub(crate) fn ledger_of(checkpoint: &Path) -> PathBuf {
    beside(checkpoint, ".refills.ndjson")
}
