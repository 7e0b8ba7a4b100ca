//! A secret that is read again while a program runs is judged as the first one was.

use std::path::PathBuf;

use coralogix_sink::CoralogixSinkBuilder;
use coralogix_sink::simulator::{CoralogixServer, CoralogixSimulator};
use okta_coralogix_core::{ErrorKind, LogSink, SharedClockOffset};
use okta_coralogix_examples::program::entry_settings::EntrySettings;
use okta_coralogix_examples::program::settings::Values;
use okta_coralogix_examples::program::{Environment, Network, coralogix};
use okta_coralogix_examples::pull::config;
use okta_source::simulator::{OktaServer, OktaSimulator};
use tempfile::TempDir;

use super::harness::{KEY, TOKEN};

const OLD: &str = "an-old-secret-that-is-refused";

/// Both services, which take the secret of the other one, and a folder of secrets.
struct Swapped {
    org: OktaServer,
    ingress: CoralogixServer,
    folder: TempDir,
}

impl Swapped {
    async fn new() -> Self {
        let org = OktaSimulator::builder().token(KEY).build();
        let ingress = CoralogixSimulator::builder().key(TOKEN).build();
        Self {
            org: org.serve().await.unwrap(),
            ingress: ingress.serve().await.unwrap(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn write(&self, name: &str, secret: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, secret).unwrap();
        path
    }

    /// The variables of a run whose secrets are in the files `token` and `key`.
    fn environment(&self) -> Environment {
        let (token, key) = (self.write("token", TOKEN), self.write("key", OLD));
        let endpoint = self.ingress.base_url();
        Environment::new(move |name| match name {
            "OKTA_API_TOKEN_FILE" => Some(token.clone().into()),
            "CORALOGIX_API_KEY_FILE" => Some(key.clone().into()),
            "CORALOGIX_ENDPOINT" => Some(endpoint.clone().into()),
            _ => None,
        })
    }

    fn config(&self) -> String {
        format!(
            "[[integration]]\nname = \"acme\"\nsubsystem = \"acme\"\norg_url = \"{}\"\napi_token = {{ file = \"token\" }}\n\
             coralogix = {{ endpoint = \"{}\", api_key = {{ file = \"key\" }} }}\n",
            self.org.base_url(),
            self.ingress.base_url()
        )
    }
}

fn sink_of(environment: &Environment) -> okta_coralogix_core::Result<CoralogixSinkBuilder> {
    let (entry, clock) = (EntrySettings::default(), SharedClockOffset::unknown());
    coralogix::sink(environment, &Network::default(), &entry, &clock)
}

#[tokio::test]
async fn key_file_that_becomes_the_token_of_okta_is_sent_to_nobody() {
    let swapped = Swapped::new().await;
    let environment = swapped.environment();
    let sink = sink_of(&environment).unwrap();
    let sink = sink.build().unwrap();
    swapped.write("key", TOKEN);
    for _ in 0..2 {
        let error = sink.check().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error}");
    }
    let error = sink_of(&environment).unwrap();
    let error = error.build().unwrap_err();
    assert!(
        error
            .detail()
            .starts_with("CORALOGIX_API_KEY_FILE: has the form of an API token of Okta"),
        "{error}"
    );
}

#[tokio::test]
async fn secret_files_of_an_integration_are_judged_each_time_that_they_are_read() {
    let swapped = Swapped::new().await;
    swapped.write("token", OLD);
    swapped.write("key", "another-old-key");
    let environment = Environment::new(|_| None);
    let found = config::parse(
        &swapped.config(),
        swapped.folder.path(),
        &Values::of(&environment),
        Network::default(),
    )
    .unwrap();
    let connect = || found[0].connect(&found[0].read_secrets().unwrap());
    let connection = connect().unwrap();
    // A key of Coralogix has no form of its own: only the other setting tells.
    swapped.write("key", TOKEN);
    swapped.write("token", TOKEN);
    let refused = LogSink::check(&*connection.sink)
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unauthorized, "{refused}");
    swapped.write("key", KEY);
    swapped.write("token", KEY);
    let refused = connection.source.check().await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unauthorized, "{refused}");
    let error = connect().unwrap_err();
    assert!(
        error
            .detail()
            .starts_with("api_token: is the same text as coralogix, api_key"),
        "{error}"
    );
    let warnings = environment.warnings().take();
    assert!(
        warnings[0].starts_with("integration \"acme\": api_token: looks odd"),
        "{warnings:?}"
    );
}
