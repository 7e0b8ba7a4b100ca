//! Settings that the builder refuses.

use std::time::Duration;

use eventbridge_source::http::{HttpSource, HttpSourceBuilder};
use okta_coralogix_core::ErrorKind;

#[test]
fn wrong_setting_is_named() {
    let with_key = || HttpSource::builder().api_key("k");
    let cases: [(HttpSourceBuilder, &str); 16] = [
        (HttpSource::builder(), "api_key"),
        (HttpSource::builder().api_key(""), "api_key"),
        (HttpSource::builder().bearer_token(""), "bearer_token"),
        (HttpSource::builder().basic("u", ""), "basic"),
        (HttpSource::builder().basic("u:v", "p"), "basic"),
        (with_key().api_key_header("no header"), "api_key_header"),
        (with_key().path("aws"), "path"),
        (with_key().path("/{any}"), "path"),
        (with_key().path("/:any"), "path"),
        (with_key().path("/healthz"), "path"),
        (with_key().max_waiting_requests(0), "max_waiting_requests"),
        (with_key().max_connections(0), "max_connections"),
        (
            with_key().response_deadline(Duration::ZERO),
            "response_deadline",
        ),
        (with_key().io_timeout(Duration::ZERO), "io_timeout"),
        (with_key().idle_timeout(Duration::ZERO), "idle_timeout"),
        (with_key().max_buffered_bytes(1), "max_buffered_bytes"),
    ];
    for (builder, field) in cases {
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(
            error.to_string().starts_with(&format!("{field}: ")),
            "{error}"
        );
    }
    // Room for one body of the largest size is enough.
    let one_body = with_key().max_body_bytes(10).max_buffered_bytes(10);
    assert!(one_body.build().is_ok());
    assert!(
        HttpSource::builder()
            .without_authentication()
            .build()
            .is_ok()
    );
}
