//! A run that sends dead letters again.

use std::sync::Arc;

use eventbridge_source::{BodyParser, Envelope};
use okta_coralogix_core::dead_letter::{DeadLetterRecord, DeadLetters as _};
use okta_coralogix_core::pipeline::PipelineBuilder;
use okta_coralogix_core::{
    CoralogixMapping, Error, ErrorKind, LogSink, MalformedEvent, Pipeline, RawEvent, Result,
    Summary,
};
use tokio::sync::watch;

use super::letters::{Letters, LettersSource, ask, count};
use super::plan::{Part, left, not_begun, plan};
use super::settings::{OnePlace, Places, Settings};
use super::total::Total;
use super::without_target::WithoutTarget;
use crate::program::admin::Admin;
use crate::program::args::age_filter;
use crate::program::metrics::{Monitor, SourceKind};
use crate::program::pipeline::{self, configure};
use crate::program::progress::{Progress, Work};
use crate::program::start::{Start, span};
use crate::program::{ExitStatus, signals};
use crate::pull::config::{Connection, Integration};

pub(super) async fn run(settings: Settings, progress: Progress) -> Result<ExitStatus> {
    let shutdown = signals::shutdown()?;
    let letters = settings.pipeline.dead_letters_file();
    let admin = Admin::start(settings.admin.clone(), letters)?;
    let stop = watch::Sender::new(false);
    let stopped = stop.subscribe();
    let status = replay(&settings, &progress, &admin, stopped);
    let status = async {
        let mut status = std::pin::pin!(status);
        tokio::select! {
            status = &mut status => status,
            () = shutdown => {
                stop.send_replace(true);
                status.await
            }
        }
    };
    let status = status.await;
    progress.finish();
    match status {
        // No setting is wrong: the store was away for all the time.
        Err(error) if error.kind() == ErrorKind::GaveUp => {
            Ok(ExitStatus::Failed(error, Summary::default()))
        }
        status => status,
    }
}

/// Sends the letters, those of one place after those of another.
async fn replay(
    settings: &Settings,
    progress: &Progress,
    admin: &Admin,
    stopped: watch::Receiver<bool>,
) -> Result<ExitStatus> {
    let opened = async {
        // What is refused changes nothing: opening the source rotates a file away.
        let counts = ask(settings, async || count(settings).await).await?;
        plan(settings, &counts)?;
        Letters::open(settings).await
    };
    let Some(letters) = unless_stopped(&stopped, opened).await else {
        return Ok(stopped_early());
    };
    let letters = letters?;
    let status = replay_all(settings, progress, admin, stopped, &letters).await;
    letters.release().await;
    status
}

/// `None`: the stop came first, and what was underway is dropped. Of these letters nothing has been sent yet.
async fn unless_stopped<T>(
    stopped: &watch::Receiver<bool>,
    before_sending: impl Future<Output = T>,
) -> Option<T> {
    tokio::select! {
        biased;
        () = until(stopped.clone()) => None,
        done = before_sending => Some(done),
    }
}

fn stopped_early() -> ExitStatus {
    tracing::warn!(
        "the replay was stopped before it had read which letters there are: start it again to send them"
    );
    ExitStatus::Done(Summary::default())
}

async fn replay_all(
    settings: &Settings,
    progress: &Progress,
    admin: &Admin,
    stopped: watch::Receiver<bool>,
    letters: &Letters,
) -> Result<ExitStatus> {
    let opened = async {
        let source = ask(settings, async || letters.source().await).await?;
        let counts = ask(settings, async || source.integrations().await).await?;
        Ok::<_, Error>((source, counts))
    };
    let Some(opened) = unless_stopped(&stopped, opened).await else {
        return Ok(stopped_early());
    };
    let (source, counts) = opened?;
    let (parts, placeless) = plan(settings, &counts)?;
    let is_one_place = matches!(settings.places, Places::One(_));
    let mut first = Some(source);
    let mut total = Total::default();
    for (index, part) in parts.iter().enumerate() {
        let source = async {
            match first.take() {
                Some(source) => Ok(source),
                None => ask(settings, async || letters.source().await).await,
            }
        };
        let Some(source) = unless_stopped(&stopped, source).await else {
            tracing::warn!("{}", not_begun(&parts[index..], settings.kept_in()));
            break;
        };
        let monitor = admin.monitor(part.name(), SourceKind::Replay);
        let sent = async {
            let watchers = (progress, &monitor);
            let pipeline = of_part(source?, part, letters, settings, watchers)?;
            Ok(pipeline::run(pipeline, until(stopped.clone())).await)
        };
        let status = match sent.await {
            Ok(status) => status,
            // Nothing was sent, and what this part lacks all parts lack.
            Err(error) if index == 0 && is_one_place => return Err(error),
            // Not an error of the whole replay: its other parts are sent, and the summary counts what was.
            Err(error) => {
                monitor.down(&error);
                ExitStatus::Failed(error, Summary::default())
            }
        };
        let is_lost = has_lost_lease(&status);
        let has_failed = matches!(status, ExitStatus::Failed(..));
        let status = match is_lost {
            true => lease_lost(status, &letters.location()),
            false => status,
        };
        total.add(part.name(), status);
        let others = &parts[index + 1..];
        // Each further part would find the same.
        if is_lost || has_failed && is_one_place {
            if !others.is_empty() {
                tracing::warn!("{}", not_begun(others, settings.kept_in()));
            }
            break;
        }
    }
    let left = left(&placeless, settings.kept_in());
    Ok(total.status(&settings.places, left))
}

fn has_lost_lease(status: &ExitStatus) -> bool {
    matches!(status, ExitStatus::Failed(error, _) if error.kind() == ErrorKind::LeaseLost)
}

/// A replay that has lost its lease, in its own words: those of the pipeline are about a log.
fn lease_lost(status: ExitStatus, location: &str) -> ExitStatus {
    let (_, _, summary) = status.into_parts();
    let detail = format!(
        "this replay has not renewed its lease on the dead letters in {location} in time, and another one may send them now: letters that \
         were not sent stay there; start it again once no other replay is running"
    );
    let error = Error::new(ErrorKind::LeaseLost, detail);
    ExitStatus::Failed(error, summary.unwrap_or_default())
}

async fn until(mut stopped: watch::Receiver<bool>) {
    if stopped.wait_for(|stop| *stop).await.is_err() {
        std::future::pending().await
    }
}

fn connect(integration: &Integration) -> Result<Connection> {
    integration.connect(&integration.read_secrets()?)
}

/// The place of a part: sink, mapping, and the proxy on the way there.
type Place<'a> = (Arc<dyn LogSink>, Arc<CoralogixMapping>, Option<&'a str>);

/// The place of the letters of a part, and the source of these letters as that place reads them.
fn place_of<'a>(
    part: &Part,
    settings: &'a Settings,
    source: LettersSource,
) -> Result<(Place<'a>, LettersSource)> {
    let integrations = match &settings.places {
        Places::One(place) => {
            let (sink, mapping) = (Arc::clone(&place.sink), Arc::clone(&place.mapping));
            let restored = place.clone();
            let source = source.parse_with(move |record| parse(record, &restored));
            return Ok(((sink, mapping, place.proxy.as_deref()), source));
        }
        Places::Integrations(integrations) => integrations,
    };
    // Letters that name none are sent only if one was given for them.
    let name = part.integration.as_ref().or(settings.integration.as_ref());
    let integration = integrations.iter().find(|one| Some(&one.name) == name);
    let integration = integration.expect("it is known");
    let Connection { sink, mapping, .. } = connect(integration)?;
    let place = (sink as _, Arc::new(mapping), integration.proxy.as_deref());
    Ok((place, source.parse_with(read)))
}

/// The pipeline of one part.
fn of_part(
    source: LettersSource,
    part: &Part,
    letters: &Letters,
    settings: &Settings,
    (progress, monitor): (&Progress, &Monitor),
) -> Result<Pipeline<LettersSource>> {
    let ((sink, mapping, proxy), source) = place_of(part, settings, source)?;
    let name = part.name();
    let path = letters.path();
    let start = Start {
        source: &path.display().to_string(),
        target: &sink.address(),
        proxy,
        resumes: &format!("{} letters are to be sent", part.letters),
        dead_letters: Some(&path),
        ..Start::default()
    };
    span(name).in_scope(|| start.log());
    progress.expect(name, Work::Events(part.letters));
    let wanted = part.clone();
    let source = source.only(move |target| wanted.takes(target));
    let builder: PipelineBuilder<_> = Pipeline::builder(source, sink).name(name).mapping(mapping);
    let builder = match part.integration {
        Some(_) => builder.dead_letters(letters.clone()),
        None => builder.dead_letters(WithoutTarget(letters.clone())),
    };
    let builder = match letters.lease() {
        Some(lease) => builder.lease(lease),
        None => builder,
    };
    let give_up_after = Some(settings.give_up_after);
    let pipeline = configure(
        builder,
        (progress.observer(), monitor.clone()),
        &settings.pipeline.options,
        give_up_after,
    )
    .age_filter(age_filter(settings.too_old()))
    .build()?;
    monitor.attach(pipeline.handle());
    Ok(pipeline)
}

/// A letter, with the names that its entry had unless the settings have others.
fn parse(mut record: DeadLetterRecord, place: &OnePlace) -> Result<RawEvent, MalformedEvent> {
    if let Some(target) = &record.target {
        let origin = &mut record.origin;
        if !place.names_application && origin.application.is_none() {
            origin.application.clone_from(&target.application);
        }
        if !place.names_subsystem && origin.subsystem.is_none() {
            origin.subsystem.clone_from(&target.subsystem);
        }
    }
    read(record)
}

/// A letter holds the bytes of an event, or of an EventBridge envelope or another wrapping around one, and the event's origin.
pub(crate) fn read(record: DeadLetterRecord) -> Result<RawEvent, MalformedEvent> {
    let (bytes, origin) = (record.bytes, Arc::new(record.origin));
    if let Ok(envelope) = Envelope::parse(bytes.clone()) {
        return RawEvent::parse_within(bytes, envelope.detail_range(), origin);
    }
    RawEvent::parse(bytes, Arc::clone(&origin)).or_else(|malformed| {
        let parser = BodyParser::default().any_source(true);
        let mut items = parser.parse(malformed.bytes.clone());
        match (items.pop(), items.is_empty()) {
            (Some(Ok(event)), true) => Ok(event.with_origin(origin)),
            // Several events in one letter: each would need an end of its own.
            _ => Err(malformed),
        }
    })
}

#[cfg(test)]
mod tests {
    use okta_coralogix_core::Origin;
    use okta_coralogix_core::dead_letter::{DeadLetter, DeadLetterReason};
    use serde_json::json;

    use super::*;

    fn record(bytes: impl Into<bytes::Bytes>) -> DeadLetterRecord {
        let time = chrono::DateTime::UNIX_EPOCH;
        let origin = Arc::new(Origin::org("acme"));
        let letter = DeadLetter::new(time, DeadLetterReason::Rejected, "", origin, bytes.into());
        DeadLetterRecord::from(&letter)
    }

    #[test]
    fn lost_lease_is_told_of_the_replay_and_keeps_the_counts() {
        let mut summary = Summary::default();
        summary.delivered = 3;
        let lost = okta_coralogix_core::LeaseLost.into();
        let status = ExitStatus::Failed(lost, summary);
        assert!(has_lost_lease(&status));
        let (code, error, summary) = lease_lost(status, "s3://b/.letters-*").into_parts();
        let text = error.unwrap().to_string();
        assert_eq!((code, summary.unwrap().delivered), (1, 3));
        assert!(
            text.contains("this replay") && text.contains("s3://b"),
            "{text}"
        );
        assert!(!text.contains("the log"), "{text}");
        let other = Error::new(ErrorKind::Unauthorized, "");
        assert!(!has_lost_lease(&ExitStatus::Failed(
            other,
            Summary::default()
        )));
    }

    #[test]
    fn letter_with_a_wrapped_event_gives_the_event() {
        let event = json!({"uuid": "u", "published": "2026-11-22T12:00:00Z"});
        let envelope = json!({"source": "aws.partner/okta.com/acme/audit", "detail": event});
        let notification = json!({"Type": "Notification", "Message": envelope.to_string()});
        let notified = json!({"EventSource": "aws:sns", "Sns": notification});
        for letter in [
            event.to_string(),
            envelope.to_string(),
            format!("\u{feff}{envelope}"),
            json!([envelope]).to_string(),
            notification.to_string(),
            notified.to_string(),
            json!({"source": "another.app", "detail": event}).to_string(),
        ] {
            let read = read(record(letter.clone()));
            let read = read.unwrap_or_else(|error| panic!("{letter}: {error:?}"));
            assert_eq!(read.uuid().as_deref(), Some("u"), "{letter}");
            assert_eq!(read.origin().org, "acme");
        }
        for letter in [json!([envelope, envelope]).to_string(), "no event".into()] {
            let bytes = read(record(letter.clone())).unwrap_err().bytes;
            assert_eq!(bytes, letter.as_bytes(), "kept whole");
        }
    }
}
