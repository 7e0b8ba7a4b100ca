//! The program under test: put together as the example programs are, on the fakes of one process.

use std::sync::Arc;
use std::time::Duration;

use coralogix_sink::CoralogixSink;
use eventbridge_source::http::HttpSource;
use eventbridge_source::sqs::SqsSource;
use okta_coralogix_core::checkpoint::FileCheckpoint;
use okta_coralogix_core::dead_letter::FileDeadLetters;
use okta_coralogix_core::filter::EventTypeFilter;
use okta_coralogix_core::pipeline::{PipelineBuilder, RunError};
use okta_coralogix_core::{
    CoralogixMapping, Error, EventSource, Pipeline, Result, Secret, SharedClockOffset, Summary,
};
use okta_source::{ApiToken, OktaSource};
use tokio::time::{sleep, timeout};

use crate::env::{CHECKPOINT, DEAD_LETTERS};
use crate::fakes::clock::since;
use crate::fakes::credentials::{api_token, ingress_key, push_key};
use crate::fakes::disk::FakeDisk;
use crate::fakes::network::FakeNetwork;
use crate::fakes::queue::FakeQueue;
use crate::fault::Seam;
use crate::oracle::MAX_BYTES;
use crate::plan::{Route, Settings};
use crate::process::Process;

/// How long the server of the endpoint goes on after its pipeline.
const SERVER_SHUTDOWN_DELAY: Duration = Duration::from_secs(1);

/// How long the programs wait until the queue has unsettled messages back.
const QUEUE_DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// How a program ended by itself.
#[derive(Debug)]
pub(crate) enum Exit {
    /// It was told to end, and has finished.
    Done(Summary),
    /// It could not go on.
    Failed(Box<RunError>),
    /// It could not start.
    NotStarted(Error),
}

type Ended = Result<Result<Summary, RunError>>;

/// Runs the program until it ends by itself. It is told to end by the first SIGTERM after `sigterms` of them.
pub(crate) async fn program(process: Process, settings: Settings, sigterms: u32) -> Exit {
    let program = Program {
        process,
        settings,
        sigterms,
    };
    let ended = match program.process.env().plan.route {
        Route::Pull => program.pull().await,
        Route::Http => program.http().await,
        Route::Sqs => program.sqs().await,
    };
    match ended {
        Ok(Ok(summary)) => Exit::Done(summary),
        Ok(Err(failed)) => Exit::Failed(Box::new(failed)),
        Err(error) => Exit::NotStarted(error),
    }
}

struct Program {
    process: Process,
    settings: Settings,
    sigterms: u32,
}

impl Program {
    async fn pull(&self) -> Ended {
        let env = self.process.env();
        let checkpoint = FileCheckpoint::open_with(CHECKPOINT, self.disk()).await?;
        let reader = Arc::clone(env);
        let credentials = move || {
            let token = Secret::from(api_token(reader.read_credentials().1));
            let token = ApiToken::parse(&token);
            Ok(token
                .map_err(|error| Error::config("the token's file", error))?
                .into())
        };
        let source = OktaSource::builder()
            .org_url("https://example.okta.com")
            .credentials_from(credentials)?
            .since(since())
            .page_size(self.settings.page_size)
            .checkpoint(Arc::new(checkpoint))
            .clock(Arc::clone(&env.clocks.host))
            .transport(self.network(Seam::Okta))
            .open()
            .await?;
        let sink = self.sink(&SharedClockOffset::unknown())?;
        let pipeline = self.bounded(Pipeline::builder(source, sink)).await?;
        Ok(pipeline.run(self.stopped()).await)
    }

    async fn http(&self) -> Ended {
        let env = self.process.env();
        let offset = SharedClockOffset::unknown();
        let sink = Arc::new(self.sink(&offset)?);
        let configured = env.state().push_key.configured;
        let source = (0..=configured).fold(HttpSource::builder(), |source, version| {
            source.api_key(push_key(version))
        });
        let checked = Arc::clone(&sink);
        let source = source.clock_offset(offset).sink_check(move || {
            let sink = Arc::clone(&checked);
            async move { sink.check().await }
        });
        let source = source.build()?;
        let router = source.router();
        let pipeline = self.finish(source.pipeline(Arc::clone(&sink))).await?;
        // A key that the ingress refuses is reported before an event needs it.
        if let Err(error) = sink.check().await
            && !error.is_temporary()
        {
            return Err(error);
        }
        env.endpoint.listen(&self.process, router);
        let ended = pipeline.run(self.stopped()).await;
        // Every request is answered, whatever ended the pipeline.
        env.endpoint.close();
        sleep(SERVER_SHUTDOWN_DELAY).await;
        Ok(ended)
    }

    async fn sqs(&self) -> Ended {
        let source = SqsSource::builder()
            .queue(FakeQueue(self.process.clone()))
            .max_prefetched_messages(20)
            .max_delivery_messages(usize::from(self.settings.page_size))
            .seed(self.seed())
            .open()
            .await?;
        let drain = source.drain_handle();
        let sink = self.sink(&SharedClockOffset::unknown())?;
        let pipeline = self.bounded(Pipeline::builder(source, sink)).await?;
        let ended = pipeline.run(self.stopped()).await;
        timeout(QUEUE_DRAIN_TIMEOUT, drain.wait()).await.ok();
        Ok(ended)
    }

    fn sink(&self, offset: &SharedClockOffset) -> Result<CoralogixSink> {
        let env = self.process.env();
        let reader = Arc::clone(env);
        CoralogixSink::builder()
            .domain("eu2.coralogix.com")
            .api_key_from(move || Ok(Secret::from(ingress_key(reader.read_credentials().0))))
            .gzip_level(self.settings.gzip.into())
            .max_request_entries(self.settings.max_entries)
            .max_request_bytes(MAX_BYTES)
            .clock_offset(offset.clone(), Arc::clone(&env.clocks.host))
            .transport(self.network(Seam::Ingress))
            .build()
    }

    async fn bounded<S: EventSource>(&self, pipeline: PipelineBuilder<S>) -> Result<Pipeline<S>> {
        let pipeline = pipeline
            .max_in_flight_deliveries(self.settings.max_in_flight_deliveries)
            .max_in_flight_events(4_000);
        self.finish(pipeline).await
    }

    async fn finish<S: EventSource>(&self, pipeline: PipelineBuilder<S>) -> Result<Pipeline<S>> {
        let dead_letters = FileDeadLetters::builder(DEAD_LETTERS)
            .rotate_at(2_000)
            .disk(self.disk())
            .open()
            .await?;
        let mapping = CoralogixMapping::builder().subsystem("world").build()?;
        let pipeline = pipeline
            .mapping(mapping)
            .clock(Arc::clone(&self.process.env().clocks.host))
            .dead_letters(dead_letters)
            .max_in_flight_requests(self.settings.max_in_flight_requests)
            .drain_timeout(self.settings.drain_timeout)
            .seed(self.seed());
        match self.settings.filter {
            true => pipeline
                .filter(EventTypeFilter::new([""; 0], ["noise.*"])?)
                .build(),
            false => pipeline.build(),
        }
    }

    fn disk(&self) -> Arc<FakeDisk> {
        Arc::new(FakeDisk(self.process.clone()))
    }

    fn network(&self, seam: Seam) -> Arc<FakeNetwork> {
        let env = self.process.env();
        Arc::new(FakeNetwork {
            process: self.process.clone(),
            seam,
            server: match seam {
                Seam::Okta => Arc::new(env.simulators.org.clone()),
                _ => Arc::new(env.simulators.ingress.clone()),
            },
        })
    }

    /// Differs from process to process.
    fn seed(&self) -> u64 {
        let number = self.process.number();
        self.process.env().plan.seed.wrapping_add(number.into())
    }

    async fn stopped(&self) {
        let sigterm = &self.process.env().sigterm;
        sigterm.more_than(self.sigterms).await;
    }
}
