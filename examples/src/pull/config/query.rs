//! Where it is asked what is stored of an org: for `audit_every`.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use coralogix_sink::query::{QueryClient, QueryClientBuilder, QueryConfig};
use okta_coralogix_core::transport::Transport;
use okta_coralogix_core::{Error, Result};
use okta_source::OktaSourceBuilder;

use super::file::CoralogixTable;
use super::secrets::SecretSource;
use crate::audit::{AuditSides, ContinuousSettings, filter_of};
use crate::program::Environment;
use crate::pull::settings::UUID_PATH;

/// The setting of the key of queries, as messages name it.
pub(super) const QUERY_KEY: &str = "coralogix, query_key";

/// The queries of an org.
#[derive(Debug)]
pub(super) struct OrgQuery {
    pub(super) settings: ContinuousSettings,
    target: CoralogixTable,
    key: SecretSource,
    clients: Arc<QueryCache>,
}

/// The clients of all orgs: those of one team share one, and with it the number of queries a minute.
#[derive(Debug, Default)]
pub(super) struct QueryCache(Mutex<Vec<CachedClient>>);

#[derive(Debug)]
struct CachedClient {
    domain: Option<String>,
    endpoint: Option<String>,
    key: SecretSource,
    settings: ContinuousSettings,
    client: Arc<QueryClient>,
}

impl OrgQuery {
    /// No secret that is in a file is read yet.
    ///
    /// # Errors
    /// `Config`, which names the key that is missing.
    pub(super) fn read(
        settings: ContinuousSettings,
        target: &CoralogixTable,
        folder: &Path,
        environment: &Environment,
        clients: &Arc<QueryCache>,
    ) -> Result<Self> {
        let key = target.query_key.as_ref().ok_or_else(|| {
            let detail = "is missing, and audit_every needs it; write `query_key = { file = \"PATH\" }`, in a table `coralogix`: an API key with \
                          the preset DataQuerying";
            Error::config(QUERY_KEY, detail)
        })?;
        if target.domain.is_none() && target.query_endpoint.is_none() {
            let detail = "is missing, and audit_every needs it beside an endpoint; write `query_endpoint = \"https://api.eu2.coralogix.com\"`";
            return Err(Error::config("coralogix, query_endpoint", detail));
        }
        let query = Self {
            settings,
            target: target.clone(),
            key: key.locate(QUERY_KEY, folder, environment)?,
            clients: Arc::clone(clients),
        };
        // What is wrong in the file itself is said before anything runs.
        let checked = query.builder().query_key(query.key.without_file().read()?);
        query.client(checked)?;
        Ok(query)
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

    fn shared(&self, transport: Arc<dyn Transport>) -> Result<Arc<QueryClient>> {
        // Nothing that runs under this lock panics.
        let mut clients = self
            .clients
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let (domain, endpoint) = (&self.target.domain, &self.target.query_endpoint);
        let known = clients.iter().find(|cached| {
            (&cached.domain, &cached.endpoint) == (domain, endpoint)
                && cached.settings.is_same_storage(&self.settings)
                && cached.key.is_same_place(&self.key)
        });
        if let Some(known) = known {
            return Ok(Arc::clone(&known.client));
        }
        // Its error has the name of the setting already.
        self.key.read()?;
        let key = self.key.clone();
        let builder = self.builder().query_key_from(move || key.read());
        let client = Arc::new(self.client(builder.transport(transport))?);
        clients.push(CachedClient {
            domain: domain.clone(),
            endpoint: endpoint.clone(),
            key: self.key.clone(),
            settings: self.settings,
            client: Arc::clone(&client),
        });
        Ok(client)
    }

    fn client(&self, builder: QueryClientBuilder) -> Result<QueryClient> {
        let built = self.settings.client(builder);
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
        builder.uuid_path(UUID_PATH)
    }
}
