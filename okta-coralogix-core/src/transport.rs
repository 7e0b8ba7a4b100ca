//! The network as the adapters see it: a request in, a response with a streamed body out.
//!
//! Production stands an HTTP client behind it, tests a simulator in memory. Whoever implements it
//! follows no redirects, decodes no compression unless asked to, and puts no URL into an error,
//! since a URL may carry a secret.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::TryStreamExt;
use futures::stream::BoxStream;
use http::{Request, Response};
use thiserror::Error;
use tokio::time::{Instant, timeout_at};

/// A response body: chunks as they arrive.
pub type Body = BoxStream<'static, Result<Bytes, TransportError>>;

/// One HTTP exchange.
#[async_trait]
pub trait Transport: Debug + Send + Sync + 'static {
    /// Sends the request and returns when the head of the response is there.
    ///
    /// # Errors
    /// When no response head arrived.
    async fn call(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError>;
}

#[async_trait]
impl<T: Transport + ?Sized> Transport for Arc<T> {
    async fn call(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        (**self).call(request).await
    }
}

/// Why an exchange has no complete response.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TransportError {
    /// No connection: nothing of the request has reached the far side.
    #[error("no connection: {0}")]
    Connect(String),
    /// The exchange broke off after the request may have reached the far side.
    #[error("the connection broke off: {0}")]
    Interrupted(String),
    /// No byte, or not all of them, within the time allowed. The far side may have acted.
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
    /// The body is longer than the reader takes.
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
}

impl TransportError {
    /// True if the far side may have acted on the request all the same.
    #[must_use]
    pub fn is_ambiguous(&self) -> bool {
        !matches!(self, Self::Connect(_))
    }
}

/// How long an exchange may take, and how much it may bring.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// From the request to the last byte of the body.
    pub total: Duration,
    /// The longest silence while reading: to the head of the response, then from one chunk to the next.
    pub silence: Duration,
    /// The most body bytes that are read.
    pub body: usize,
}

/// Performs one exchange and reads its whole body within `bounds`.
///
/// # Errors
/// [`TransportError`]: no connection, broken off, out of time, or too long.
pub async fn exchange(
    transport: &dyn Transport,
    request: Request<Bytes>,
    bounds: Bounds,
) -> Result<Response<Bytes>, TransportError> {
    exchange_with(transport, request, bounds, bounds.silence).await
}

/// The same for an answer of which the status says most: of a body that is longer than `bounds` the rest is not read.
///
/// # Errors
/// [`TransportError`]: no connection, broken off, or out of time.
pub async fn exchange_start(
    transport: &dyn Transport,
    request: Request<Bytes>,
    bounds: Bounds,
) -> Result<Response<Bytes>, TransportError> {
    let end = Instant::now() + bounds.total;
    let (head, mut body) = timed(transport.call(request), end, bounds)
        .await?
        .into_parts();
    let mut start = BytesMut::new();
    while start.len() < bounds.body
        && let Some(chunk) = timed(body.try_next(), end, bounds).await?
    {
        let room = bounds.body - start.len();
        start.extend_from_slice(&chunk[..chunk.len().min(room)]);
    }
    Ok(Response::from_parts(head, start.freeze()))
}

/// As [`exchange`], where the far side may take `head` until its answer begins: as long as its own query may take.
///
/// # Errors
/// [`TransportError`]: no connection, broken off, out of time, or too long.
pub async fn exchange_with(
    transport: &dyn Transport,
    request: Request<Bytes>,
    bounds: Bounds,
    head: Duration,
) -> Result<Response<Bytes>, TransportError> {
    let end = Instant::now() + bounds.total;
    let patience = Bounds {
        silence: head,
        ..bounds
    };
    let (head, body) = timed(transport.call(request), end, patience)
        .await?
        .into_parts();
    let body = read_body(body, end, bounds).await?;
    Ok(Response::from_parts(head, body))
}

async fn read_body(mut body: Body, end: Instant, bounds: Bounds) -> Result<Bytes, TransportError> {
    let mut whole = BytesMut::new();
    while let Some(chunk) = timed(body.try_next(), end, bounds).await? {
        if whole.len() + chunk.len() > bounds.body {
            return Err(TransportError::TooLong(bounds.body));
        }
        whole.extend_from_slice(&chunk);
    }
    Ok(whole.freeze())
}

/// Waits for one step of an exchange: not past `end`, and not in silence for too long.
async fn timed<T>(
    step: impl Future<Output = Result<T, TransportError>>,
    end: Instant,
    bounds: Bounds,
) -> Result<T, TransportError> {
    let silent = Instant::now() + bounds.silence;
    let (limit, allowed) = if silent < end {
        (silent, bounds.silence)
    } else {
        (end, bounds.total)
    };
    timeout_at(limit, step)
        .await
        .unwrap_or(Err(TransportError::TimedOut(allowed)))
}

/// The wait a `Retry-After` header asks for, in either of its forms (seconds, or an HTTP date
/// measured against the response's own `Date`). `None` where it is absent or cannot be read.
#[must_use]
pub fn retry_after(headers: &http::HeaderMap) -> Option<Duration> {
    let value = headers
        .get(http::header::RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = httpdate::parse_http_date(value).ok()?;
    let date = headers.get(http::header::DATE)?.to_str().ok()?;
    let now = httpdate::parse_http_date(date).ok()?;
    Some(until.duration_since(now).unwrap_or_default())
}

/// The far side's time, from the `Date` header of its response.
#[must_use]
pub fn date(headers: &http::HeaderMap) -> Option<chrono::DateTime<chrono::Utc>> {
    let value = headers.get(http::header::DATE)?.to_str().ok()?;
    httpdate::parse_http_date(value).ok().map(Into::into)
}

#[cfg(test)]
mod tests {
    use futures::{StreamExt, stream};
    use http::HeaderMap;

    use super::*;

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

    async fn drip(chunks: &[(u64, &'static str)]) -> Result<Bytes, TransportError> {
        let bounds = Bounds {
            total: Duration::from_secs(60),
            silence: Duration::from_secs(15),
            body: 8,
        };
        exchange(&Drip(chunks.to_vec()), Request::new(Bytes::new()), bounds)
            .await
            .map(Response::into_body)
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_is_bounded_in_length_silence_and_time() {
        assert_eq!(drip(&[(14, "ab"), (14, "cd")]).await.unwrap(), "abcd");
        let silent = drip(&[(1, "ab"), (16, "cd")]).await.unwrap_err();
        assert!(matches!(silent, TransportError::TimedOut(d) if d.as_secs() == 15));
        let slow = drip(&[(14, "a"); 5]).await.unwrap_err();
        assert!(matches!(slow, TransportError::TimedOut(d) if d.as_secs() == 60));
        let long = drip(&[(0, "abcd"), (0, "efgh"), (0, "i")])
            .await
            .unwrap_err();
        assert!(matches!(long, TransportError::TooLong(8)));
    }

    #[tokio::test(start_paused = true)]
    async fn of_an_answer_that_need_not_be_whole_the_rest_is_not_waited_for() {
        let bounds = Bounds {
            total: Duration::from_secs(60),
            silence: Duration::from_secs(15),
            body: 8,
        };
        let start = async |chunks: &[_]| {
            let request = Request::new(Bytes::new());
            let answer = exchange_start(&Drip(chunks.to_vec()), request, bounds).await;
            answer.map(Response::into_body)
        };
        let long = [(0, "abcd"), (0, "efghij"), (3600, "k")];
        assert_eq!(start(&long).await.unwrap(), "abcdefgh");
        assert_eq!(start(&[(14, "ab"), (14, "cd")]).await.unwrap(), "abcd");
        let silent = start(&[(1, "ab"), (16, "cd")]).await.unwrap_err();
        assert!(matches!(silent, TransportError::TimedOut(d) if d.as_secs() == 15));
    }

    /// Answers late, and then not at all.
    #[derive(Debug)]
    struct Slow;

    #[async_trait]
    impl Transport for Slow {
        async fn call(&self, _: Request<Bytes>) -> Result<Response<Body>, TransportError> {
            tokio::time::sleep(Duration::from_secs(30)).await;
            Ok(Response::new(stream::pending().boxed()))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_beginning_of_an_answer_may_have_its_own_patience() {
        let bounds = Bounds {
            total: Duration::from_secs(60),
            silence: Duration::from_secs(15),
            body: 8,
        };
        for (head, ends) in [(29, 29), (31, 45)] {
            let began = Instant::now();
            let request = Request::new(Bytes::new());
            let error = exchange_with(&Slow, request, bounds, Duration::from_secs(head))
                .await
                .unwrap_err();
            assert!(matches!(error, TransportError::TimedOut(_)), "{error}");
            assert_eq!(began.elapsed().as_secs(), ends);
        }
    }

    #[test]
    fn retry_after_is_read_in_both_forms() {
        let headers = |retry: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("retry-after", retry.parse().unwrap());
            headers.insert("date", "Sun, 22 Nov 2026 10:00:00 GMT".parse().unwrap());
            retry_after(&headers)
        };
        assert_eq!(headers("120"), Some(Duration::from_secs(120)));
        let date = "Sun, 22 Nov 2026 10:00:07 GMT";
        assert_eq!(headers(date), Some(Duration::from_secs(7)));
        let past = "Sun, 22 Nov 2026 09:00:00 GMT";
        assert_eq!(headers(past), Some(Duration::ZERO));
        assert_eq!(headers("soon"), None);
        assert_eq!(headers("-1"), None);
    }
}
