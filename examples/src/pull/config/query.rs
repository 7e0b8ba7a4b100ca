//! Where it is asked what is stored of an org: for `audit_every`, and for `audit --config`.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use coralogix_sink::query::{QueryClient, QueryClientBuilder, QueryConfig, Tier};
use okta_coralogix_core::transport::Transport;
use okta_coralogix_core::{Error, Result, Secret};
use okta_source::OktaSourceBuilder;

use super::file::CoralogixTable;
use super::secrets::SecretSource;
use crate::audit::{AuditSides, ContinuousSettings, filter_of};
use crate::program::Environment;
use crate::pull::settings::UUID_PATH;

/// The setting of the key of queries, as messages name it.
pub(super) const QUERY_KEY: &str = "coralogix, query_key";

/// Who asks about the orgs of a file, and with which clients. Clones have the same clients: those of a file that is read again are the same
/// ones, so that the number of queries a minute of a team goes on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Queries {
    clients: Arc<QueryCache>,
    by_hand: Option<QueriesByHand>,
}

/// An audit that a person has asked for.
#[derive(Debug, Clone)]
struct QueriesByHand {
    /// `None`: of all integrations.
    integration: Option<String>,
    options: QueryOptions,
}

/// How Coralogix is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct QueryOptions {
    pub(crate) tier: Tier,
    pub(crate) uuid_path: String,
    /// `None`: the default.
    pub(crate) per_minute: Option<u32>,
    /// How long temporary errors are retried; `None`: the default.
    pub(crate) give_up_after: Option<Duration>,
}

impl Queries {
    /// Those of an audit of the integration, or of all, whether the file has `audit_every` or not.
    pub(crate) fn by_hand(integration: Option<String>, options: QueryOptions) -> Self {
        Self {
            clients: Arc::default(),
            by_hand: Some(QueriesByHand {
                integration,
                options,
            }),
        }
    }

    /// How Coralogix is asked about an integration, and what needs that; `None`: it is not.
    fn of(
        &self,
        integration: &str,
        beside: Option<&ContinuousSettings>,
    ) -> Option<(QueryOptions, &'static str)> {
        match &self.by_hand {
            Some(by_hand) => {
                let wanted = by_hand.integration.as_deref();
                wanted
                    .is_none_or(|wanted| wanted == integration)
                    .then(|| (by_hand.options.clone(), "an audit"))
            }
            None => beside.map(|settings| (settings.query_options(UUID_PATH), "audit_every")),
        }
    }
}

/// The queries of an org.
#[derive(Debug)]
pub(super) struct OrgQuery {
    options: QueryOptions,
    /// What is missing may be sent.
    pub(super) refills: bool,
    target: CoralogixTable,
    /// The base URL that is asked.
    address: String,
    key: SecretSource,
    clients: Arc<QueryCache>,
}

/// The clients of all orgs: those of one team share one, and with it the number of queries a minute. They stay for as long as the process:
/// there are as many as places of keys were written in the file.
#[derive(Debug, Default)]
struct QueryCache(Mutex<Vec<CachedClient>>);

#[derive(Debug)]
struct CachedClient {
    key: SecretSource,
    /// The key with which it was made. A place with another one by now may be that of another team.
    value: Secret,
    options: QueryOptions,
    client: Arc<QueryClient>,
}

impl OrgQuery {
    /// `None`: nothing is asked about the integration. No secret that is in a file is read yet.
    ///
    /// # Errors
    /// `Config`, which names the key that is missing.
    pub(super) fn read(
        (integration, queries): (&str, &Queries),
        beside: Option<&ContinuousSettings>,
        target: &CoralogixTable,
        folder: &Path,
        environment: &Environment,
    ) -> Result<Option<Self>> {
        let Some((options, what)) = queries.of(integration, beside) else {
            return Ok(None);
        };
        let key = target.query_key.as_ref().ok_or_else(|| {
            let detail = format!(
                "is missing, and {what} needs it; write `query_key = {{ file = \"PATH\" }}`, in a table `coralogix`: an API key with the preset \
                 DataQuerying"
            );
            Error::config(QUERY_KEY, detail)
        })?;
        if target.domain.is_none() && target.query_endpoint.is_none() {
            let detail = format!(
                "is missing, and {what} needs it beside an endpoint; write `query_endpoint = \"https://api.eu2.coralogix.com\"`"
            );
            return Err(Error::config("coralogix, query_endpoint", detail));
        }
        let mut query = Self {
            options,
            // An audit by hand makes its own.
            refills: queries.by_hand.is_none() && beside.is_some_and(ContinuousSettings::refills),
            target: target.clone(),
            address: String::new(),
            key: key.locate(QUERY_KEY, folder, environment)?,
            clients: Arc::clone(&queries.clients),
        };
        // What is wrong in the file itself is said before anything runs.
        let key = query.key.without_file().read()?;
        let checked = query.build(query.builder().query_key(key))?;
        query.address = checked.endpoint().base_url().to_owned();
        Ok(Some(query))
    }

    /// The two sides of the audit of an org whose log is `source`.
    ///
    /// # Errors
    /// `Config` if the file of the key cannot be read.
    pub(super) fn sides(
        &self,
        (org, source): (&str, OktaSourceBuilder),
        subsystem: &str,
        transport: Arc<dyn Transport>,
    ) -> Result<AuditSides> {
        let application = self.target.application.as_deref().unwrap_or("okta");
        let (filter, target) = filter_of(application, Some(subsystem))?;
        Ok(AuditSides {
            org: org.to_owned(),
            source: ContinuousSettings::source(source),
            client: self.shared(transport)?,
            filter,
            target,
            refill: None,
        })
    }

    /// The client of this place of a key, made anew if another key is there by now. One whose key is that of another one takes turns with
    /// it: both are of one team.
    fn shared(&self, transport: Arc<dyn Transport>) -> Result<Arc<QueryClient>> {
        // Nothing that runs under this lock panics.
        let clients = &self.clients.0;
        let mut clients = clients.lock().unwrap_or_else(PoisonError::into_inner);
        // Its error has the name of the setting already.
        let value = self.key.read()?;
        let is_of_address =
            |cached: &CachedClient| cached.client.endpoint().base_url() == self.address;
        let is_of_place = |cached: &CachedClient| {
            is_of_address(cached)
                && cached.key.is_same_place(&self.key)
                && cached.options == self.options
        };
        let has_the_same = |cached: &CachedClient| cached.value.expose() == value.expose();
        clients.retain(|cached| !is_of_place(cached) || has_the_same(cached));
        if let Some(known) = clients.iter().find(|cached| is_of_place(cached)) {
            return Ok(Arc::clone(&known.client));
        }
        let key = self.key.clone();
        let mut builder = self.builder().transport(transport);
        builder = builder.query_key_from(move || key.read());
        let mut others = clients.iter().filter(|cached| is_of_address(cached));
        if let Some(other) = others.find(|cached| has_the_same(cached)) {
            builder = builder.in_turn_with(&other.client);
        }
        let client = Arc::new(self.build(builder)?);
        clients.push(CachedClient {
            key: self.key.clone(),
            value,
            options: self.options.clone(),
            client: Arc::clone(&client),
        });
        Ok(client)
    }

    fn build(&self, builder: QueryClientBuilder) -> Result<QueryClient> {
        let built = builder.build();
        built.map_err(|error| Error::new(error.kind(), format!("coralogix, {}", error.detail())))
    }

    fn builder(&self) -> QueryClientBuilder {
        let mut builder = QueryClientBuilder::from_config(QueryConfig::default());
        if let Some(domain) = &self.target.domain {
            builder = builder.domain(domain);
        }
        if let Some(endpoint) = &self.target.query_endpoint {
            builder = builder.query_endpoint(endpoint);
        }
        let options = &self.options;
        builder = builder.tier(options.tier).uuid_path(&options.uuid_path);
        if let Some(per_minute) = options.per_minute {
            builder = builder.queries_per_minute(per_minute);
        }
        if let Some(time) = options.give_up_after {
            builder = builder.give_up_after(time);
        }
        builder
    }
}

#[cfg(test)]
mod tests {
    use coralogix_sink::simulator::CoralogixSimulator;
    use okta_source::OktaSource;
    use tokio::time::{Instant, timeout_at};

    use super::super::secrets::SecretRef;
    use super::*;

    /// An org, as each reading of the file makes it, whose key is in `file`.
    fn org(
        queries: &Queries,
        folder: &Path,
        file: &str,
        account: &CoralogixSimulator,
    ) -> AuditSides {
        let target = CoralogixTable {
            query_endpoint: Some("https://api.eu2.coralogix.com".into()),
            query_key: Some(SecretRef::File(file.into())),
            ..CoralogixTable::default()
        };
        let beside = ContinuousSettings::new(Duration::from_secs(3600), Duration::from_secs(3600));
        let environment = Environment::new(|_| None);
        let asked = ("acme", queries);
        let query = OrgQuery::read(asked, Some(&beside), &target, folder, &environment);
        let source = ("https://acme.okta.com", OktaSource::builder());
        let transport = Arc::new(account.clone());
        let query = query.unwrap().unwrap();
        query.sides(source, "acme", transport).unwrap()
    }

    /// The file is read again (SIGHUP), and other orgs have the key in other files: all of a team together keep to its number of queries.
    #[tokio::test(start_paused = true)]
    async fn orgs_of_one_team_keep_to_its_queries_a_minute_over_reloads() {
        let account = CoralogixSimulator::new();
        account.set_query_account(|account| account.queries_per_minute = 1_000);
        let folder = tempfile::tempdir().unwrap();
        for file in ["key", "copy"] {
            let key = account.query_key();
            std::fs::write(folder.path().join(file), key.expose()).unwrap();
        }
        let queries = Queries::default();
        let minute = Instant::now() + Duration::from_secs(60);
        let slice = {
            let end = "2026-11-30T11:00:00Z".parse().unwrap();
            let start = "2026-11-30T10:00:00Z".parse().unwrap();
            coralogix_sink::query::TimeSlice::new(start, end).unwrap()
        };
        let mut first = None;
        for (reading, file) in ["key", "key", "copy", "key", "copy"]
            .into_iter()
            .enumerate()
        {
            // The reading before is gone, as its orgs are.
            let sides = org(&queries.clone(), folder.path(), file, &account);
            let first = first.get_or_insert_with(|| Arc::clone(&sides.client));
            assert_eq!(
                Arc::ptr_eq(first, &sides.client),
                file == "key",
                "{reading}"
            );
            for _ in 0..6 {
                let asked = sides.client.count(&sides.filter, slice);
                if let Ok(answer) = timeout_at(minute, asked).await {
                    assert_eq!(answer.unwrap().proven().unwrap(), 0);
                }
            }
        }
        assert_eq!(account.queries().len(), 20);
    }

    /// The key of another team may be in the file by now, which the one before does not see.
    #[tokio::test]
    async fn replaced_query_key_is_taken_when_the_file_is_read_again() {
        let account = CoralogixSimulator::new();
        let folder = tempfile::tempdir().unwrap();
        let write = |key: &str| std::fs::write(folder.path().join("key"), key).unwrap();
        let queries = Queries::default();
        let client = || org(&queries, folder.path(), "key", &account).client;
        write("00-the-key-before");
        let before = client();
        assert!(Arc::ptr_eq(&before, &client()));
        write("00-the-key-of-another-team");
        let replaced = client();
        assert!(!Arc::ptr_eq(&before, &replaced));
        assert!(Arc::ptr_eq(&replaced, &client()));
        assert_eq!(queries.clients.0.lock().unwrap().len(), 1);
    }
}
