//! The runtime API of Lambda on a loopback socket, which the process of a function polls.
//!
//! It models invocations one at a time, their deadlines, responses and errors. It neither freezes the process between invocations nor
//! ends one that is late.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{self, Path};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use okta_coralogix_core::{Clock, SystemClock};
use tokio::net::TcpListener;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

/// The API. Dropping it closes the socket.
#[derive(Debug)]
pub struct LambdaRuntimeApi {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

/// The result that a function reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InvocationResult {
    /// The invocation succeeded, with this body.
    Success(Bytes),
    /// The function reported an error, with this body.
    Error(Bytes),
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    waiting: VecDeque<Queued>,
    running: HashMap<String, oneshot::Sender<InvocationResult>>,
}

#[derive(Debug)]
struct Queued {
    id: String,
    payload: Bytes,
    timeout: Duration,
    result: oneshot::Sender<InvocationResult>,
}

impl LambdaRuntimeApi {
    /// Listens on 127.0.0.1.
    ///
    /// # Errors
    /// If no port can be had.
    pub async fn serve() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::<Shared>::default();
        let runtime = Router::new()
            .route("/invocation/next", get(next))
            .route(
                "/invocation/{id}/response",
                report(InvocationResult::Success),
            )
            .route("/invocation/{id}/error", report(InvocationResult::Error))
            .route("/init/error", post(async || StatusCode::ACCEPTED));
        let router = Router::new()
            .nest("/2018-06-01/runtime", runtime)
            .with_state(Arc::clone(&shared));
        let task = tokio::spawn(async move {
            // It ends only when it is aborted.
            drop(axum::serve(listener, router).await);
        });
        Ok(Self {
            address,
            shared,
            task,
        })
    }

    /// The variables that Lambda sets for a function with this API.
    #[must_use]
    pub fn variables(&self) -> [(&'static str, String); 5] {
        [
            ("AWS_LAMBDA_RUNTIME_API", self.address.to_string()),
            ("AWS_LAMBDA_FUNCTION_NAME", "okta".into()),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".into()),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256".into()),
            ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/okta".into()),
        ]
    }

    /// Invokes the function, whose deadline is `timeout` from when it polls. Resolves to its result; `None` if the API was dropped.
    pub fn invoke(
        &self,
        payload: Bytes,
        timeout: Duration,
    ) -> impl Future<Output = Option<InvocationResult>> + use<> {
        let (sender, result) = oneshot::channel();
        let mut state = self.shared.state();
        state.next += 1;
        let id = format!("invocation-{}", state.next);
        state.waiting.push_back(Queued {
            id,
            payload,
            timeout,
            result: sender,
        });
        drop(state);
        self.shared.changed.notify_one();
        async move { result.await.ok() }
    }
}

impl Drop for LambdaRuntimeApi {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    /// Nothing that runs under this lock panics half way.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn finish(&self, id: &str, result: InvocationResult) -> StatusCode {
        match self.state().running.remove(id) {
            Some(waiting) => {
                // The caller of `invoke` may be gone.
                waiting.send(result).ok();
                StatusCode::ACCEPTED
            }
            None => StatusCode::BAD_REQUEST,
        }
    }
}

async fn next(extract::State(shared): extract::State<Arc<Shared>>) -> Response {
    let queued = loop {
        if let Some(queued) = shared.state().waiting.pop_front() {
            break queued;
        }
        shared.changed.notified().await;
    };
    let deadline = SystemClock.now() + queued.timeout;
    let headers = [
        ("lambda-runtime-aws-request-id", queued.id.clone()),
        (
            "lambda-runtime-deadline-ms",
            deadline.timestamp_millis().to_string(),
        ),
        (
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:eu-central-1:000000000000:function:okta".into(),
        ),
        ("content-type", "application/json".into()),
    ];
    let response = (headers, queued.payload).into_response();
    shared.state().running.insert(queued.id, queued.result);
    response
}

fn report(result: fn(Bytes) -> InvocationResult) -> MethodRouter<Arc<Shared>> {
    post(
        async move |extract::State(shared): extract::State<Arc<Shared>>,
                    Path(id): Path<String>,
                    body| { shared.finish(&id, result(body)) },
    )
}
