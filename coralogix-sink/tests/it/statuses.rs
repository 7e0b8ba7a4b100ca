//! Each status in memory: retried, rejected or fatal.

use coralogix_sink::simulator::{CoralogixSimulator, Fault};
use okta_coralogix_core::{ErrorKind, LogSink};

use crate::entries::{events, in_memory};

#[tokio::test(start_paused = true)]
async fn status_200_201_202_or_204_alone_counts_as_delivered() {
    let ingress = CoralogixSimulator::new();
    let sink = in_memory(&ingress);
    let batch = sink.encode(&events(0..2)).unwrap();
    for status in 200..=599 {
        ingress.fail_next(1, Fault::status(status));
        let sent = sink.send(&batch).await;
        let is_success = matches!(status, 200..=202 | 204);
        assert_eq!(sent.is_ok(), is_success, "{status}");
        if let Err(error) = sent {
            assert!(error.detail().contains(&status.to_string()), "{error}");
            assert!(
                error.detail().contains("ingress.eu2.coralogix.com"),
                "{error}"
            );
        }
    }
    assert_eq!(ingress.arrivals(), 0, "a scripted status takes nothing");
    sink.send(&batch).await.unwrap();
    assert_eq!(ingress.arrivals(), 2);
}

#[tokio::test(start_paused = true)]
async fn html_answer_with_status_200_is_no_delivery() {
    let ingress = CoralogixSimulator::new();
    let sink = in_memory(&ingress);
    let batch = sink.encode(&events(0..1)).unwrap();
    for status in [200, 404] {
        ingress.fail_next(1, Fault::html(status));
        let error = sink.send(&batch).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Intercepted);
        assert_eq!(error.is_ambiguous(), status == 200);
    }
}
