//! The program: put together as the example programs are, on the seams of one process.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use coralogix_sink::CoralogixSink;
use eventbridge_source::http::HttpSource;
use eventbridge_source::sqs::SqsSource;
use okta_coralogix_core::checkpoint::FileCheckpoint;
use okta_coralogix_core::dead_letter::FileDeadLetters;
use okta_coralogix_core::filter::EventTypeFilter;
use okta_coralogix_core::pipeline::{PipelineBuilder, RunError};
use okta_coralogix_core::{
    CoralogixMapping, Error, EventSource, Pipeline, Result, SharedClockOffset, Summary,
};
use okta_source::OktaSource;
use tokio::time::{sleep, timeout};

use crate::env::{CHECKPOINT, DEAD_LETTERS, key, push_key, start, token};
use crate::fakes::disk::FakeDisk;
use crate::fakes::network::FakeNetwork;
use crate::fakes::queue::FakeQueue;
use crate::oracle::MAX_BYTES;
use crate::plan::{Route, Seam, Settings};
use crate::process::Process;

/// How long the server of the endpoint goes on after its pipeline.
const ANSWERS: Duration = Duration::from_secs(1);

/// As long as the programs wait for the queue to get back what was not settled.
const RETURN: Duration = Duration::from_secs(5);

/// How a program ended by itself.
#[derive(Debug)]
pub(crate) enum Ended {
    /// It was told to, and has finished.
    Done(Summary),
    /// It could not go on.
    Failed(Box<RunError>),
    /// It could not begin.
    NotStarted(Error),
}

/// One program, from its start to its end; it begins after `sigterms` SIGTERMs.
pub(crate) async fn program(process: Process, settings: Settings, sigterms: u32) -> Ended {
    let route = process.env().plan.route;
    let ran = match route {
        Route::Pull => pull(process, settings, sigterms).await,
        Route::Http => http(process, settings, sigterms).await,
        Route::Sqs => sqs(process, settings, sigterms).await,
    };
    match ran {
        Ok(Ok(summary)) => Ended::Done(summary),
        Ok(Err(failed)) => Ended::Failed(Box::new(failed)),
        Err(error) => Ended::NotStarted(error),
    }
}

type Ran = Result<Result<Summary, RunError>>;

async fn pull(process: Process, settings: Settings, sigterms: u32) -> Ran {
    let env = process.env();
    let disk = Arc::new(FakeDisk(process.clone()));
    let checkpoint = FileCheckpoint::open_with(CHECKPOINT, disk).await?;
    let token = token(env.state().token.1);
    let source = OktaSource::builder()
        .org_url("https://example.okta.com")
        .api_token(token)
        .since(start() - TimeDelta::hours(1))
        .page_limit(settings.page)
        .checkpoint(Arc::new(checkpoint))
        .clock(Arc::clone(&env.host_clock))
        .transport(network(&process, Seam::Okta))
        .open()
        .await?;
    let sink = sink(&process, settings, &SharedClockOffset::unknown())?;
    let pipeline = Pipeline::builder(source, sink)
        .max_in_flight_deliveries(settings.deliveries)
        .max_in_flight_events(4_000);
    let pipeline = finish(pipeline, &process, settings).await?;
    Ok(pipeline.run(stopped(&process, sigterms)).await)
}

async fn http(process: Process, settings: Settings, sigterms: u32) -> Ran {
    let env = Arc::clone(process.env());
    let offset = SharedClockOffset::unknown();
    let sink = Arc::new(sink(&process, settings, &offset)?);
    let known = env.state().push_key.1;
    let source = (0..=known).fold(HttpSource::builder(), |source, number| {
        source.api_key(push_key(number))
    });
    let asked = Arc::clone(&sink);
    let source = source.clock_offset(offset).sink_check(move || {
        let sink = Arc::clone(&asked);
        async move { sink.check().await }
    });
    let source = source.build()?;
    let router = source.router();
    let pipeline = finish(source.pipeline(Arc::clone(&sink)), &process, settings).await?;
    // A key that the ingress refuses is said before an event asks for it.
    if let Err(error) = sink.check().await
        && !error.is_temporary()
    {
        return Err(error);
    }
    env.endpoint.open(&process, router);
    let ended = pipeline.run(stopped(&process, sigterms)).await;
    // Whatever ended it, everybody is answered.
    env.endpoint.close();
    sleep(ANSWERS).await;
    Ok(ended)
}

async fn sqs(process: Process, settings: Settings, sigterms: u32) -> Ran {
    let env = process.env();
    let source = SqsSource::builder()
        .queue(FakeQueue(process.clone()))
        .read_ahead(20)
        .delivery(usize::from(settings.page))
        .seed(env.plan.seed.wrapping_add(process.number().into()))
        .open()
        .await?;
    let returned = source.returned();
    let sink = sink(&process, settings, &SharedClockOffset::unknown())?;
    let pipeline = Pipeline::builder(source, sink)
        .max_in_flight_deliveries(settings.deliveries)
        .max_in_flight_events(4_000);
    let pipeline = finish(pipeline, &process, settings).await?;
    let ended = pipeline.run(stopped(&process, sigterms)).await;
    timeout(RETURN, returned.wait()).await.ok();
    Ok(ended)
}

fn network(process: &Process, seam: Seam) -> Arc<FakeNetwork> {
    let env = process.env();
    Arc::new(FakeNetwork {
        process: process.clone(),
        seam,
        remote: match seam {
            Seam::Okta => Arc::new(env.org.clone()),
            _ => Arc::new(env.ingress.clone()),
        },
    })
}

fn sink(
    process: &Process,
    settings: Settings,
    offset: &SharedClockOffset,
) -> Result<CoralogixSink> {
    let env = process.env();
    let key = key(env.state().key.1);
    CoralogixSink::builder()
        .domain("eu2.coralogix.com")
        .api_key(key)
        .gzip_level(settings.gzip.into())
        .max_request_entries(settings.entries)
        .max_request_bytes(MAX_BYTES)
        .clock_offset(offset.clone(), Arc::clone(&env.host_clock))
        .transport(network(process, Seam::Ingress))
        .build()
}

async fn finish<S: EventSource>(
    pipeline: PipelineBuilder<S>,
    process: &Process,
    settings: Settings,
) -> Result<Pipeline<S>> {
    let env = process.env();
    let letters = FileDeadLetters::builder(Path::new(DEAD_LETTERS))
        .rotate_at(2_000)
        .disk(Arc::new(FakeDisk(process.clone())))
        .open()
        .await?;
    let mapping = CoralogixMapping::builder().subsystem("world").build()?;
    let clock = Arc::clone(&env.host_clock);
    let pipeline = pipeline
        .mapping(mapping)
        .clock(clock)
        .dead_letters(letters)
        .max_in_flight_requests(settings.requests)
        .drain_timeout(settings.drain)
        .seed(env.plan.seed.wrapping_add(process.number().into()));
    match settings.filter {
        true => pipeline
            .filter(EventTypeFilter::new([""; 0], ["noise.*"])?)
            .build(),
        false => pipeline.build(),
    }
}

/// Resolves at the next SIGTERM after the first `sigterms`.
async fn stopped(process: &Process, sigterms: u32) {
    process.env().stop.beyond(sigterms).await;
}
