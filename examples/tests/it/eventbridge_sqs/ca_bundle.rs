//! Root certificates of the operator's own: of `AWS_CA_BUNDLE`, and of the profile's `ca_bundle`.

use std::collections::HashMap;

use eventbridge_source::sqs::simulator::SqsSimulator;

use super::harness::{Harness, write};
use super::tls_front::TlsFront;
use crate::harness::{Exit, start_program};

type Variables = HashMap<&'static str, String>;

fn queue() -> SqsSimulator {
    SqsSimulator::builder().max_receive_count(10).build()
}

async fn run(harness: &Harness, variables: &Variables) -> Exit {
    let flags = ["--once", "--give-up-after", "1s"];
    Exit::of(start_program(
        "eventbridge_sqs",
        harness.folder.path(),
        variables,
        &flags,
    ))
    .await
}

#[tokio::test]
async fn ca_bundle_makes_an_own_authority_trusted() {
    let harness = Harness::new(queue()).await;
    harness.backlog(5);
    let front = TlsFront::before(&harness.queue_server.endpoint()).await;
    let mut variables = harness.variables();
    variables.insert("AWS_ENDPOINT_URL", front.url());
    // Without it the certificate is refused, and the message says what to do.
    let ended = run(&harness, &variables).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let advice =
        "add its certificate to the roots of the system, or name a PEM file with it by --ca-file";
    assert!(ended.stderr.contains(advice), "{ended:?}");

    let bundle = format!("# no certificate\n{}", front.authority());
    variables.insert(
        "AWS_CA_BUNDLE",
        write(harness.folder.path(), "bundle.pem", &bundle),
    );
    let ended = run(&harness, &variables).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.summary()["delivered"], 5);

    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (bundle, problem) in [
        (
            write(harness.folder.path(), "broken.pem", broken),
            "it has no certificate that can be used; write a PEM file",
        ),
        (
            "/no/such/file.pem".into(),
            "the file cannot be read (No such file or directory (os error 2)); write the path of a PEM file",
        ),
    ] {
        variables.insert("AWS_CA_BUNDLE", bundle.clone());
        let ended = run(&harness, &variables).await;
        assert_eq!(ended.code, Some(2), "{ended:?}");
        let named = format!("error: AWS_CA_BUNDLE ({bundle}): {problem}");
        assert!(ended.stderr.contains(&named), "{ended:?}");
    }
}

#[tokio::test]
async fn ca_bundle_of_a_profile_is_trusted_unless_the_variable_names_another() {
    let harness = Harness::new(queue()).await;
    harness.backlog(5);
    let folder = harness.folder.path();
    let front = TlsFront::before(&harness.queue_server.endpoint()).await;
    let another = TlsFront::before(&harness.queue_server.endpoint()).await;
    let trusted = write(folder, "trusted.pem", front.authority());
    let untrusted = write(folder, "untrusted.pem", another.authority());
    let config = format!(
        "[default]\nca_bundle = {untrusted}\n[profile work]\nca_bundle = {trusted}\n\
         [profile other]\nca_bundle = {untrusted}\n[profile broken]\nca_bundle = /no/such/file.pem\n"
    );
    let mut variables = harness.variables();
    variables.insert("AWS_ENDPOINT_URL", front.url());
    variables.insert("AWS_CONFIG_FILE", write(folder, "config", &config));
    let run_with = async |profile: &str, variable: &str| {
        let mut variables = variables.clone();
        variables.insert("AWS_PROFILE", profile.into());
        variables.insert("AWS_CA_BUNDLE", variable.into());
        run(&harness, &variables).await
    };
    let is_untrusted = |ended: &Exit| {
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(
            ended.stderr.contains("add its certificate to the "),
            "{ended:?}"
        );
    };
    // The variable wins in both directions; an empty one counts as not set.
    is_untrusted(&run_with("other", "").await);
    is_untrusted(&run_with("work", &untrusted).await);
    for (profile, variable) in [("work", ""), ("other", &*trusted), ("broken", &*trusted)] {
        harness.backlog(1);
        let ended = run_with(profile, variable).await;
        assert_eq!(ended.code, Some(0), "{profile}: {ended:?}");
    }
    let ended = run_with("broken", "").await;
    assert_eq!(ended.code, Some(2), "{ended:?}");
    let named = "ca_bundle of the AWS profile broken (/no/such/file.pem): the file cannot be read";
    assert!(ended.stderr.contains(named), "{ended:?}");
    // Without a name the profile is `default`.
    is_untrusted(&run(&harness, &variables).await);
    // A file that cannot be read is warned about, although keys and region come from variables.
    let torn = write(folder, "torn", "[default\nca_bundle = torn.pem\n");
    variables.insert("AWS_CONFIG_FILE", torn.clone());
    let ended = run(&harness, &variables).await;
    is_untrusted(&ended);
    let named = format!(
        "the AWS profile cannot be read (could not parse profile file: error parsing {torn} on line 1"
    );
    assert!(ended.stderr.contains(&named), "{ended:?}");
    assert!(
        ended.stderr.contains("its ca_bundle is not used"),
        "{ended:?}"
    );
}
