//! A pipeline of parts that are not `Debug`.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use okta_coralogix_core::dead_letter::{DeadLetter, DeadLetters};
use okta_coralogix_core::filter::{DedupWindow, DropReason, EventFilter};
use okta_coralogix_core::mapping::MappingError;
use okta_coralogix_core::observe::{Observer, PipelineContext, PipelineEvent};
use okta_coralogix_core::sink::{Batch, BatchLimits, EncodeError};
use okta_coralogix_core::testing::{MemorySink, MemorySource};
use okta_coralogix_core::{
    AckOrder, Acker, Clock, CoralogixMapping, Delivery, EventSource, LogEntry, LogSink, Mapping,
    Outcome, Pipeline, RawEvent, Result,
};

use super::harness::{pages, start};

/// What it forwards to holds a secret, say.
struct NotDebug<T>(T);

#[async_trait]
impl Acker for NotDebug<Box<dyn Acker>> {
    async fn settle(self: Box<Self>, outcomes: &[Outcome]) -> Result<()> {
        self.0.settle(outcomes).await
    }
}

#[async_trait]
impl EventSource for NotDebug<MemorySource> {
    fn ack_order(&self) -> AckOrder {
        self.0.ack_order()
    }

    fn dedup_window(&self) -> DedupWindow {
        self.0.dedup_window()
    }

    async fn next(&mut self) -> Result<Option<Delivery>> {
        let delivery = self.0.next().await?;
        Ok(delivery.map(|delivery| {
            let acker = Box::new(NotDebug(delivery.acker));
            Delivery::new(delivery.items, acker)
        }))
    }
}

#[async_trait]
impl LogSink for NotDebug<MemorySink> {
    fn limits(&self) -> BatchLimits {
        self.0.limits()
    }

    fn encode(&self, entries: &[LogEntry]) -> Result<Batch, EncodeError> {
        self.0.encode(entries)
    }

    async fn send(&self, batch: &Batch) -> Result<()> {
        self.0.send(batch).await
    }
}

impl Clock for NotDebug<DateTime<Utc>> {
    fn now(&self) -> DateTime<Utc> {
        self.0
    }
}

impl Mapping for NotDebug<CoralogixMapping> {
    fn map(&self, event: &RawEvent) -> Result<LogEntry, MappingError> {
        self.0.map(event)
    }
}

impl EventFilter for NotDebug<()> {
    fn check(&self, _: &RawEvent, _: DateTime<Utc>) -> Option<DropReason> {
        None
    }
}

impl Observer for NotDebug<()> {
    fn observe(&self, _: &PipelineContext<'_>, _: &PipelineEvent<'_>) {}
}

#[async_trait]
impl DeadLetters for NotDebug<()> {
    async fn write(&self, _: &[DeadLetter]) -> Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn pipeline_runs_with_parts_that_are_not_debug() {
    let (pages, events) = pages(2, 10);
    let sink = MemorySink::new();
    let source = NotDebug(MemorySource::new(AckOrder::Cumulative, pages));
    let pipeline = Pipeline::builder(source, NotDebug(sink.clone()))
        .clock(NotDebug(start()))
        .mapping(NotDebug(CoralogixMapping::builder().build().unwrap()))
        .filter(NotDebug(()))
        .observer(NotDebug(()))
        .dead_letters(NotDebug(()))
        .build()
        .unwrap();
    let summary = pipeline.run(std::future::pending()).await.unwrap();
    assert_eq!(summary.delivered, events.len() as u64);
    let shown = format!("{:?}", &NotDebug(sink) as &dyn LogSink);
    assert_eq!(shown, "LogSink");
}
