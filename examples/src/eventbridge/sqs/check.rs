//! `--check`: asks SQS, Coralogix and this machine, and receives no message.

use std::time::Duration;

use eventbridge_source::sqs::{AwsQueue, Encryption, QueueSetup, SqsSource};
use okta_coralogix_core::internal::text::seconds;
use okta_coralogix_core::{Error, ErrorKind, Result, Summary};

use super::proxy_of;
use super::settings::Settings;
use crate::eventbridge::check::{check_healing, check_route};
use crate::program::ExitStatus;
use crate::program::check::{Report, check_admin, check_open_files, through};
use crate::program::open_files::needed;

/// Coralogix takes no event that is older, so that a message need not be kept for longer, and should not be for less.
const MIN_RETENTION: Duration = Duration::from_secs(24 * 3600);

/// A message is given back with waits of up to 15 minutes while Coralogix is away: with fewer receives it is a dead letter of the queue
/// after an hour.
const MIN_RECEIVES: u64 = 5;

pub(super) async fn check(settings: Settings) -> ExitStatus<Summary> {
    let mut report = Report::default();
    check_queue(&mut report, &settings).await;
    let _state = check_route(&mut report, &settings.route).await;
    if let Some(audit) = settings.audit {
        audit.check(&mut report).await;
    }
    check_healing(&mut report, settings.watch.heal).await;
    check_admin(&mut report, settings.watch.admin.as_ref());
    check_open_files(&mut report, needed(1));
    report.status()
}

async fn check_queue(report: &mut Report, settings: &Settings) {
    let url = &settings.queue_url;
    let network = &settings.route.network;
    let queue = match AwsQueue::from_env_with(url, network.transports()).await {
        Ok(queue) => queue,
        Err(error) => return report.add("AWS credentials", Err::<&str, _>(error)),
    };
    // The first call: it shows that the credentials are accepted, too.
    let setup = match queue.setup().await {
        Ok(setup) => setup,
        Err(error) => return report.add("queue", Err::<&str, _>(error)),
    };
    let detail = "SQS accepts the credentials";
    report.add("AWS credentials", Ok(detail));
    let opened = SqsSource::builder().queue(queue.clone()).open().await;
    let through = through(proxy_of(&queue, network));
    report.add("queue", opened.map(|_| format!("{url}{through}")));
    add_setup(report, &setup);
    let detail = "sqs:DeleteMessage and sqs:ChangeMessageVisibility are allowed";
    let allowed = queue.check_permissions().await;
    report.add("permissions", allowed.map(|()| detail));
    report.add("permission to receive", may_receive(&queue).await);
}

async fn may_receive(queue: &AwsQueue) -> Result<&'static str> {
    Ok(match queue.check_receive().await? {
        true => "sqs:ReceiveMessage is allowed",
        false => "not asked, since the queue has messages, and one would be received for it",
    })
}

fn add_setup(report: &mut Report, setup: &QueueSetup) {
    let visibility = setup.visibility_timeout.map_or_else(
        || "not said".to_owned(),
        |time| {
            format!(
                "{}, which is extended while a message is worked on",
                seconds(time)
            )
        },
    );
    report.add("visibility timeout", Ok(visibility));
    report.add("retention", retention(setup.retention));
    report.add("redrive policy", redrive(setup));
    report.add("encryption", encryption(&setup.encryption));
}

fn wrong(detail: String) -> Error {
    Error::new(ErrorKind::Config, detail)
}

fn retention(time: Option<Duration>) -> Result<String> {
    match time {
        None => Ok("not said".into()),
        Some(time) if time < MIN_RETENTION => Err(wrong(format!(
            "messages are kept for {} only, and an outage of that length would lose events: set the attribute MessageRetentionPeriod to \
             345600 (4 days) or more",
            seconds(time)
        ))),
        Some(time) => Ok(format!("messages are kept for {}", seconds(time))),
    }
}

fn redrive(setup: &QueueSetup) -> Result<String> {
    let Some(redrive) = &setup.redrive else {
        return Err(wrong(
            "there is none, so that a message which is never settled comes back until it expires: set the attribute RedrivePolicy, with a \
             dead-letter queue and a maxReceiveCount of 10"
                .into(),
        ));
    };
    let receives = redrive.max_receive_count;
    if receives < MIN_RECEIVES {
        return Err(wrong(format!(
            "a message is a dead letter of the queue after {receives} receives, which a short outage of Coralogix uses up: set maxReceiveCount \
             to 10"
        )));
    }
    let target = &redrive.target;
    Ok(format!("to {target} after {receives} receives"))
}

fn encryption(encryption: &Encryption) -> Result<String> {
    match encryption {
        Encryption::None => Err(wrong(
            "messages are stored as they are, and they hold personal data: set the attribute SqsManagedSseEnabled to true".into(),
        )),
        Encryption::Sqs => Ok("with a key of SQS".into()),
        Encryption::Kms(key) => Ok(format!(
            "with the key {key} of KMS; whether kms:Decrypt on it is allowed shows the first message"
        )),
        _ => Ok("not said".into()),
    }
}
