//! Serves the endpoint on a socket, with bounds on connections, heads and idle time.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::service::TowerToHyperService;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::connection::{Connections, Timeouts, drive};
use super::listener::{Listener, accept};
use super::log_limit::LogLimit;
use super::open_files::connection_bound;
use super::router::server_router;
use super::service::HttpService;

/// How much longer than the response deadline connections may take to end after the shutdown.
const GRACE: Duration = Duration::from_secs(2);

pub(super) async fn serve<L: Listener>(
    mut listener: L,
    service: Arc<HttpService>,
    shutdown: impl Future<Output = ()> + Send,
) {
    let settings = &service.settings;
    let timeouts = Timeouts {
        io: settings.io_timeout,
        idle: settings.idle_timeout,
    };
    let connections = Connections::new(connection_bound(settings.max_connections), timeouts);
    let routes = TowerToHyperService::new(server_router(Arc::clone(&service)));
    let (stop, stopped) = watch::channel(false);
    let mut tasks = JoinSet::new();
    let mut log_limit = LogLimit::default();
    let mut shutdown = pin!(shutdown);
    loop {
        // One connection more than the bound is open while it waits for its place.
        let next = async {
            let stream = accept(&mut listener, &connections, &mut log_limit).await;
            (stream, connections.place().await)
        };
        let (stream, slot) = tokio::select! {
            biased;
            () = &mut shutdown => break,
            next = next => next,
        };
        let driven = drive(stream, Arc::clone(&slot), routes.clone(), stopped.clone());
        let open = service.open_connection();
        tasks.spawn(async move {
            driven.await;
            // Its descriptor is closed now.
            drop((slot, open));
        });
        while tasks.try_join_next().is_some() {}
    }
    drop(listener);
    service.close();
    stop.send_replace(true);
    let all = async { while tasks.join_next().await.is_some() {} };
    let limit = service.settings.response_deadline + GRACE;
    if timeout(limit, all).await.is_err() {
        tracing::warn!(
            connections = tasks.len(),
            "connections that do not end are closed"
        );
    }
}
