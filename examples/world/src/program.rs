//! The program: put together as the example programs are, on the seams of one life.

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

use crate::book::MOST_BYTES;
use crate::disk::LifeDisk;
use crate::life::Life;
use crate::line::Line;
use crate::plan::{Route, Seam, Settings};
use crate::scene::{CHECKPOINT, DEAD_LETTERS, door_key, key, start, token};
use crate::wire::Wire;

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

/// One program, from its start to its end; it begins after `terms` SIGTERMs.
pub(crate) async fn program(life: Life, settings: Settings, terms: u32) -> Ended {
    let route = life.scene().plan.route;
    let ran = match route {
        Route::Pull => pull(life, settings, terms).await,
        Route::Http => http(life, settings, terms).await,
        Route::Sqs => sqs(life, settings, terms).await,
    };
    match ran {
        Ok(Ok(summary)) => Ended::Done(summary),
        Ok(Err(failed)) => Ended::Failed(Box::new(failed)),
        Err(error) => Ended::NotStarted(error),
    }
}

type Ran = Result<Result<Summary, RunError>>;

async fn pull(life: Life, settings: Settings, terms: u32) -> Ran {
    let scene = life.scene();
    let disk = Arc::new(LifeDisk(life.clone()));
    let checkpoint = FileCheckpoint::open_with(CHECKPOINT, disk).await?;
    let token = token(scene.now().token.1);
    let source = OktaSource::builder()
        .org_url("https://example.okta.com")
        .api_token(token)
        .since(start() - TimeDelta::hours(1))
        .page_limit(settings.page)
        .checkpoint(Arc::new(checkpoint))
        .clock(Arc::clone(&scene.host))
        .transport(wire(&life, Seam::Okta))
        .open()
        .await?;
    let sink = sink(&life, settings, &SharedClockOffset::unknown())?;
    let pipeline = Pipeline::builder(source, sink)
        .max_in_flight_deliveries(settings.deliveries)
        .max_in_flight_events(4_000);
    let pipeline = finish(pipeline, &life, settings).await?;
    Ok(pipeline.run(stopped(&life, terms)).await)
}

async fn http(life: Life, settings: Settings, terms: u32) -> Ran {
    let scene = Arc::clone(life.scene());
    let offset = SharedClockOffset::unknown();
    let sink = Arc::new(sink(&life, settings, &offset)?);
    let known = scene.now().door_key.1;
    let source = (0..=known).fold(HttpSource::builder(), |source, number| {
        source.api_key(door_key(number))
    });
    let asked = Arc::clone(&sink);
    let source = source.clock_offset(offset).sink_check(move || {
        let sink = Arc::clone(&asked);
        async move { sink.check().await }
    });
    let source = source.build()?;
    let router = source.router();
    let pipeline = finish(source.pipeline(Arc::clone(&sink)), &life, settings).await?;
    // A key that the ingress refuses is said before an event asks for it.
    if let Err(error) = sink.check().await
        && !error.is_temporary()
    {
        return Err(error);
    }
    scene.door.open(&life, router);
    let ended = pipeline.run(stopped(&life, terms)).await;
    // Whatever ended it, everybody is answered.
    scene.door.close();
    sleep(ANSWERS).await;
    Ok(ended)
}

async fn sqs(life: Life, settings: Settings, terms: u32) -> Ran {
    let scene = life.scene();
    let source = SqsSource::builder()
        .queue(Line(life.clone()))
        .max_prefetched_messages(20)
        .max_delivery_messages(usize::from(settings.page))
        .seed(scene.plan.seed.wrapping_add(life.number().into()))
        .open()
        .await?;
    let returned = source.drain_handle();
    let sink = sink(&life, settings, &SharedClockOffset::unknown())?;
    let pipeline = Pipeline::builder(source, sink)
        .max_in_flight_deliveries(settings.deliveries)
        .max_in_flight_events(4_000);
    let pipeline = finish(pipeline, &life, settings).await?;
    let ended = pipeline.run(stopped(&life, terms)).await;
    timeout(RETURN, returned.wait()).await.ok();
    Ok(ended)
}

fn wire(life: &Life, seam: Seam) -> Arc<Wire> {
    let scene = life.scene();
    Arc::new(Wire {
        life: life.clone(),
        seam,
        far: match seam {
            Seam::Okta => Arc::new(scene.org.clone()),
            _ => Arc::new(scene.ingress.clone()),
        },
    })
}

fn sink(life: &Life, settings: Settings, offset: &SharedClockOffset) -> Result<CoralogixSink> {
    let scene = life.scene();
    let key = key(scene.now().key.1);
    CoralogixSink::builder()
        .domain("eu2.coralogix.com")
        .api_key(key)
        .gzip_level(settings.gzip.into())
        .max_request_entries(settings.entries)
        .max_request_bytes(MOST_BYTES)
        .clock_offset(offset.clone(), Arc::clone(&scene.host))
        .transport(wire(life, Seam::Ingress))
        .build()
}

async fn finish<S: EventSource>(
    pipeline: PipelineBuilder<S>,
    life: &Life,
    settings: Settings,
) -> Result<Pipeline<S>> {
    let scene = life.scene();
    let letters = FileDeadLetters::builder(Path::new(DEAD_LETTERS))
        .rotate_at(2_000)
        .disk(Arc::new(LifeDisk(life.clone())))
        .open()
        .await?;
    let mapping = CoralogixMapping::builder().subsystem("world").build()?;
    let clock = Arc::clone(&scene.host);
    let pipeline = pipeline
        .mapping(mapping)
        .clock(clock)
        .dead_letters(letters)
        .max_in_flight_requests(settings.requests)
        .drain_timeout(settings.drain)
        .seed(scene.plan.seed.wrapping_add(life.number().into()));
    match settings.filter {
        true => pipeline
            .filter(EventTypeFilter::new([""; 0], ["noise.*"])?)
            .build(),
        false => pipeline.build(),
    }
}

/// Resolves at the next SIGTERM after the first `terms`.
async fn stopped(life: &Life, terms: u32) {
    life.scene().stop.beyond(terms).await;
}
