//! The queue on a socket, in the protocol `AwsJson1_0` of the SDKs. Signatures are not checked; access keys can be.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use okta_coralogix_core::Error;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::queue::{Call, SqsSimulator};
use crate::sqs::queue::{FailedEntry, Message, Queue, VisibilityChange};

/// A simulator that listens. Dropping it closes the socket.
#[derive(Debug)]
pub struct SqsServer {
    address: SocketAddr,
    is_fifo: bool,
    task: JoinHandle<()>,
}

#[derive(Debug, Clone)]
struct Served {
    simulator: SqsSimulator,
    url: String,
}

/// An error response of SQS: status, code and message.
struct Fault(StatusCode, &'static str, String);

impl SqsServer {
    pub(super) async fn start(simulator: SqsSimulator) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let mut server = Self {
            address: listener.local_addr()?,
            is_fifo: simulator.is_fifo(),
            task: tokio::spawn(async {}),
        };
        let served = Served {
            url: server.queue_url(),
            simulator,
        };
        let router = Router::new().fallback(response).with_state(served);
        server.task = tokio::spawn(async move {
            // It ends only when it is aborted.
            drop(axum::serve(listener, router).await);
        });
        Ok(server)
    }

    /// The endpoint for `AWS_ENDPOINT_URL`: `http://127.0.0.1:<port>`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The queue's URL.
    #[must_use]
    pub fn queue_url(&self) -> String {
        let name = if self.is_fifo { "okta.fifo" } else { "okta" };
        format!("{}/000000000000/{name}", self.endpoint())
    }
}

impl Drop for SqsServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn response(State(served): State<Served>, headers: HeaderMap, body: Bytes) -> Response {
    let operation = headers
        .get("x-amz-target")
        .and_then(|target| target.to_str().ok())
        .and_then(|target| target.strip_prefix("AmazonSQS."))
        .unwrap_or_default();
    let authorization = headers.get(header::AUTHORIZATION);
    let authorization = authorization.and_then(|value| value.to_str().ok());
    let called = match served.simulator.refusal(authorization.unwrap_or_default()) {
        Some(code) => {
            let words = "The security token included in the request is refused.";
            Err(Fault(StatusCode::FORBIDDEN, code, words.to_owned()))
        }
        None => served.call(operation, &body).await,
    };
    let (status, response) = match called {
        Ok(response) => (StatusCode::OK, response),
        Err(Fault(status, code, words)) => {
            let kind = format!("com.amazonaws.sqs#{code}");
            (status, json!({"__type": kind, "message": words}))
        }
    };
    let content = [(header::CONTENT_TYPE, "application/x-amz-json-1.0")];
    (status, content, response.to_string()).into_response()
}

impl Served {
    async fn call(&self, operation: &str, body: &[u8]) -> Result<Value, Fault> {
        let asked: Value = serde_json::from_slice(body)
            .map_err(|error| bad("InvalidRequest", &error.to_string()))?;
        if asked["QueueUrl"] != self.url.as_str() {
            let words = "The specified queue does not exist.";
            return Err(bad("QueueDoesNotExist", words));
        }
        match operation {
            "ReceiveMessage" => self.receive(&asked).await,
            "DeleteMessageBatch" => self.delete(&asked).await,
            "ChangeMessageVisibilityBatch" => self.change_visibility(&asked).await,
            "GetQueueAttributes" => self.get_attributes().await,
            "SendMessage" => Ok(self.send(&asked)),
            "SendMessageBatch" => {
                let sent: Vec<_> = entries(&asked)?
                    .iter()
                    .map(|entry| self.send(entry))
                    .collect();
                Ok(json!({"Successful": sent, "Failed": []}))
            }
            other => Err(bad("InvalidAction", other)),
        }
    }

    async fn receive(&self, asked: &Value) -> Result<Value, Fault> {
        let most = asked["MaxNumberOfMessages"].as_u64().unwrap_or(1);
        let wait = asked["WaitTimeSeconds"].as_u64().unwrap_or(0);
        if !(1..=10).contains(&most) || wait > 20 {
            return Err(bad("InvalidParameterValue", "out of range"));
        }
        let visibility = asked["VisibilityTimeout"].as_u64().map(Duration::from_secs);
        self.simulator.called(Call::Receive)?;
        let wait = Duration::from_secs(wait);
        let messages = self.simulator.take(most as usize, wait, visibility).await;
        if messages.is_empty() {
            return Ok(json!({}));
        }
        let messages: Vec<_> = messages.iter().map(message).collect();
        Ok(json!({"Messages": messages}))
    }

    async fn delete(&self, asked: &Value) -> Result<Value, Fault> {
        let entries = entries(asked)?;
        let handles: Vec<_> = entries
            .iter()
            .map(|entry| text(entry, "ReceiptHandle"))
            .collect();
        let failed = self.simulator.delete(&handles).await?;
        Ok(batch(entries, &failed))
    }

    async fn change_visibility(&self, asked: &Value) -> Result<Value, Fault> {
        let entries = entries(asked)?;
        let change = |entry: &Value| VisibilityChange {
            handle: text(entry, "ReceiptHandle"),
            visibility: Duration::from_secs(entry["VisibilityTimeout"].as_u64().unwrap_or(0)),
        };
        let changes: Vec<_> = entries.iter().map(change).collect();
        let failed = self.simulator.change_visibility(&changes).await;
        Ok(batch(entries, &failed?))
    }

    async fn get_attributes(&self) -> Result<Value, Fault> {
        let queue = self.simulator.attributes().await?;
        let said = self.simulator.said();
        let depth = self.simulator.late_depth();
        let mut attributes = json!({
            "VisibilityTimeout": queue.visibility_timeout.as_secs().to_string(),
            "MessageRetentionPeriod": said.retention.as_secs().to_string(),
            "SqsManagedSseEnabled": said.is_encrypted.to_string(),
            "ApproximateNumberOfMessages": depth.visible.to_string(),
            "ApproximateNumberOfMessagesNotVisible": depth.in_flight.to_string(),
            "ApproximateNumberOfMessagesDelayed": depth.delayed.to_string(),
        });
        if queue.is_fifo {
            attributes["FifoQueue"] = "true".into();
        }
        if let Some(receives) = self.simulator.max_receive_count() {
            let target = "arn:aws:sqs:eu-west-1:000000000000:dead";
            let policy = json!({"deadLetterTargetArn": target, "maxReceiveCount": receives});
            attributes["RedrivePolicy"] = policy.to_string().into();
        }
        Ok(json!({"Attributes": attributes}))
    }

    fn send(&self, entry: &Value) -> Value {
        let body = text(entry, "MessageBody");
        match entry["MessageGroupId"].as_str() {
            Some(group) => self.simulator.send_in_group(group, body),
            None => self.simulator.send(body),
        }
        json!({"Id": entry["Id"], "MessageId": "sent"})
    }
}

fn message(message: &Message) -> Value {
    let mut attributes = json!({"ApproximateReceiveCount": message.receive_count.to_string()});
    if let Some(group) = &message.group {
        attributes["MessageGroupId"] = group.as_str().into();
    }
    json!({
        "MessageId": message.id,
        "ReceiptHandle": message.handle,
        "Body": String::from_utf8_lossy(&message.body),
        "Attributes": attributes,
    })
}

fn entries(asked: &Value) -> Result<&[Value], Fault> {
    match asked["Entries"].as_array() {
        Some(entries) if (1..=10).contains(&entries.len()) => Ok(entries),
        Some(entries) if entries.is_empty() => Err(bad("EmptyBatchRequest", "no entries")),
        _ => Err(bad("TooManyEntriesInBatchRequest", "1 to 10 entries")),
    }
}

fn batch(entries: &[Value], refused: &[FailedEntry]) -> Value {
    let (mut successful, mut failed) = (Vec::new(), Vec::new());
    for (index, entry) in entries.iter().enumerate() {
        match refused.iter().find(|refused| refused.index == index) {
            None => successful.push(json!({"Id": entry["Id"]})),
            Some(refused) => failed.push(json!({
                "Id": entry["Id"],
                "SenderFault": refused.is_permanent,
                "Code": refused.code,
            })),
        }
    }
    json!({"Successful": successful, "Failed": failed})
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}

fn bad(code: &'static str, words: &str) -> Fault {
    Fault(StatusCode::BAD_REQUEST, code, words.to_owned())
}

/// A scripted error.
impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let (status, code) = match error.is_temporary() {
            true => (StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable"),
            false => (StatusCode::FORBIDDEN, "AccessDeniedException"),
        };
        Self(status, code, error.to_string())
    }
}
