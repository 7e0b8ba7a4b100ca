//! A file that is wrong when it is read again.

use super::Scene;

#[tokio::test]
async fn faulty_file_changes_nothing_and_is_said_as_at_the_start() {
    let mut scene = Scene::of(&["acme", "other"]).await;
    let good = scene.config(&["acme"]);
    let program = scene.start(&["acme"], &[]);
    scene.deliver(&["acme"]).await;
    let both = scene.config(&["acme", "other"]);
    let mut hangups = 0;
    for (config, words) in [
        ("[[integration".to_owned(), "orgs.toml: line 1: "),
        (
            both.replace("org_url", "org_ulr"),
            "the key `org_ulr` is unknown; `org_url` is meant, perhaps",
        ),
        (
            good.replace("[[integration]]", "[integration]"),
            "orgs.toml: ",
        ),
        (
            both.replace("name = \"other\"", "name = \"acme\""),
            "integration \"acme\": name: is another integration's too",
        ),
        (
            both.replace(
                "name = \"other\"",
                "name = \"other\"\ncheckpoint = \"okta-coralogix.dead-letters.ndjson\"",
            ),
            "is used by --dead-letters too",
        ),
        (
            both.replace("env = \"TOKEN\"", "env = \"NO_TOKEN\""),
            "the variable NO_TOKEN is not set",
        ),
        // At a start it is waited for.
        (
            both.replacen("{ env = \"KEY\" }", "{ file = \"key\" }", 1),
            "the file \"key\" cannot be read",
        ),
    ] {
        scene.write(&config);
        hangups += 1;
        program.signal("-HUP").await;
        let line = program
            .logs("nothing was changed, since it is wrong", hangups)
            .await;
        assert!(
            line.contains("ERROR") && line.contains(words),
            "{words}: {line}"
        );
        assert!(
            line.ends_with("correct it, and send SIGHUP again"),
            "{line}"
        );
        scene.deliver(&["acme"]).await;
    }
    std::fs::remove_file(scene.path("orgs.toml")).unwrap();
    program.signal("-HUP").await;
    let line = program
        .logs("nothing was changed, since it is wrong", hangups + 1)
        .await;
    assert!(line.contains("orgs.toml cannot be read"), "{line}");
    assert_eq!(scene.org("other").simulator.request_count(), 0);

    scene.write(&both);
    program.signal("-HUP").await;
    program
        .logs(
            "the configuration was read again begin=\"other\" go_on=1",
            1,
        )
        .await;
    scene.deliver(&["acme", "other"]).await;
    assert_eq!(
        program.log().matches("started").count(),
        2,
        "{}",
        program.log()
    );
    program.signal("-TERM").await;
    let ended = program.ended().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.summary()["delivered"], scene.events());
}
