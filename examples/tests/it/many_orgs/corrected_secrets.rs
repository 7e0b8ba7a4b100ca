//! Secrets of one org that are changed while the program runs.

use coralogix_sink::simulator::CoralogixSimulator;
use okta_coralogix_core::testing::GeneratedEvent;
use okta_source::simulator::OktaSimulator;

use super::{config_file, start};
use crate::harness::{Exit, Harness, KEY, TOKEN, fresh, terminate};

const NEXT_TOKEN: &str = "00-marked-next-token";
const NEXT_KEY: &str = "marked-next-key";

/// Waits until so many entries are in an ingress.
async fn arrived(ingress: &CoralogixSimulator, entries: usize) {
    while ingress.arrivals() < entries {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

fn append(org: &OktaSimulator, events: &[GeneratedEvent]) {
    org.append_all(events.iter().map(|event| event.json.clone()));
}

#[tokio::test]
async fn corrected_secret_files_of_one_org_are_used_without_a_restart() {
    let harness = Harness::new().await;
    let org = OktaSimulator::builder().token(TOKEN).rate_limit(100_000);
    let org = org.build();
    let org_server = org.serve().await.unwrap();
    let ingress = CoralogixSimulator::builder().key(KEY).build();
    let ingress_server = ingress.serve().await.unwrap();
    let path = |name| harness.folder.path().join(name);
    std::fs::write(path("token"), TOKEN).unwrap();
    std::fs::write(path("key"), KEY).unwrap();
    let mut config = config_file(&harness, 1, 0).replace(
        "api_token = { env = \"TOKEN\" }",
        "api_token = { env = \"TOKEN\" }\npoll_interval = \"1s\"",
    );
    config.push_str(&format!(
        "[[integration]]\nname = \"corrected\"\nsubsystem = \"corrected\"\norg_url = \"{}\"\npoll_interval = \"1s\"\n\
         api_token = {{ file = \"token\" }}\n\
         coralogix = {{ endpoint = \"{}\", api_key = {{ file = \"key\" }} }}\n",
        org_server.base_url(),
        ingress_server.base_url(),
    ));
    let events = fresh(600);
    append(&org, &events[..200]);
    append(&harness.org, &events[..200]);
    let child = start(&harness, &config, &[]);
    arrived(&ingress, 200).await;
    arrived(&harness.ingress, 200).await;

    std::fs::write(path("token"), NEXT_TOKEN).unwrap();
    org.replace_token(NEXT_TOKEN);
    append(&org, &events[200..400]);
    arrived(&ingress, 400).await;

    std::fs::write(path("key"), NEXT_KEY).unwrap();
    ingress.set_key(NEXT_KEY);
    append(&org, &events[400..]);
    append(&harness.org, &events[200..]);
    arrived(&ingress, 600).await;
    arrived(&harness.ingress, 600).await;

    terminate(&child).await;
    let ended = Exit::of(child).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(ended.summary()["delivered"], 1_200);
    assert!(!ended.stderr.contains("is down"), "{}", ended.stderr);
    for secret in [NEXT_TOKEN, NEXT_KEY] {
        assert!(!ended.stderr.contains(secret), "a secret was printed");
    }
    harness.assert_all_once(&events);
    let ledger = ingress.ledger();
    assert_eq!((ledger.repeats(), ledger.wrong_keys()), (0, 1));
    let refused = |org: &OktaSimulator| {
        let requests = org.requests();
        requests
            .iter()
            .filter(|seen| seen.status == Some(401))
            .count()
    };
    assert_eq!((refused(&org), refused(&harness.org)), (1, 0));
}
