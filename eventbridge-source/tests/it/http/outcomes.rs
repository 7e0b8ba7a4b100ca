//! The status follows the outcomes that the acker hears.

use std::time::Duration;

use eventbridge_source::http::HttpSource;
use http::{Request, StatusCode};
use okta_coralogix_core::internal::exchange::{ExchangeLimits, exchange};
use okta_coralogix_core::{EventSource, Outcome};

use super::harness::{InMemory, KEY, KEY_HEADER, PATH};

/// The status of a request with two events, whose acker hears these outcomes.
async fn status_after(outcomes: &[Outcome]) -> StatusCode {
    let mut source = HttpSource::builder().api_key(KEY).build().unwrap();
    let transport = InMemory(source.router());
    let event =
        |uuid| format!(r#"{{"detail":{{"uuid":"{uuid}","published":"2026-11-22T12:00:00Z"}}}}"#);
    let request = Request::post(PATH)
        .header(KEY_HEADER, KEY)
        .body(format!("[{},{}]", event("a"), event("b")).into())
        .unwrap();
    let limits = ExchangeLimits::new(Duration::from_secs(60), 1 << 20);
    let settle = async {
        let delivery = source.next().await.unwrap().unwrap();
        assert_eq!(delivery.items.len(), 2);
        delivery.acker.settle(outcomes).await.unwrap();
    };
    let (answer, ()) = tokio::join!(exchange(&transport, request, limits), settle);
    answer.unwrap().status()
}

#[tokio::test(start_paused = true)]
async fn http_503_is_answered_if_one_of_two_events_is_handed_back() {
    use Outcome::{HandedBack, Settled};
    assert_eq!(status_after(&[Settled, Settled]).await, 200);
    for outcomes in [[Settled, HandedBack], [HandedBack, Settled]] {
        assert_eq!(status_after(&outcomes).await, 503, "{outcomes:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn http_503_is_answered_if_an_event_has_no_outcome() {
    for outcomes in [&[][..], &[Outcome::Settled]] {
        assert_eq!(status_after(outcomes).await, 503, "{outcomes:?}");
    }
}
