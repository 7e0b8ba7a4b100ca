//! One request and its whole response, within limits.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::TryStreamExt;
use http::header::{ACCEPT_ENCODING, CONTENT_LENGTH, HeaderValue};
use http::{HeaderMap, Request, Response};
use tokio::time::{Instant, timeout_at};

use super::upload::UploadProgress;
use super::{Body, Transport, TransportError, encoding};

/// Memory for a body that has not arrived: a page of Okta takes some 2 MB.
const MAX_RESERVED: usize = 4 << 20;

/// How long an exchange may take once the request is sent, and how much of the response is read.
///
/// With [`ReqwestTransport`](super::ReqwestTransport) a connection has 10 s to be opened. Sending the body of the request may take as long
/// as it goes on: it fails when the socket takes nothing for the `head_timeout`. With another transport sending is taken to need no time.
#[derive(Debug, Clone, Copy)]
pub struct ExchangeLimits {
    /// From the end of the request to the last byte of the response.
    pub total_timeout: Duration,
    /// From the end of the request to the head of the response.
    pub head_timeout: Duration,
    /// From the head to the first chunk of the body, and from one chunk to the next.
    pub idle_timeout: Duration,
    /// Bytes of the body that are read.
    pub max_body_bytes: usize,
    /// What happens to a body that is longer.
    pub excess: Excess,
}

impl ExchangeLimits {
    /// One time limit for the whole response, and a body of at most `max_body_bytes`.
    #[must_use]
    pub fn new(timeout: Duration, max_body_bytes: usize) -> Self {
        Self {
            total_timeout: timeout,
            head_timeout: timeout,
            idle_timeout: timeout,
            max_body_bytes,
            excess: Excess::Fail,
        }
    }
}

/// What happens to a body beyond [`ExchangeLimits::max_body_bytes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Excess {
    /// The exchange fails with [`TransportError::TooLong`]: only a whole body is of use.
    Fail,
    /// The rest is not read: the status says most, and the body is for a message.
    Truncate,
}

/// Sends one request and reads its response within `limits`. It asks for a body that is not compressed. Where only a whole body is
/// [of use](Excess::Fail), one in gzip is decoded all the same.
///
/// # Errors
/// [`TransportError`]: no connection, an interrupted one, a timeout, or a body that is too long.
pub async fn exchange(
    transport: &dyn Transport,
    mut request: Request<Bytes>,
    limits: ExchangeLimits,
) -> Result<Response<Bytes>, TransportError> {
    request
        .headers_mut()
        .entry(ACCEPT_ENCODING)
        .or_insert(HeaderValue::from_static("identity"));
    let progress = UploadProgress::begin();
    request.extensions_mut().insert(progress.clone());
    let ExchangeLimits {
        max_body_bytes: max,
        idle_timeout: idle,
        ..
    } = limits;
    let response = head(transport, request, limits, &progress).await?;
    let end = progress.silent_for(limits.total_timeout);
    let (head, mut chunks) = response.into_parts();
    let mut body = BytesMut::with_capacity(match limits.excess {
        Excess::Fail => announced(&head.headers).min(max).min(MAX_RESERVED),
        Excess::Truncate => 0,
    });
    while (limits.excess == Excess::Fail || body.len() < max)
        && let Some(chunk) = within(idle, end, limits, chunks.try_next()).await?
    {
        let room = max - body.len();
        if chunk.len() > room && limits.excess == Excess::Fail {
            return Err(TransportError::TooLong(max));
        }
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
    }
    let response = Response::from_parts(head, body.freeze());
    match limits.excess {
        Excess::Fail => encoding::decode(response, max),
        Excess::Truncate => Ok(response),
    }
}

/// Bytes of the body, if the server says so.
fn announced(headers: &HeaderMap) -> usize {
    let length = headers.get(CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
    length.unwrap_or(0)
}

/// Sends a request and waits for the head of its response, which is late once the server has been silent for too long.
async fn head(
    transport: &dyn Transport,
    request: Request<Bytes>,
    limits: ExchangeLimits,
    progress: &UploadProgress,
) -> Result<Response<Body>, TransportError> {
    let timeout = limits.head_timeout.min(limits.total_timeout);
    let mut call = transport.call(request);
    loop {
        // It may be a connection that is awaited, and be there soon: then silence begins earlier than it seems now.
        let now = Instant::now();
        let by = progress.silent_for(timeout).min(now + timeout);
        if by <= now {
            return Err(TransportError::TimedOut(timeout));
        }
        if let Ok(response) = timeout_at(by, &mut call).await {
            return response;
        }
    }
}

/// Waits for one step of a response: at most `timeout`, and not past `end`.
async fn within<T>(
    timeout: Duration,
    end: Instant,
    limits: ExchangeLimits,
    step: impl Future<Output = Result<T, TransportError>>,
) -> Result<T, TransportError> {
    let by = Instant::now() + timeout;
    let (by, allowed) = match by < end {
        true => (by, timeout),
        false => (end, limits.total_timeout),
    };
    timeout_at(by, step)
        .await
        .unwrap_or(Err(TransportError::TimedOut(allowed)))
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use futures::{StreamExt, stream};

    use super::*;

    const LIMITS: ExchangeLimits = ExchangeLimits {
        total_timeout: Duration::from_secs(60),
        head_timeout: Duration::from_secs(15),
        idle_timeout: Duration::from_secs(15),
        max_body_bytes: 8,
        excess: Excess::Fail,
    };

    /// Sends each chunk so many seconds after the one before.
    #[derive(Debug)]
    struct Drip(Vec<(u64, &'static str)>);

    #[async_trait]
    impl Transport for Drip {
        async fn call(&self, _: Request<Bytes>) -> Result<Response<Body>, TransportError> {
            let chunks = stream::iter(self.0.clone()).then(|(wait, text)| async move {
                tokio::time::sleep(Duration::from_secs(wait)).await;
                Ok(Bytes::from_static(text.as_bytes()))
            });
            Ok(Response::new(chunks.boxed()))
        }
    }

    async fn drip(excess: Excess, chunks: &[(u64, &'static str)]) -> Result<Bytes, TransportError> {
        let limits = ExchangeLimits { excess, ..LIMITS };
        exchange(&Drip(chunks.to_vec()), Request::default(), limits)
            .await
            .map(Response::into_body)
    }

    #[tokio::test(start_paused = true)]
    async fn response_body_is_bounded_in_length_silence_and_time() {
        assert_eq!(
            drip(Excess::Fail, &[(14, "ab"), (14, "cd")]).await.unwrap(),
            "abcd"
        );
        let silent = drip(Excess::Fail, &[(1, "ab"), (16, "cd")])
            .await
            .unwrap_err();
        assert!(matches!(silent, TransportError::TimedOut(d) if d.as_secs() == 15));
        let slow = drip(Excess::Fail, &[(14, "a"); 5]).await.unwrap_err();
        assert!(matches!(slow, TransportError::TimedOut(d) if d.as_secs() == 60));
        let long = drip(Excess::Fail, &[(0, "abcd"), (0, "efgh"), (0, "i")])
            .await
            .unwrap_err();
        assert!(matches!(long, TransportError::TooLong(8)));
    }

    /// Answers with this `Content-Length`, whatever the length is.
    #[derive(Debug)]
    struct Announces(&'static str);

    #[async_trait]
    impl Transport for Announces {
        async fn call(&self, _: Request<Bytes>) -> Result<Response<Body>, TransportError> {
            let chunks = ["ab", "cd"].map(|text| Ok(Bytes::from_static(text.as_bytes())));
            let response = Response::builder().header(CONTENT_LENGTH, self.0);
            Ok(response.body(stream::iter(chunks).boxed()).unwrap())
        }
    }

    #[tokio::test]
    async fn response_body_is_what_arrives_whatever_its_content_length() {
        let limits = ExchangeLimits {
            max_body_bytes: usize::MAX,
            ..LIMITS
        };
        for length in ["4", "0", "18446744073709551615", "-1", "much"] {
            let response = exchange(&Announces(length), Request::default(), limits).await;
            assert_eq!(response.unwrap().body(), "abcd", "{length}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn truncated_response_body_does_not_await_its_rest() {
        let long = [(0, "abcd"), (0, "efghij"), (3600, "k")];
        assert_eq!(drip(Excess::Truncate, &long).await.unwrap(), "abcdefgh");
        let short = [(14, "ab"), (14, "cd")];
        assert_eq!(drip(Excess::Truncate, &short).await.unwrap(), "abcd");
        let silent = drip(Excess::Truncate, &[(1, "ab"), (16, "cd")]).await;
        let silent = silent.unwrap_err();
        assert!(matches!(silent, TransportError::TimedOut(d) if d.as_secs() == 15));
    }

    /// Sends the head after 30 s, and no body.
    #[derive(Debug)]
    struct Slow;

    #[async_trait]
    impl Transport for Slow {
        async fn call(&self, _: Request<Bytes>) -> Result<Response<Body>, TransportError> {
            tokio::time::sleep(Duration::from_secs(30)).await;
            Ok(Response::new(stream::pending().boxed()))
        }
    }

    /// Connects, sends parts, each so many seconds after what was before, and then answers after some seconds.
    #[derive(Debug)]
    struct SlowUpload {
        connect: u64,
        parts: Vec<u64>,
        answer: u64,
    }

    #[async_trait]
    impl Transport for SlowUpload {
        async fn call(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
            let progress: &UploadProgress = request.extensions().get().unwrap();
            progress.connecting(Duration::from_secs(10));
            for wait in [self.connect].iter().chain(&self.parts) {
                tokio::time::sleep(Duration::from_secs(*wait)).await;
                progress.moved();
            }
            tokio::time::sleep(Duration::from_secs(self.answer)).await;
            Ok(Response::new(stream::empty().boxed()))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn silence_counts_from_the_last_part_that_was_sent() {
        for (connect, parts, answer, ends) in [
            (9, vec![14; 20], 14, Ok(9 + 20 * 14 + 14)),
            (9, vec![14; 20], 16, Err(9 + 20 * 14 + 15)),
            (1, vec![14, 16, 14], 1, Err(1 + 14 + 15)),
            (0, vec![0; 3], 16, Err(15)),
            (1, vec![0], 14, Ok(15)),
            (26, vec![], 1, Err(25)),
        ] {
            let transport = SlowUpload {
                connect,
                parts,
                answer,
            };
            let began = Instant::now();
            let sent = exchange(&transport, Request::default(), LIMITS).await;
            let took = began.elapsed().as_secs();
            let ended = match sent {
                Ok(_) => Ok(took),
                Err(TransportError::TimedOut(limit)) if limit.as_secs() == 15 => Err(took),
                Err(error) => panic!("{error}"),
            };
            assert_eq!(ended, ends, "{transport:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn response_head_has_its_own_timeout() {
        for (head, ends) in [(29, 29), (31, 45)] {
            let limits = ExchangeLimits {
                head_timeout: Duration::from_secs(head),
                ..LIMITS
            };
            let began = Instant::now();
            let error = exchange(&Slow, Request::default(), limits)
                .await
                .unwrap_err();
            assert!(matches!(error, TransportError::TimedOut(_)), "{error}");
            assert_eq!(began.elapsed().as_secs(), ends);
        }
    }
}
