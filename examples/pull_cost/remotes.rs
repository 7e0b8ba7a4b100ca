//! Okta and Coralogix on sockets of this process, for one run of a program.

use std::error::Error;
use std::path::Path;

use chrono::TimeDelta;
use coralogix_sink::simulator::{CoralogixServer, CoralogixSimulator};
use okta_coralogix_core::testing::GeneratedEvent;
use okta_coralogix_core::{Clock, SystemClock};
use okta_source::simulator::{OktaServer, OktaSimulator};

use super::Run;
use super::process::run;
use super::tls::{Authority, TlsServer};

pub(super) const TOKEN: &str = "00-simulator-token";
pub(super) const KEY: &str = "simulator-key";

/// An org with a backlog, and an ingress.
pub(super) struct Remotes {
    org: OktaSimulator,
    ingress: CoralogixSimulator,
    events: usize,
    servers: (OktaServer, CoralogixServer),
    tls: Option<Tls>,
}

struct Tls {
    authority: Authority,
    org: TlsServer,
    ingress: TlsServer,
}

impl Remotes {
    /// Has the events stored ten minutes ago.
    pub(super) async fn start(
        events: &[GeneratedEvent],
        tls: bool,
    ) -> Result<Self, Box<dyn Error>> {
        let org = org(events);
        let ingress = CoralogixSimulator::builder().key(KEY).build();
        let servers = (org.serve().await?, ingress.serve().await?);
        let tls = match tls {
            false => None,
            true => {
                let authority = Authority::new()?;
                Some(Tls {
                    org: authority.answer(org.router()).await?,
                    ingress: authority.before(&servers.1.base_url()).await?,
                    authority,
                })
            }
        };
        Ok(Self {
            org,
            ingress,
            events: events.len(),
            servers,
            tls,
        })
    }

    /// Runs a program until it has sent all events.
    pub(super) async fn run(&self, program: &Path, argument: &str) -> Result<Run, Box<dyn Error>> {
        let folder = tempfile::tempdir()?;
        let (okta, coralogix) = match &self.tls {
            Some(tls) => (tls.org.url(), tls.ingress.url()),
            None => (self.servers.0.base_url(), self.servers.1.base_url()),
        };
        let mut variables = vec![
            ("PATH", std::env::var("PATH").unwrap_or_default()),
            ("OKTA_ORG_URL", okta),
            ("OKTA_API_TOKEN", TOKEN.to_owned()),
            ("CORALOGIX_ENDPOINT", coralogix),
            ("CORALOGIX_API_KEY", KEY.to_owned()),
            ("CORALOGIX_SUBSYSTEM", "acme".to_owned()),
        ];
        if let Some(tls) = &self.tls {
            let file = folder.path().join("authority.pem");
            std::fs::write(&file, tls.authority.pem())?;
            variables.push(("SSL_CERT_FILE", file.display().to_string()));
        }
        let usage = run(program, argument, variables, folder.path()).await?;
        let arrived = self.ingress.ledger().entries().len();
        if arrived != self.events {
            return Err(format!("{arrived} of {} events arrived", self.events).into());
        }
        Ok(Run {
            usage,
            polls: self.org.request_count(),
            requests: self.ingress.ledger().requests().len(),
            connections: self
                .tls
                .as_ref()
                .map_or(0, |tls| tls.org.connections() + tls.ingress.connections()),
        })
    }
}

/// An org that stored these events ten minutes ago.
pub(super) fn org(events: &[GeneratedEvent]) -> OktaSimulator {
    let org = OktaSimulator::builder()
        .token(TOKEN)
        .rate_limit(100_000)
        .build();
    org.append_at(
        SystemClock.now() - TimeDelta::minutes(10),
        events.iter().map(|event| event.json.clone()),
    );
    org
}
