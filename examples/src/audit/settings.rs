//! The settings of `audit`, from args and environment.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use coralogix_sink::query::{EventFilter, QueryClient, QueryClientBuilder, TimeSlice};
use okta_coralogix_core::internal::OsDisk;
use okta_coralogix_core::{Clock, Error, Result, SharedClockOffset, SystemClock};
use okta_source::{OktaSourceBuilder, OrgUrl};

use super::args::{
    AuditArgs, CONFIG, FROM, INTEGRATION, JSON, MAX_LOOKUPS, QUERIES_PER_MINUTE, TIER, TO,
    UUID_PATH, VISIBILITY_DELAY,
};
use super::of_file::FileOrgs;
use super::refill::{FORCE, LEDGER, REFILL, RefillSettings};
use super::{QUERY_VARIABLES, of_file};
use crate::program::check::CHECK;
use crate::program::coralogix::{self, APPLICATION, SUBSYSTEM};
use crate::program::entry_settings::EntrySettings;
use crate::program::missing::Missing;
use crate::program::pipeline_settings::{DEAD_LETTERS, PipelineSettings};
use crate::program::secrets::{self, SecretJudge};
use crate::program::settings::{Values, WrittenNames};
use crate::program::{Environment, Network, StateFiles, is_state};
use crate::pull::config::{FILTER, Q, RATE_SHARE};
use crate::pull::{
    RangeTimes, check_kept, required,
    settings::{org_source, org_url},
    text,
};

/// The settings of a run: of one org after the other.
#[derive(Debug)]
pub struct Settings {
    pub(super) orgs: FileOrgs,
    pub(super) check: bool,
}

/// The settings of the audit of an org.
#[derive(Debug)]
pub(super) struct OrgSettings {
    /// Its name in the file of `--config`, if there is one.
    pub(super) integration: Option<String>,
    pub(super) range: TimeSlice,
    /// The address of the org.
    pub(super) org: String,
    pub(super) source: OktaSourceBuilder,
    pub(super) names: WrittenNames,
    pub(super) client: Arc<QueryClient>,
    pub(super) filter: EventFilter,
    /// What is looked for, in words.
    pub(super) target: String,
    /// The key of the sink is the key of the queries.
    pub(super) has_one_key: bool,
    pub(super) pipeline: PipelineSettings,
    /// Set: what is missing is sent.
    pub(super) refill: Option<RefillSettings>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) visibility_delay: Duration,
    pub(super) max_lookups: usize,
    pub(super) json: bool,
}

impl Settings {
    pub(super) fn read(args: &AuditArgs, environment: &Environment) -> Result<Self> {
        let values = args.audit.values(environment);
        let orgs = match CONFIG.given(&values)? {
            Some(file) => of_file::read(&file, args, environment)?,
            None => FileOrgs {
                orgs: vec![OrgSettings::read(args, environment)?],
                ..FileOrgs::default()
            },
        };
        Ok(Self {
            orgs,
            check: CHECK.get(&args.check.values(environment))?,
        })
    }
}

impl OrgSettings {
    fn read(args: &AuditArgs, environment: &Environment) -> Result<Self> {
        let values = args.audit.values(environment);
        let okta = args
            .okta
            .values(environment)
            .flags(args.filter.given())
            .flags(args.pipeline.given())
            .flags(args.entry.given());
        if let Some(written) = values.find(&INTEGRATION.about)? {
            let detail = "names an integration of the file of --config, which is not given; add it, or leave this out";
            return Err(Error::config(&written.setting, detail));
        }
        let refill = args.refill.values(environment);
        required(&values, environment, REFILL.get(&refill)?)?;
        let delay = VISIBILITY_DELAY.get(&values)?;
        let range = range(&values, delay)?;
        let org = org_url(environment)?;
        let network = Network::read(&args.network, environment)?;
        let names = WrittenNames::of(&okta, &[&FILTER.about, &Q.about, &RATE_SHARE.about])?;
        let (client, has_one_key) = client(&values, environment, &network)?;
        let (filter, target) = stored(environment, Some(org.subdomain()))?;
        let pipeline = PipelineSettings::read(&okta)?;
        check_letters(&okta, &pipeline)?;
        let refill = refilled(
            &refill,
            &okta,
            environment,
            &network,
            &pipeline,
            org.subdomain(),
        )?;
        Ok(Self {
            integration: None,
            range,
            source: source(&okta, environment, &network, &org)?,
            org: org.to_string(),
            names,
            client: Arc::new(client),
            filter,
            target,
            has_one_key,
            pipeline,
            refill,
            clock: Arc::new(SystemClock),
            visibility_delay: delay,
            max_lookups: MAX_LOOKUPS.get(&values)?,
            json: JSON.get(&values)?,
        })
    }
}

/// Letters that replicas share are not read: their events would be called missing without the cause, and a refill could double them.
///
/// # Errors
/// `Config`, with the name that the user wrote.
pub(super) fn check_letters(values: &Values<'_>, pipeline: &PipelineSettings) -> Result<()> {
    if !is_state(&pipeline.dead_letters) {
        return Ok(());
    }
    let written = values.find(&DEAD_LETTERS.about)?;
    let setting = written.map_or_else(
        || DEAD_LETTERS.about.flag.to_owned(),
        |written| written.setting,
    );
    let detail = "is state, and an audit does not read the dead letters that replicas share: it would call their events missing without the \
                  cause, and a refill could send what a replay sends too. Run replay first, then give - here, with which no letters are read; \
                  or name a file, and write ./state for one of this name";
    Err(Error::config(&setting, detail))
}

/// # Errors
/// `Config`, which names all that is missing.
fn required(values: &Values<'_>, environment: &Environment, sends: bool) -> Result<()> {
    let mut missing = Missing::default();
    require_range(&mut missing, values)?;
    required::org(&mut missing, environment);
    require_query(&mut missing, environment);
    if sends {
        coralogix::require(&mut missing, environment);
    }
    missing.check()
}

/// Adds the ends of the range.
pub(super) fn require_range(missing: &mut Missing, values: &Values<'_>) -> Result<()> {
    for (setting, what) in [
        (
            &FROM,
            "where the range that is audited begins, such as 2026-11-22T00:00:00Z or 48h",
        ),
        (&TO, "where it ends, such as 2026-11-29T00:00:00Z or 1h"),
    ] {
        if values.find(&setting.about)?.is_none() {
            missing.add(setting.about.flag, format!("is missing: write {what}"));
        }
    }
    Ok(())
}

/// Adds what queries cannot do without.
pub(super) fn require_query(missing: &mut Missing, environment: &Environment) {
    let [endpoint, key, key_file] = QUERY_VARIABLES;
    let region = "a region such as `EU2` or a domain such as `eu2.coralogix.com`, or set CORALOGIX_QUERY_ENDPOINT";
    missing.require(environment, &[coralogix::VARIABLES[0], endpoint], region);
    let advice = "an API key with the preset DataQuerying (Coralogix, Settings, API Keys; a Send-Your-Data key cannot query), or \
                  CORALOGIX_QUERY_KEY_FILE to the path of its file";
    missing.require(environment, &[key, key_file], advice);
}

/// What a refill sends with: the sink and the mapping of `pull`.
fn refilled(
    refill: &Values<'_>,
    values: &Values<'_>,
    environment: &Environment,
    network: &Network,
    pipeline: &PipelineSettings,
    subdomain: &str,
) -> Result<Option<RefillSettings>> {
    let Some(force) = forced(refill)? else {
        return Ok(None);
    };
    let entry = EntrySettings::read(values)?;
    let sink = coralogix::sink(environment, network, &entry, &SharedClockOffset::unknown())?;
    let ledger = pipeline.state.place(Path::new(""), &LEDGER.get(refill)?);
    let mut files = StateFiles::default();
    files.add_checkpoint(LEDGER.about.flag, &ledger)?;
    files.add_dead_letters(DEAD_LETTERS.about.flag, &pipeline.dead_letters)?;
    Ok(Some(RefillSettings {
        // As the pipeline of `pull` without a file is named.
        integration: subdomain.to_owned(),
        sink: Arc::new(sink.build()?),
        mapping: Arc::new(coralogix::mapping(environment, &entry, Some(subdomain))?.build()?),
        options: pipeline.options.clone(),
        ledger,
        disk: Arc::new(OsDisk),
        force,
    }))
}

/// Whether a refill is forced; `None`: there is none.
pub(super) fn forced(refill: &Values<'_>) -> Result<Option<bool>> {
    match (REFILL.get(refill)?, FORCE.get(refill)?) {
        (true, force) => Ok(Some(force)),
        (false, false) => Ok(None),
        (false, true) => Err(Error::config(
            FORCE.about.flag,
            "is about a refill: add --refill, or leave it out",
        )),
    }
}

/// The range, which has ended so long ago that all of it can be found.
pub(super) fn range(values: &Values<'_>, delay: Duration) -> Result<TimeSlice> {
    let now = SystemClock.now();
    let written = |setting: &'static _| -> Result<(String, String)> {
        let found = values.find(setting)?;
        Ok(found.map_or_else(Default::default, |found| (found.setting, found.value)))
    };
    let (from, to) = (written(&FROM.about)?, written(&TO.about)?);
    let times = RangeTimes::parse(&from, &to, now)?;
    let (start, end) = (times.range.start, times.range.end);
    check_kept(&from.0, start, now)?;
    let latest =
        now - TimeDelta::from_std(delay).unwrap_or(TimeDelta::MAX.min(now - DateTime::UNIX_EPOCH));
    if end > latest {
        let delay = humantime::format_duration(delay);
        let detail = format!(
            "is {}, less than {delay} ago, so that what a query does not find may not be visible yet: write {delay}, or an earlier time (or a \
             shorter --visibility-delay, if you have seen that logs are found sooner)",
            text(end)
        );
        return Err(Error::config(&to.0, detail));
    }
    // A relative time has more digits than Okta's times.
    let second = |time: DateTime<Utc>| time.duration_trunc(TimeDelta::seconds(1)).unwrap_or(time);
    TimeSlice::new(second(start), second(end))
}

fn client(
    values: &Values<'_>,
    environment: &Environment,
    network: &Network,
) -> Result<(QueryClient, bool)> {
    let (builder, has_one_key) = variables_client(environment, network)?;
    let names = WrittenNames::of(values, &[&UUID_PATH.about, &QUERIES_PER_MINUTE.about])?;
    let client = builder
        .tier(TIER.get(values)?)
        .uuid_path(UUID_PATH.get(values)?)
        .queries_per_minute(QUERIES_PER_MINUTE.get(values)?)
        .build()
        .map_err(|error| names.named(error))?;
    Ok((client, has_one_key))
}

/// The client of the variables, and whether its key is that of the sink.
pub(super) fn variables_client(
    environment: &Environment,
    network: &Network,
) -> Result<(QueryClientBuilder, bool)> {
    let judge = SecretJudge::of_variables(environment);
    let key = secrets::read(environment, QUERY_VARIABLES[1])?;
    if let Some((setting, key)) = &key {
        judge.check_variable(setting, key)?;
    }
    // A file is not read for a comparison: it may be a pipe that is meant for another program.
    let sends = environment.get(coralogix::VARIABLES[2])?;
    let has_one_key = key
        .as_ref()
        .zip(sends)
        .is_some_and(|((_, key), sends)| key.expose() == sends.trim());
    let client = QueryClientBuilder::from_env(|name| environment.raw(name))?;
    Ok((client.transport(network.transport()), has_one_key))
}

/// Which logs are of this org, and that in words.
/// `subsystem` is the name if the variable has none; without one, all are of this org.
pub(super) fn stored(
    environment: &Environment,
    subsystem: Option<&str>,
) -> Result<(EventFilter, String)> {
    let application = coralogix::name(environment, APPLICATION, "\"okta\"")?;
    let application = application.unwrap_or_else(|| "okta".to_owned());
    let default = subsystem.map_or_else(|| "all".to_owned(), |name| format!("{name:?}"));
    let named = coralogix::name(environment, SUBSYSTEM, &default)?;
    let subsystem = named.or_else(|| subsystem.map(Into::into));
    filter_of(&application, subsystem.as_deref())
}

/// The logs of these names, and the names in words. One that is taken from a field of each event selects none.
pub(crate) fn filter_of(
    application: &str,
    subsystem: Option<&str>,
) -> Result<(EventFilter, String)> {
    let fixed = |name: &&str| !name.starts_with("$.");
    let mut filter = EventFilter::all();
    let mut words = Vec::new();
    if let Some(application) = Some(application).filter(fixed) {
        words.push(format!("application {application:?}"));
        filter = filter.application(application)?;
    }
    if let Some(subsystem) = subsystem.filter(fixed) {
        words.push(format!("subsystem {subsystem:?}"));
        filter = filter.subsystem(subsystem)?;
    }
    let words = match words.is_empty() {
        true => "any application and subsystem".to_owned(),
        false => words.join(" and "),
    };
    Ok((filter, words))
}

fn source(
    values: &Values<'_>,
    environment: &Environment,
    network: &Network,
    org: &OrgUrl,
) -> Result<OktaSourceBuilder> {
    let share = RATE_SHARE.given(values)?;
    let mut source = org_source(org, environment, network)?
        .rate_share(share.unwrap_or_else(|| RATE_SHARE.default_in("audit")));
    if let Some(filter) = FILTER.given(values)? {
        source = source.filter(filter);
    }
    if let Some(keywords) = Q.given(values)? {
        source = source.q(keywords);
    }
    Ok(source)
}
