//! Whether a store keeps the conditions of a put.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, sleep};

use super::objects::PutIf;
use super::place::Place;
use crate::checkpoint::Version;
use crate::{Error, Result};

/// Writes an object under each condition, and removes it.
pub(super) async fn run(place: &Place) -> Result<()> {
    let tested = test(place).await;
    let removed = place.within(place.objects.delete(&place.name)).await;
    tested?;
    removed.map_err(|error| {
        let detail = format!(
            "{} cannot be removed ({}): let this user delete objects there, old windows of uuids are removed",
            place.location(),
            error.detail()
        );
        Error::new(error.kind(), detail).with_source(error)
    })
}

async fn test(place: &Place) -> Result<()> {
    // Some stores refuse to say that something is not there to who may not list.
    if place
        .within(place.objects.get(&place.name))
        .await?
        .is_some()
    {
        return Err(lacks(place, "says what is not there"));
    }
    place.within(place.objects.names(&place.name)).await?;
    let (first, took) = timed_put(place, "1", PutIf::Absent).await?;
    if took >= place.ttl / 6 {
        let detail = format!(
            "a put took {} ms, more than a sixth of the lease's {} s: take a longer lease, or a store that is nearer",
            took.as_millis(),
            place.ttl.as_secs()
        );
        return Err(Error::config("ttl", detail));
    }
    refuses(
        place,
        "2",
        PutIf::Absent,
        "a second object of the same name",
    )
    .await?;
    let second = put(place, "3", PutIf::Unchanged(first.clone())).await?;
    if second == first {
        return Err(lacks(
            place,
            "gives each version of an object a name of its own",
        ));
    }
    let stale = "a put over a version that is not the last";
    refuses(place, "4", PutIf::Unchanged(first), stale).await?;
    let found = place.within(place.objects.get(&place.name)).await?;
    match found.is_some_and(|found| found.version == second && found.bytes == "3".as_bytes()) {
        true => Ok(()),
        false => Err(lacks(place, "gives back what was stored last")),
    }
}

async fn put(place: &Place, content: &'static str, condition: PutIf) -> Result<Version> {
    let (version, _) = timed_put(place, content, condition).await?;
    Ok(version)
}

/// With the time that it took.
async fn timed_put(
    place: &Place,
    content: &'static str,
    condition: PutIf,
) -> Result<(Version, Duration)> {
    // As the writer does: some stores take one write of an object in a second.
    sleep(place.by_own_clock(place.objects.put_interval())).await;
    let bytes = Bytes::from_static(content.as_bytes());
    let began = Instant::now();
    let put = place.objects.put(&place.name, bytes, condition);
    let version = place.within(put).await?;
    Ok((version, began.elapsed()))
}

/// An error is no evidence, and neither is success: what is there counts.
async fn refuses(place: &Place, content: &'static str, condition: PutIf, what: &str) -> Result<()> {
    put(place, content, condition).await.ok();
    let found = place.within(place.objects.get(&place.name)).await?;
    match found.is_some_and(|found| found.bytes == content.as_bytes()) {
        false => Ok(()),
        true => Err(lacks(place, &format!("refuses {what}"))),
    }
}

fn lacks(place: &Place, what: &str) -> Error {
    let detail = format!(
        "{} is not a store that {what}, so that two replicas would take one log; use one with conditional puts (S3, Google Cloud \
         Storage, Azure Blob Storage, R2, MinIO)",
        place.objects.location()
    );
    Error::config("state", detail)
}
