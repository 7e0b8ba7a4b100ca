//! No printed value contains the key.

use std::error::Error as StdError;
use std::fmt::Debug;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use coralogix_sink::simulator::{CoralogixSimulator, Fault};
use coralogix_sink::{CoralogixConfig, CoralogixSink};
use okta_coralogix_core::transport::ProxySettings;
use okta_coralogix_core::{Error, LogSink, Secret};

use crate::entries::events;

const KEY: &str = "cxtp-hunter2";

fn assert_clean(what: &dyn Debug) {
    for text in [format!("{what:?}"), format!("{what:#?}")] {
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[tokio::test]
async fn api_key_is_in_no_coralogix_debug_output_or_error() {
    let ingress = CoralogixSimulator::builder().key(KEY);
    assert_clean(&ingress);
    let ingress = ingress.build();
    let server = ingress.serve().await.unwrap();
    let config = format!(
        r#"{{"endpoint":"{}","api_key":"{KEY}","proxy":null}}"#,
        server.base_url()
    );
    let config: CoralogixConfig = serde_json::from_str(&config).unwrap();
    assert_clean(&config);
    let proxy = Secret::from("http://u:hunter2@127.0.0.1:1");
    assert_clean(&ProxySettings::url("proxy", &proxy).unwrap());
    let builder = CoralogixSink::builder().api_key(KEY).proxy(proxy);
    assert_clean(&builder.endpoint("https://hunter2@x.example"));
    let sink = coralogix_sink::CoralogixSinkBuilder::from_config(config)
        .build()
        .unwrap();
    assert_clean(&sink);
    assert_clean(&sink.endpoint());
    let batch = sink.encode(&events(0..1)).unwrap();
    let faults = [
        Fault::status(400),
        Fault::status(401),
        Fault::status(500),
        Fault::html(404),
        Fault::ResetBeforeReading,
        Fault::HalfAnswer,
        Fault::Redirect(format!("https://x.example/{KEY}")),
    ];
    for fault in faults {
        ingress.fail_next(1, fault);
        let error = sink.send(&batch).await.unwrap_err();
        assert_clean(&error);
        let mut cause: Option<&dyn StdError> = Some(&error);
        while let Some(error) = cause {
            assert!(!error.to_string().contains("hunter2"), "{error}");
            cause = error.source();
        }
    }
    assert_clean(&server);
    assert_clean(&ingress);
    assert_clean(&ingress.ledger());
}

#[tokio::test]
async fn check_sees_each_key_before_it_is_sent_also_one_that_is_read_later() {
    // It would take the refused key.
    let ingress = CoralogixSimulator::builder().key("of-another-service");
    let ingress = ingress.build();
    let server = ingress.serve().await.unwrap();
    let builder = |keys: [&'static str; 2]| {
        let readings = AtomicUsize::new(0);
        CoralogixSink::builder()
            .endpoint(server.base_url())
            .api_key_from(move || Ok(keys[readings.fetch_add(1, Relaxed).min(1)].into()))
            .check_api_key(|setting, key| match key.expose() {
                "of-another-service" => Err(Error::config(setting, "is of another service")),
                _ => Ok(()),
            })
    };
    let refused = builder(["of-another-service"; 2]).build().unwrap_err();
    assert_eq!(refused.detail(), "api_key: is of another service");
    let sink = builder(["old-key", "of-another-service"]).build().unwrap();
    let error = sink.check().await.unwrap_err();
    assert!(error.detail().contains("refused the key"), "{error}");
    let again = sink.check().await.unwrap_err();
    assert!(again.detail().contains("refused the key"), "{again}");
}
