//! The settings of healing, from args and environment.

use std::path::{Path, PathBuf};
use std::time::Duration;

use okta_coralogix_core::{Error, Result};
use okta_source::OktaSourceBuilder;

use crate::program::missing::Missing;
use crate::program::pipeline_settings::{DEAD_LETTERS, PipelineSettings};
use crate::program::settings::{About, Flags, Group, Setting, Values, WrittenNames, parse};
use crate::program::{Environment, Network, StateFiles};
use crate::pull::config::RATE_SHARE;
use crate::pull::required;
use crate::pull::settings::{org_source, org_url};

/// Coralogix takes no event of more than 24 hours: what is read later than this could not be sent in time after an outage.
const MAX_DELAY: Duration = Duration::from_secs(12 * 3600);

/// How often Okta is asked, at most and at least.
const POLL_INTERVALS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(60)];

/// After how long what was not pushed is sent.
pub(super) static HEAL_AFTER: Setting<Option<Duration>> = Setting {
    about: About {
        flag: "--heal-after",
        value: "DURATION|off",
        default: "off",
        example: "15m",
        builder: "HealingSource::new",
        help: "Read Okta's System Log too, and send the events that were not pushed, this long after they were published; needs OKTA_ORG_URL and a \
               credential as pull does, a folder that outlives the process, and only one process that receives",
        reason: "it takes a credential of the org and a part of its request limit",
        ..About::NONE
    },
    parse: |about, value| match parse::duration_or_off(about, value)? {
        Some(delay) if delay > MAX_DELAY => Err(format!(
            "{value:?} is more than 12h, and Coralogix takes no event of more than 24 hours; write one such as 15m"
        )),
        delay => Ok(delay),
    },
};

/// How many uuids the window holds.
pub(super) static HEAL_WINDOW: Setting<usize> = Setting {
    about: About {
        flag: "--heal-window",
        value: "UUIDS",
        default: "1000000",
        builder: "DedupWindow::retaining",
        help: "With --heal-after: how many events of the last 25 hours are remembered at most, to tell what was pushed; 64 bytes of memory each",
        reason: "64 MB at most, and a day of 11 events a second",
        ..About::NONE
    },
    parse: |about, value| match parse::number(about, value)? {
        uuids @ 1_000..=10_000_000 => Ok(uuids),
        _ => Err(format!(
            "{value:?} is not from 1000 to 10000000; write one such as {}",
            about.example()
        )),
    },
};

/// The flags of healing.
#[derive(Debug)]
pub struct HealGroup;

impl Group for HealGroup {
    const SETTINGS: &'static [&'static About] =
        &[&HEAL_AFTER.about, &HEAL_WINDOW.about, &RATE_SHARE.about];
}

/// How a receiver heals.
#[derive(Debug)]
pub(in crate::eventbridge) struct HealSettings {
    pub(super) delay: Duration,
    pub(super) capacity: usize,
    /// The address of the org.
    pub(super) org: String,
    /// Without a checkpoint, and without a start.
    pub(in crate::eventbridge) source: OktaSourceBuilder,
    pub(in crate::eventbridge) names: WrittenNames,
    /// The file of the position.
    pub(in crate::eventbridge) position: PathBuf,
    /// The file of the window.
    pub(in crate::eventbridge) window: PathBuf,
    /// Pushed events are sent bare too, so that healed ones look alike.
    pub(super) is_bare: bool,
}

impl HealSettings {
    /// What the record of the window belongs to.
    pub(in crate::eventbridge) fn window_owner(&self) -> String {
        format!("events delivered from {}", self.org)
    }

    /// Adds what it cannot do without, if it is on.
    ///
    /// # Errors
    /// `Config` for a wrong value.
    pub(in crate::eventbridge) fn require(
        flags: &Flags<HealGroup>,
        missing: &mut Missing,
        environment: &Environment,
    ) -> Result<()> {
        if HEAL_AFTER.get(&flags.values(environment))?.is_some() {
            required::org(missing, environment);
        }
        Ok(())
    }

    /// What is written; `None` without `--heal-after`. `program` is the one whose default the share of the limit is.
    ///
    /// # Errors
    /// `Config`, which names the setting that is missing or wrong and says what to write.
    pub(in crate::eventbridge) fn read(
        flags: &Flags<HealGroup>,
        environment: &Environment,
        network: &Network,
        pipeline: &PipelineSettings,
        program: &str,
        is_bare: bool,
    ) -> Result<Option<Self>> {
        let values = flags.values(environment);
        let Some(delay) = HEAL_AFTER.get(&values)? else {
            return without_effect(&values).map(|()| None);
        };
        let capacity = HEAL_WINDOW.get(&values)?;
        let share = RATE_SHARE.given(&values)?;
        let org = org_url(environment)?;
        let [shortest, longest] = POLL_INTERVALS;
        let source = org_source(&org, environment, network)?
            .rate_share(share.unwrap_or_else(|| RATE_SHARE.default_in(program)))
            .poll_interval((delay / 15).clamp(shortest, longest))
            // The deduplication window is that of the pipeline.
            .dedup_capacity(0)
            .silence_alarm(None);
        let here = Path::new("");
        let place = |name: &str| pipeline.state.place(here, Path::new(name));
        let (position, window) = (
            place("okta-coralogix.healing.checkpoint"),
            place("okta-coralogix.healing.window"),
        );
        let mut files = StateFiles::default();
        for file in [&position, &window] {
            let setting = HEAL_AFTER.about.flag;
            pipeline.state.check_checkpoint(setting, here, file)?;
            files.add_checkpoint(setting, file)?;
        }
        files.add_dead_letters(DEAD_LETTERS.about.flag, &pipeline.dead_letters)?;
        Ok(Some(Self {
            delay,
            capacity,
            org: org.to_string(),
            source,
            names: WrittenNames::of(&values, &[&RATE_SHARE.about])?,
            position,
            window,
            is_bare,
        }))
    }
}

/// An audit looks for the uuid in one place: healed events have it elsewhere than pushed ones with their envelope.
///
/// # Errors
/// `Config` if there is an audit too, and pushed events keep their envelope.
pub(in crate::eventbridge) fn check_beside_audit(
    heal: Option<&HealSettings>,
    has_audit: bool,
) -> Result<()> {
    match heal {
        Some(heal) if has_audit && !heal.is_bare => {
            let detail = "with --audit-every it needs --bare-event: healed events have no envelope, and the audit would not find them; add it";
            Err(Error::config(HEAL_AFTER.about.flag, detail))
        }
        _ => Ok(()),
    }
}

/// # Errors
/// `Config` for a flag of healing, which is off. A variable may be there for another program.
fn without_effect(values: &Values<'_>) -> Result<()> {
    for about in [&HEAL_WINDOW.about, &RATE_SHARE.about] {
        if let Some(written) = values.find(about)?
            && written.setting == about.flag
        {
            let detail = "has no effect without --heal-after; add one such as --heal-after 15m, or leave it out";
            return Err(Error::config(&written.setting, detail));
        }
    }
    Ok(())
}
