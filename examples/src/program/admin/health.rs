//! Whether the program is alive, and whether it is ready.

use std::time::Duration;

use okta_coralogix_core::pipeline::PipelineState;

use crate::program::metrics::{Registry, RunState, SourceKind};

/// The answer to a probe, with a line for each pipeline.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Health {
    pub(super) is_good: bool,
    /// The pipelines that are not as they should be, by name, and all of them.
    pub(super) faults: Vec<String>,
    pub(super) lines: Vec<String>,
}

impl Health {
    /// Of pipelines by name: what they do, and whether that is as it should be.
    fn of(pipelines: impl IntoIterator<Item = (String, &'static str, bool)>) -> Self {
        let mut health = Self {
            is_good: true,
            faults: Vec::new(),
            lines: Vec::new(),
        };
        for (name, state, is_good) in pipelines {
            let sign = if is_good { '+' } else { '-' };
            let line = format!("{name}: {state}");
            health.lines.push(format!("[{sign}]{line}"));
            if !is_good {
                health.is_good = false;
                health.faults.push(line);
            }
        }
        health
    }
}

/// Good if the loop of every run turns within `limit`. Okta and Coralogix do not matter: a restart would heal neither.
pub(super) async fn live(registry: &Registry, limit: Duration) -> Health {
    let hanging = registry.hanging(limit).await;
    let pipelines = registry.watched().into_iter().map(|watched| {
        let hangs = hanging.contains(&watched.name);
        let state = match hangs {
            true => "its loop does not turn",
            false => watched.state().as_str(),
        };
        (watched.name.clone(), state, !hangs)
    });
    Health::of(pipelines)
}

/// Good if every pipeline was opened, its position read, and none is stopping. One that fails is retried, and is ready all the same, as is one
/// whose log another replica reads.
pub(super) fn ready(registry: &Registry) -> Health {
    // Healing does not decide whether the receiver beside it takes events.
    let mut watched = registry.watched();
    watched.retain(|watched| watched.source != SourceKind::Healing);
    if watched.is_empty() {
        return Health::of([("program".to_owned(), "starting", false)]);
    }
    let pipelines = watched.into_iter().map(|watched| {
        let state = watched.state();
        let full = watched
            .endpoint()
            .is_some_and(|endpoint| !endpoint.status().takes_events);
        let is_ready = match state {
            RunState::Opening => false,
            RunState::Down | RunState::Standby => true,
            RunState::Of(state) => {
                matches!(state, PipelineState::Running | PipelineState::Retrying)
            }
        };
        match is_ready && full {
            true => (
                watched.name.clone(),
                "the endpoint takes no more events",
                false,
            ),
            false => (watched.name.clone(), state.as_str(), is_ready),
        }
    });
    Health::of(pipelines)
}
