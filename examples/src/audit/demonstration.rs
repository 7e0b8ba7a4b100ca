//! `audit` between a simulated org and a simulated account that lacks some of its events.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use coralogix_sink::query::{EventFilter, EventId, QueryClient, TimeSlice};
use coralogix_sink::simulator::CoralogixSimulator;
use okta_coralogix_core::testing::EventGenerator;
use okta_coralogix_core::{Clock, Result, SystemClock};
use okta_source::OktaSource;
use okta_source::simulator::OktaSimulator;

use super::of_file::FileOrgs;
use super::run;
use super::settings::OrgSettings;
use crate::program::ExitStatus;
use crate::program::demonstration::{cannot_start, print};
use crate::program::pipeline_settings::PipelineSettings;
use crate::program::progress::Progress;

const TOKEN: &str = "00-demonstration-token";

/// Events in a day, one each half a minute.
const EVENTS: i32 = 2_880;

pub(super) async fn run(progress: Progress) -> Result<ExitStatus<()>> {
    let end = SystemClock
        .now()
        .duration_trunc(TimeDelta::hours(1))
        .unwrap_or_default()
        - TimeDelta::hours(2);
    let start = end - TimeDelta::hours(24);
    let org = OktaSimulator::builder()
        .token(TOKEN)
        .rate_limit(100_000)
        .build();
    let account = CoralogixSimulator::new();
    let mut generator = EventGenerator::new(31);
    let mut stored: Vec<(EventId, DateTime<Utc>)> = Vec::new();
    let mut lost = 0;
    for number in 0..EVENTS {
        let published = start + TimeDelta::seconds(30) * number;
        let event = generator.event(published);
        let is_lost = (840..1_080).contains(&number) || number == 17;
        match is_lost {
            true => lost += 1,
            false => stored.push((EventId::new(&event.uuid), published)),
        }
        org.append_at(published, [event.json]);
    }
    stored.push(stored[400].clone());
    print(&format!(
        "Of {EVENTS} events {lost} did not arrive: those of two hours, and one more. One arrived twice."
    ));
    account.store_events("okta", "demonstration", stored);
    account.set_query_account(|account| account.queries_per_minute = 1_000);
    let (org_server, account_server) = (
        org.serve().await.map_err(cannot_start)?,
        account.serve().await.map_err(cannot_start)?,
    );
    let client = QueryClient::builder()
        .query_endpoint(account_server.base_url())
        .query_key(account.query_key())
        .queries_per_minute(300)
        .build()?;
    let source = OktaSource::builder()
        .org_url(org_server.base_url())
        .api_token(TOKEN)
        .rate_share(1.0);
    let settings = OrgSettings {
        integration: None,
        range: TimeSlice::new(start, end)?,
        org: "the simulated org".into(),
        source,
        names: Default::default(),
        client: Arc::new(client),
        filter: EventFilter::all()
            .application("okta")?
            .subsystem("demonstration")?,
        target: "application \"okta\" and subsystem \"demonstration\"".into(),
        has_one_key: false,
        pipeline: PipelineSettings {
            dead_letters: "-".into(),
            ..PipelineSettings::default()
        },
        refill: None,
        clock: Arc::new(SystemClock),
        visibility_delay: Duration::from_secs(30 * 60),
        max_lookups: 100_000,
        json: false,
    };
    let orgs = FileOrgs {
        orgs: vec![settings],
        ..FileOrgs::default()
    };
    let status = run::run(orgs, progress).await?;
    Ok(match status {
        // The differences are what it shows.
        ExitStatus::Silent(3, None) => ExitStatus::told(),
        other => other,
    })
}
