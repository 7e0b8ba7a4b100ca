use chrono::TimeDelta;
use okta_coralogix_cookbook::pure_mapping::map_page;
use okta_coralogix_core::testing::EventGenerator;
use serde_json::Value;

#[test]
fn page_becomes_the_body_of_a_request() {
    let now = super::now();
    let mut generator = EventGenerator::new(7);
    let (old, fresh) = (
        generator.event(now - TimeDelta::hours(25)),
        generator.event(now),
    );
    let page = [&old.json[..], br#"{"uuid":"no time"}"#, &fresh.json].join(&b',');
    let page = [b"[", &page[..], b"]"].concat();
    let mapped = map_page(&page.into(), &super::plain_mapping(), now).unwrap();
    assert_eq!(
        (mapped.entries, mapped.too_old, mapped.refused.len()),
        (1, 1, 1)
    );
    assert!(mapped.refused[0].detail().contains("published"));
    let body: Value = serde_json::from_slice(&mapped.body).unwrap();
    assert_eq!(body.as_array().unwrap().len(), 1);
    assert_eq!(body[0]["applicationName"], "okta");
    assert!(body[0]["text"].as_str().unwrap().contains(&fresh.uuid));
}
