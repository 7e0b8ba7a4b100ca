//! Opening an org: its secrets, its position, its pipeline.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use okta_coralogix_core::checkpoint::shared::HeldCheckpoint;
use okta_coralogix_core::checkpoint::{CheckpointStore, FileCheckpoint};
use okta_coralogix_core::mapping::Mapping as _;
use okta_coralogix_core::observe::Observer;
use okta_coralogix_core::{Clock, Error, EventSource, LogSink, Pipeline, Result};
use okta_source::OktaSource;
use tokio::time::timeout;

use super::activity::{ActivityLog, ObservedCheckpoint, ObservedPolls};
use super::beginning::Beginning;
use super::faults::interrupted;
use super::integration::Connection;
use super::org::{Org, Shared};
use super::shared_log::{Share, Waited};

/// How long an org that is being opened keeps others from it, at most.
const OPENING_TIME: Duration = Duration::from_secs(2);

impl<O: Observer + Clone> Org<O> {
    /// `None`: another replica reads the log, and a run with an end does not wait for it.
    pub(super) async fn open(&mut self, log: &ActivityLog) -> Result<Option<Pipeline<OktaSource>>> {
        let lease = match self.hold().await? {
            Hold::Elsewhere => return Ok(None),
            Hold::Alone => None,
            Hold::Log(held) => Some(held),
        };
        self.wait_for_turn(log).await;
        let Connection {
            source,
            sink,
            mapping,
            clock: _,
        } = self.connect().await?;
        let store = self.checkpoint(lease.as_ref()).await?;
        let place = store.location().map(PathBuf::from);
        let checkpoint = ObservedCheckpoint::new(log.clone(), store);
        let Shared {
            options,
            dead_letters,
            observer,
            ..
        } = &*self.shared;
        let source = source
            .clock(Arc::clone(&options.clock))
            .once(options.once.is_some())
            .observer(ObservedPolls(log.clone()))
            .checkpoint(checkpoint)
            .open()
            .await
            .map_err(|error| match &self.log {
                Some(log) => log.named(error),
                None => error,
            })
            .map_err(|error| self.integration.names.named(error))?;
        let own = &self.integration.pipeline;
        let too_old = own.too_old.unwrap_or_default();
        let dry_run = options.dry_run.clone();
        let sink = (dry_run.as_ref()).map_or(sink as Arc<dyn LogSink>, |dry_run| dry_run.sink());
        if !std::mem::replace(&mut self.is_announced, true) {
            let location = PathBuf::from(dead_letters.location());
            let beginning = Beginning {
                since: self.integration.since.as_deref(),
                resumes: None,
                too_old,
                keep: self.integration.keep,
                proxy: self.integration.proxy.as_deref(),
                checkpoint: place.as_deref().filter(|_| dry_run.is_none()),
                is_shared: lease.is_some(),
                dead_letters: dry_run.is_none().then_some(&*location),
            };
            let (start, now) = (source.start_point(), options.clock.now());
            beginning.log(start, source.name(), &*sink, now);
            if let Some(dry_run) = &dry_run {
                dry_run.begins(&self.integration.name, start, too_old, now);
            }
        }
        let pipeline = Pipeline::builder(source, sink)
            .name(&self.integration.name)
            .age_filter(own.age_filter())
            .clock(Arc::clone(&options.clock))
            .dead_letters(Arc::clone(dead_letters))
            .observer((
                (observer.clone(), self.monitor.clone()),
                (
                    dry_run.as_ref().map(|dry_run| dry_run.observer()),
                    self.audit.clone(),
                ),
            ))
            .drain_timeout(own.drain_timeout());
        let pipeline = match dry_run {
            Some(dry_run) => {
                pipeline.mapping(mapping.adjusted(move |event, entry| dry_run.entry(event, entry)))
            }
            None => pipeline.mapping(mapping),
        };
        let pipeline = match &own.event_types {
            Some(types) => pipeline.filter(types.clone()),
            None => pipeline,
        };
        let pipeline = match lease {
            Some(lease) => pipeline.lease(lease),
            None => pipeline,
        };
        // A refusal is answered by the waits between the runs, unless it was set otherwise.
        let pipeline = match options.once {
            Some(time) => {
                let faults = own.faults.without_refusal_wait();
                faults.apply(pipeline).give_up_after(time).build()?
            }
            None => own
                .faults
                .with_refusal_wait_if_set()
                .apply(pipeline)
                .build()?,
        };
        self.monitor.attach(pipeline.handle());
        Ok(Some(pipeline))
    }

    /// Waits until few enough other orgs are being opened. This one then counts among them until Okta has answered it, or it has
    /// ended, or for a while.
    async fn wait_for_turn(&self, log: &ActivityLog) {
        // Never closed.
        let turn = Arc::clone(&self.shared.opening).acquire_owned().await.ok();
        let mut changes = log.changes();
        tokio::spawn(async move {
            let answered = changes.wait_for(|activity| activity.answered);
            drop(timeout(OPENING_TIME, answered).await);
            drop(turn);
        });
    }

    /// Reads the secrets, and makes what they are for.
    async fn connect(&self) -> Result<Connection> {
        let integration = Arc::clone(&self.integration);
        let connecting = tokio::task::spawn_blocking(move || {
            let secrets = integration.read_secrets()?;
            let connection = integration.connect(&secrets)?;
            Ok::<_, Error>((secrets, connection))
        });
        let (secrets, connection) = connecting.await.map_err(interrupted)??;
        self.secrets.send_replace(Some(secrets));
        Ok(connection)
    }

    /// Waits for the log, where replicas share it.
    async fn hold(&mut self) -> Result<Hold> {
        let Some(log) = &mut self.log else {
            return Ok(Hold::Alone);
        };
        if let Some(held) = log.held() {
            return Ok(Hold::Log(held));
        }
        // A replica that lacks a secret would take the log, and read nothing.
        let Connection { source, .. } = self.connect().await?;
        self.monitor.standby();
        let is_once = self.shared.options.once.is_some();
        if !is_once {
            self.down = None;
        }
        let Some(log) = &mut self.log else {
            return Ok(Hold::Alone);
        };
        if !is_once {
            return Ok(Hold::Log(log.hold(&source, Share::OfReplicas).await?));
        }
        Ok(match log.hold_if_free(&source).await? {
            Waited::Held(held) => Hold::Log(held),
            Waited::Elsewhere(holder) => {
                tracing::info!(
                    holder,
                    "another replica holds the log, and reads it: this one ends"
                );
                Hold::Elsewhere
            }
        })
    }

    /// The checkpoint, which is shown to be writable after a local fault: a disk that is still full would otherwise take a page to
    /// Coralogix each time and commit none.
    async fn checkpoint(
        &mut self,
        held: Option<&HeldCheckpoint>,
    ) -> Result<Arc<dyn CheckpointStore>> {
        let store: Arc<dyn CheckpointStore> = match (held, &self.store) {
            (Some(held), _) => Arc::new(held.clone()),
            (None, Some(store)) => Arc::clone(store),
            (None, None) => match &self.shared.options.dry_run {
                Some(dry_run) => dry_run.checkpoint(),
                None => Arc::new(FileCheckpoint::open(&self.integration.checkpoint).await?),
            },
        };
        if held.is_none() {
            self.store = Some(Arc::clone(&store));
        }
        if self.reopening.follows_local_fault()
            && let Some(found) = store.load().await?
        {
            store.replace(&found.value, &found.version).await.saved()?;
        }
        Ok(store)
    }
}

/// Whether this replica may read the log.
enum Hold {
    /// There are no replicas.
    Alone,
    Log(HeldCheckpoint),
    /// Another replica reads it.
    Elsewhere,
}
