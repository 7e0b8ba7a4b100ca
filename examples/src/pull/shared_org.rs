//! One org of variables that replicas share: the one integration of a run.

use std::sync::Arc;

use coralogix_sink::CoralogixSink;
use okta_coralogix_core::Result;
use okta_coralogix_core::mapping::CoralogixMappingBuilder;
use okta_source::OktaSourceBuilder;

use super::config::{Connect, Connection, Integration, SecretValues};
use super::replicas::{SharedState, audit_by_replicas};
use super::settings::{ManySettings, Mode, OrgSettings, TOO_OLD_FLAGS};
use crate::audit::continuous::AuditSides;

/// What an org needs to be opened again and again, as one of several replicas does.
#[derive(Debug)]
pub(super) struct SharedOrg {
    pub(super) state: SharedState,
    pub(super) mapping: CoralogixMappingBuilder,
}

impl OrgSettings {
    /// As the one integration of a run that replicas share. `Err`: they do not, or it is a dry run, which keeps no position.
    pub(super) fn into_shared(mut self) -> Result<ManySettings, Box<Self>> {
        let Some(shared) = self.shared.take_if(|_| self.mode.dry_run().is_none()) else {
            return Err(Box::new(self));
        };
        let Mode::Send(sink) = self.mode else {
            return Err(Box::new(self));
        };
        let variables = VariablesOrg {
            source: self.source,
            sink,
            mapping: shared.mapping,
        };
        let mut integration = Integration::new(&self.name, self.checkpoint, variables);
        for (name, path) in self.secrets {
            integration = integration.with_secret_file(name, path);
        }
        integration.pipeline = self.pipeline.options.clone();
        integration.proxy = self.proxy;
        integration.since = self.since;
        integration.keep = TOO_OLD_FLAGS;
        integration.names = self.names;
        Ok(ManySettings {
            integrations: vec![integration],
            source: None,
            shared: Some(shared.state),
            pipeline: self.pipeline,
            once: self.once,
            check: self.check.is_some(),
            dry_run: None,
            admin: self.admin,
        })
    }
}

/// The org of the variables, opened again and again.
#[derive(Debug)]
struct VariablesOrg {
    source: OktaSourceBuilder,
    sink: Arc<CoralogixSink>,
    mapping: CoralogixMappingBuilder,
}

impl Connect for VariablesOrg {
    fn connect(&self, _: &SecretValues) -> Result<Connection> {
        let (source, sink) = (self.source.clone(), Arc::clone(&self.sink));
        Ok(Connection::new(source, sink, self.mapping.clone().build()?))
    }

    fn audit_sides(&self, _: &SecretValues) -> Result<AuditSides> {
        Err(audit_by_replicas())
    }
}
