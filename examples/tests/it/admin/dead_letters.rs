//! What is shown of dead letters: of a replay, and where they have no file.

use std::collections::HashMap;

use coralogix_sink::simulator::{CoralogixSimulator, Fault};

use super::samples::Program;
use crate::harness::{Harness, KEY, TOKEN};
use crate::replay::letters_of_two;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replay_is_shown_by_the_integrations_of_its_letters() {
    let harness = Harness::new().await;
    letters_of_two(&harness).await;
    let down = CoralogixSimulator::builder().key(KEY).build();
    down.fail_always(Some(Fault::status(503)));
    let down_server = down.serve().await.unwrap();
    let integration = |name: &str, endpoint: String, key: &str| {
        format!(
            "[[integration]]\nname = \"{name}\"\nsubsystem = \"acme\"\norg_url = \"http://127.0.0.1:9\"\n\
             api_token = {{ env = \"TOKEN\" }}\ncoralogix = {{ endpoint = \"{endpoint}\", api_key = {{ env = \"{key}\" }} }}\n"
        )
    };
    let config = integration("one", harness.ingress_server.base_url(), "WRONG")
        + &integration("two", down_server.base_url(), "KEY");
    std::fs::write(harness.folder.path().join("orgs.toml"), config).unwrap();
    let variables = HashMap::from([
        ("TOKEN", TOKEN.into()),
        ("KEY", KEY.into()),
        ("WRONG", "another-key".into()),
    ]);
    let flags = ["--config", "orgs.toml", "--drain-timeout", "1s"];
    let program = Program::start("replay", harness.folder.path(), &variables, &flags).await;
    let of = |org: &'static str| ["source=\"replay\"", org];
    let is_tried = ["org=\"two\"", "outcome=\"server\""];
    let samples = program
        .until(|samples| {
            // The second integration is there once the first one has ended.
            let mut series = samples.series();
            series.any(|series| series.contains("org=\"two\""))
                && samples.sum("ingress_requests_total", &is_tried) >= 1.0
        })
        .await;
    let one = of("org=\"one\"");
    assert_eq!(samples.get("running", &one), Some(0.0));
    assert_eq!(samples.get("events_received_total", &one), Some(3.0));
    let refused = ["org=\"one\"", "outcome=\"auth\""];
    assert!(samples.sum("ingress_requests_total", &refused) >= 1.0);
    let two = of("org=\"two\"");
    assert_eq!(samples.get("running", &two), Some(1.0));
    assert_eq!(samples.get("events_pending", &two), Some(3.0));
    assert!(samples.sum("dead_letter_bytes", &[]) > 0.0);
    program.terminate().await;
    let ended = program.ended().await;
    assert_eq!(ended.code, Some(1), "the first one has failed: {ended:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_letters_in_the_log_have_no_size() {
    let harness = Harness::new().await;
    let folder = harness.folder.path();
    for (flags, size) in [(&["--dead-letters", "-"][..], None), (&[], Some(0.0))] {
        let program = Program::start("pull", folder, &harness.variables(), flags).await;
        let samples = program
            .until(|samples| samples.sum("running", &[]) == 1.0)
            .await;
        assert_eq!(samples.get("dead_letter_bytes", &[]), size);
        program.terminate().await;
        assert_eq!(program.ended().await.code, Some(0));
    }
}
