//! A queue of AWS, through the AWS SDK.

mod entries;

use std::error::Error as StdError;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::http::HttpResponse;
use aws_sdk_sqs::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_sqs::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_sqs::error::{BoxError, ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry,
    MessageSystemAttributeName, QueueAttributeName,
};
use chrono::{DateTime, Utc};
use okta_coralogix_core::transport::Transport;
#[cfg(feature = "reqwest")]
use okta_coralogix_core::transport::{ReqwestTransport, ReqwestTransportBuilder};
use okta_coralogix_core::{Clock, ClockOffset, Error, ErrorKind, Result, SystemClock};

use super::consumer::{CALL_TIMEOUT, with_timeout};
use super::credentials::EnvironmentCredentials;
use super::environment;
use super::error;
use super::queue::{Depth, FailedEntry, Queue, QueueAttributes, Received, VisibilityChange};
use super::queue_url::QueueUrl;
use entries::{incomplete, messages, not_done, seconds};

const DELETE: &str = "sqs:DeleteMessage";
const CHANGE_VISIBILITY: &str = "sqs:ChangeMessageVisibility";

/// A queue of AWS: [`from_env`](Self::from_env) as AWS programs find it, or with the caller's client.
///
/// The client need not retry: the source does. Its timeouts must exceed the 20 s of a long poll. A call that is refused for its credentials
/// is made once more before that is believed; credentials of the environment are read again for it.
#[derive(Debug, Clone)]
pub struct AwsQueue {
    client: Client,
    url: String,
    /// Scheme, host and port that are called, for messages.
    origin: String,
    /// Those of the environment; `None` with the caller's client.
    credentials: Option<EnvironmentCredentials>,
    clock: Arc<dyn Clock>,
}

impl AwsQueue {
    /// The queue with this URL, through the caller's client, whose credentials, endpoint and TLS are used.
    #[must_use]
    pub fn new(client: Client, url: impl Into<String>) -> Self {
        let url = url.into();
        Self {
            client,
            origin: QueueUrl::parse(&url).map_or_else(|_| "SQS".into(), |parts| parts.origin),
            url,
            credentials: None,
            clock: Arc::new(SystemClock),
        }
    }

    /// The queue with this URL, whose host is called, unless `AWS_ENDPOINT_URL` or a profile names another endpoint. Calls are signed for the
    /// region that the host names; of another host the region is that of `AWS_REGION`, the profile or the instance. Credentials are found as
    /// the AWS tools find them: variables, profiles (SSO, `credential_process`, roles), the roles of a container, an instance or a pod.
    /// `AWS_CA_BUNDLE`, or `ca_bundle` of the profile, names a file with the root certificates, if it is set. No proxy is used:
    /// [`from_env_with`](Self::from_env_with) takes one.
    ///
    /// Nothing is asked of SQS.
    ///
    /// # Errors
    /// `Config` if a setting is missing or wrong, `Unauthorized` if there are no credentials or they are refused; a temporary error if the
    /// endpoint, command or file that provides the credentials does not give them now.
    #[cfg(feature = "reqwest")]
    pub async fn from_env(url: impl Into<String>) -> Result<Self> {
        Self::from_env_with(url, ReqwestTransport::builder()).await
    }

    /// As [`from_env`](Self::from_env), through the proxy of `transports`, for SQS as for STS and SSO. The certificates that it adds are
    /// trusted beside those of `AWS_CA_BUNDLE`. A connection has 3.1 s to be opened, as in AWS's own programs.
    ///
    /// The endpoints that give a machine or a container its credentials are asked without the proxy, also where
    /// `AWS_CONTAINER_CREDENTIALS_FULL_URI` or `AWS_EC2_METADATA_SERVICE_ENDPOINT` gives them another name.
    ///
    /// # Errors
    /// As [`from_env`](Self::from_env).
    #[cfg(feature = "reqwest")]
    pub async fn from_env_with(
        url: impl Into<String>,
        transports: ReqwestTransportBuilder,
    ) -> Result<Self> {
        let transports = environment::configure(transports).await?;
        Self::from_env_over(url, transports.build()).await
    }

    /// As [`from_env`](Self::from_env), through the caller's transport, with its proxy and root certificates: `AWS_CA_BUNDLE` is not read.
    ///
    /// # Errors
    /// As [`from_env`](Self::from_env).
    pub async fn from_env_over(url: impl Into<String>, transport: impl Transport) -> Result<Self> {
        let url = url.into();
        let connected = environment::connect(&url, transport).await?;
        Ok(Self {
            client: connected.client,
            url,
            origin: connected.origin,
            credentials: Some(connected.credentials),
            clock: Arc::new(SystemClock),
        })
    }

    /// Scheme, host and port that are called: of the queue's URL, unless the environment names another endpoint.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The local clock, for the offset of the queue's. Default: the operating system's.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Asks SQS whether it would delete messages and change their visibility: with a receipt handle that does not exist, so that nothing is
    /// done. Without these permissions a consumer would deliver the same messages again and again, so ask before the first receive.
    ///
    /// # Errors
    /// `Forbidden` if it would not, which names the action; a temporary error if SQS does not answer in 10 s; the errors of a call.
    pub async fn check_permissions(&self) -> Result<()> {
        let no_message = "no-message-permissions-are-checked".to_owned();
        let change = VisibilityChange {
            handle: no_message.clone(),
            visibility: Duration::ZERO,
        };
        let allowed = |asked: Result<Vec<FailedEntry>>| match asked {
            // Some stand-ins of SQS refuse all of a batch for such a handle.
            Err(error) if error.kind() != ErrorKind::Rejected => Err(error),
            _ => Ok(()),
        };
        let (handles, changes) = ([no_message], [change]);
        allowed(with_timeout(DELETE, CALL_TIMEOUT, self.delete(&handles)).await)?;
        let change = self.change_visibility(&changes);
        allowed(with_timeout(CHANGE_VISIBILITY, CALL_TIMEOUT, change).await)
    }

    /// Asks SQS whether it would hand out messages: by a receive from the queue, if it is empty, since a receive of a message counts towards
    /// those after which it is a dead letter. False: it is not empty, and was not asked.
    ///
    /// # Errors
    /// `Forbidden` if it would not; a temporary error if SQS does not answer in 10 s; the errors of a call.
    pub async fn check_receive(&self) -> Result<bool> {
        let ask = async {
            if !self.depth().await?.is_empty() {
                return Ok(false);
            }
            self.receive(Duration::ZERO, Duration::ZERO).await?;
            Ok(true)
        };
        with_timeout("sqs:ReceiveMessage", CALL_TIMEOUT, ask).await
    }

    /// A call, and once more if it is refused for its credentials, with those that are there then.
    async fn call<T, E, F>(&self, action: &str, send: impl Fn() -> F) -> Result<T>
    where
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
    {
        let generation = match &self.credentials {
            Some(credentials) => credentials.generation().await,
            None => 0,
        };
        let mut sent = send().await;
        if let Some(error) = sent.as_ref().err()
            && error::refuses_credentials(error)
        {
            tracing::debug!(
                action,
                "SQS refuses the credentials: they are read again, and the call is repeated"
            );
            if let Some(credentials) = &self.credentials {
                credentials.refused(generation).await;
            }
            sent = send().await;
        }
        sent.map_err(|error| error::request_error(action, &self.origin, &error))
    }

    pub(super) async fn get_attributes(&self, names: &[QueueAttributeName]) -> Result<Attributes> {
        let ask = || {
            self.client
                .get_queue_attributes()
                .queue_url(&self.url)
                .set_attribute_names(Some(names.to_vec()))
                .send()
        };
        let response = self.call("sqs:GetQueueAttributes", ask).await?;
        Ok(Attributes(response.attributes.unwrap_or_default()))
    }
}

pub(super) struct Attributes(std::collections::HashMap<QueueAttributeName, String>);

impl Attributes {
    pub(super) fn get(&self, name: &QueueAttributeName) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    fn has(&self, name: &QueueAttributeName) -> bool {
        self.0.contains_key(name)
    }

    fn number(&self, name: &QueueAttributeName) -> Result<u64> {
        let value = self.0.get(name);
        value.and_then(|value| value.parse().ok()).ok_or_else(|| {
            let detail = format!("SQS gave no number as {name}");
            Error::temporary(ErrorKind::UnexpectedResponse, detail)
        })
    }
}

/// Reads the clock offset from the `Date` of a response.
#[derive(Debug, Clone)]
struct DateHeader {
    clock: Arc<dyn Clock>,
    offset: Arc<Mutex<ClockOffset>>,
}

impl DateHeader {
    fn get(&self) -> ClockOffset {
        *self.offset.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Intercept for DateHeader {
    fn name(&self) -> &'static str {
        "DateHeader"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date");
        if let Some(date) = date.and_then(|date| httpdate::HttpDate::from_str(date).ok()) {
            let remote = DateTime::<Utc>::from(std::time::SystemTime::from(date));
            let offset = ClockOffset::between(self.clock.now(), remote);
            *self.offset.lock().unwrap_or_else(PoisonError::into_inner) = offset;
        }
        Ok(())
    }
}

#[async_trait]
impl Queue for AwsQueue {
    async fn receive(&self, wait: Duration, visibility: Duration) -> Result<Received> {
        let date = DateHeader {
            clock: Arc::clone(&self.clock),
            offset: Arc::default(),
        };
        let receive = || {
            self.client
                .receive_message()
                .queue_url(&self.url)
                .max_number_of_messages(10)
                .wait_time_seconds(seconds(wait))
                .visibility_timeout(seconds(visibility))
                .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
                .message_system_attribute_names(MessageSystemAttributeName::MessageGroupId)
                .customize()
                .interceptor(date.clone())
                .send()
        };
        let response = self.call("sqs:ReceiveMessage", receive).await?;
        let (messages, left_out) = messages(response.messages.unwrap_or_default());
        if left_out > 0 {
            tracing::warn!(
                messages = left_out,
                "SQS gave messages without an id or a receipt handle: they cannot be deleted, and stay in the queue"
            );
        }
        Ok(Received {
            messages,
            clock_offset: date.get(),
        })
    }

    async fn delete(&self, handles: &[String]) -> Result<Vec<FailedEntry>> {
        let entry = |(index, handle): (usize, &String)| {
            DeleteMessageBatchRequestEntry::builder()
                .id(index.to_string())
                .receipt_handle(handle)
                .build()
                .map_err(incomplete)
        };
        let entries: Vec<_> = handles
            .iter()
            .enumerate()
            .map(entry)
            .collect::<Result<_>>()?;
        let delete = || {
            self.client
                .delete_message_batch()
                .queue_url(&self.url)
                .set_entries(Some(entries.clone()))
                .send()
        };
        let response = self.call(DELETE, delete).await?;
        error::refused_entry(DELETE, response.failed())?;
        let done = response.successful().iter().map(|entry| entry.id());
        Ok(not_done(handles.len(), done, response.failed()))
    }

    async fn change_visibility(&self, changes: &[VisibilityChange]) -> Result<Vec<FailedEntry>> {
        let entry = |(index, change): (usize, &VisibilityChange)| {
            ChangeMessageVisibilityBatchRequestEntry::builder()
                .id(index.to_string())
                .receipt_handle(&change.handle)
                .visibility_timeout(seconds(change.visibility))
                .build()
                .map_err(incomplete)
        };
        let entries: Vec<_> = changes
            .iter()
            .enumerate()
            .map(entry)
            .collect::<Result<_>>()?;
        let change = || {
            self.client
                .change_message_visibility_batch()
                .queue_url(&self.url)
                .set_entries(Some(entries.clone()))
                .send()
        };
        let response = self.call(CHANGE_VISIBILITY, change).await?;
        error::refused_entry(CHANGE_VISIBILITY, response.failed())?;
        let done = response.successful().iter().map(|entry| entry.id());
        Ok(not_done(changes.len(), done, response.failed()))
    }

    async fn attributes(&self) -> Result<QueueAttributes> {
        // All, since asking a standard queue for `FifoQueue` is an error.
        let attributes = self.get_attributes(&[QueueAttributeName::All]).await?;
        let visibility = attributes.number(&QueueAttributeName::VisibilityTimeout)?;
        Ok(QueueAttributes {
            visibility_timeout: Duration::from_secs(visibility),
            is_fifo: self.url.ends_with(".fifo"),
            has_redrive_policy: attributes.has(&QueueAttributeName::RedrivePolicy),
        })
    }

    async fn depth(&self) -> Result<Depth> {
        use QueueAttributeName::{
            ApproximateNumberOfMessages, ApproximateNumberOfMessagesDelayed,
            ApproximateNumberOfMessagesNotVisible,
        };
        let names = [
            ApproximateNumberOfMessages,
            ApproximateNumberOfMessagesDelayed,
            ApproximateNumberOfMessagesNotVisible,
        ];
        let attributes = self.get_attributes(&names).await?;
        let delayed = attributes.number(&ApproximateNumberOfMessagesDelayed);
        Ok(Depth {
            visible: attributes.number(&ApproximateNumberOfMessages)?,
            delayed: delayed.unwrap_or(0),
            in_flight: attributes.number(&ApproximateNumberOfMessagesNotVisible)?,
        })
    }
}
