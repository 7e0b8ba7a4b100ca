//! `pull position` at work.

use std::io::Write;

use chrono::{DateTime, Utc};
use okta_coralogix_core::checkpoint::FileCheckpoint;
use okta_coralogix_core::checkpoint::shared::HeldCheckpoint;
use okta_coralogix_core::{Clock, Error, ErrorKind, Result, SystemClock};
use okta_source::{OrgUrl, StoredPosition};

use super::PositionCommand;
use super::args::MoveArgs;
use super::cost::{Move, Way};
use super::settings::{Place, PositionSettings};
use super::shown::{Shown, time_of as time_of_position};
use super::time::{text, time_of};
use crate::program::ExitStatus;
use crate::program::args::in_setting;

pub(in super::super) async fn run(settings: PositionSettings) -> Result<ExitStatus> {
    match &settings.command {
        PositionCommand::Show { json } => show_all(&settings.places, *json).await?,
        PositionCommand::Rewind(args) => move_all(&settings.places, Way::Back, args).await?,
        PositionCommand::Skip(args) => move_all(&settings.places, Way::Ahead, args).await?,
    }
    Ok(ExitStatus::told())
}

async fn show_all(places: &[Place], json: bool) -> Result<()> {
    let mut failed = Vec::new();
    for (n, place) in places.iter().enumerate() {
        match show(place).await {
            Ok(shown) if json => print(&serde_json::to_string(&shown).unwrap_or_default())?,
            Ok(shown) => {
                let gap = if n > 0 { "\n" } else { "" };
                print(&format!("{gap}{}", shown.lines().join("\n")))?;
            }
            Err(error) if places.len() == 1 => return Err(error),
            Err(error) => {
                tracing::error!("{error}");
                failed.push(place.integration.as_deref().unwrap_or_default());
            }
        }
    }
    if failed.is_empty() {
        return Ok(());
    }
    let detail = format!(
        "the positions of {} cannot be shown, as said above",
        failed.join(", ")
    );
    Err(Error::config("--config", detail))
}

async fn show(place: &Place) -> Result<Shown> {
    let (record, position) = match &place.shared {
        Some(shared) => shared.read().await.map_err(in_setting(&place.setting))?,
        None => (None, open(place, None).await?),
    };
    let with_record = |shown: Shown| match &record {
        Some(record) => shown.with_record(record),
        None => shown,
    };
    let Some(mut position) = position else {
        return Ok(with_record(Shown::missing(place)));
    };
    let owner = position.identity().to_owned();
    let mut note = None;
    if let Some(org) = &place.org {
        if let Some(before) = &place.renamed_from {
            position.rename(before, org);
        }
        note = position.check(org).err().map(|error| error.to_string());
        if position.identity() != owner {
            note = Some(format!(
                "the next run takes it for {org}, as renamed_from says"
            ));
        }
    }
    let shown = Shown::of(place, &position, SystemClock.now(), note);
    Ok(with_record(shown))
}

/// There is one place.
async fn move_all(places: &[Place], way: Way, args: &MoveArgs) -> Result<()> {
    for place in places {
        move_one(place, way, args).await?;
    }
    Ok(())
}

async fn move_one(place: &Place, way: Way, args: &MoveArgs) -> Result<()> {
    let now = SystemClock.now();
    let to = time_of("--to", &args.to, now)?;
    let named = in_setting(&place.setting);
    let Some(org) = &place.org else {
        return Err(Error::config(
            &place.setting,
            "belongs to no org of the settings",
        ));
    };
    // A position that replicas share is moved by the one that holds its log; only to say what that causes takes none.
    let held = match &place.shared {
        Some(shared) if args.yes => Some(shared.take().await.map_err(&named)?),
        _ => None,
    };
    let moved = move_position(place, way, args, (to, now), org, held.as_ref()).await;
    if let Some(held) = held {
        held.release().await.map_err(&named)?;
    }
    moved
}

async fn move_position(
    place: &Place,
    way: Way,
    args: &MoveArgs,
    (to, now): (DateTime<Utc>, DateTime<Utc>),
    org: &OrgUrl,
    held: Option<&HeldCheckpoint>,
) -> Result<()> {
    let named = in_setting(&place.setting);
    let position = match (held, &place.shared) {
        (Some(held), _) => StoredPosition::load(held.clone()).await.map_err(&named)?,
        (None, Some(shared)) => shared.read().await.map_err(&named)?.1,
        (None, None) => open(place, Some(way)).await?,
    };
    let Some(mut position) = position else {
        let detail = format!(
            "there is no position in {} to be moved: start the program with --since {} (since) instead",
            place.location(),
            text(to)
        );
        return Err(Error::config(&place.setting, detail));
    };
    if let Some(before) = &place.renamed_from {
        position.rename(before, org);
    }
    position.check(org).map_err(&named)?;
    let plan = Move {
        way,
        from: time_of_position(&position),
        to,
        now,
        remembered: position.remembered(),
        too_old: place.too_old,
        keep: place.keep,
        is_shared: place.shared.is_some(),
        command: &place.command,
    };
    plan.check()?;
    let file = place.location();
    for line in plan.lines() {
        print(&line)?;
    }
    if !args.yes {
        let detail = format!(
            "is missing: nothing was changed in {file}; with --yes the position is moved, as said above"
        );
        return Err(Error::config("--yes", detail));
    }
    position.move_to(org, to, now).await.map_err(&named)?;
    print(&format!(
        "moved: the next run reads {file} from {} on",
        text(to)
    ))
}

/// The position, under its lock; `None`: there is none.
async fn open(place: &Place, way: Option<Way>) -> Result<Option<StoredPosition>> {
    let (path, named) = (&place.checkpoint, in_setting(&place.setting));
    // To move it leaves a lock file, for which there is no need. A run would create the folder of `--state-dir`.
    let folder = path.parent();
    let folder = folder.filter(|folder| !folder.as_os_str().is_empty());
    let has_folder =
        folder.is_none_or(|folder| folder.is_dir() || place.state.folder() == Some(folder));
    if matches!(path.try_exists(), Ok(false)) && has_folder {
        return Ok(None);
    }
    let store = match way {
        Some(_) => FileCheckpoint::open(path).await,
        None => FileCheckpoint::open_read_only(path).await,
    };
    let store = store.map_err(|error| {
        let detail = format!(
            "{} is in use by a program that runs: stop it first (what it has read meanwhile is on its /status, with --admin-listen)",
            path.display()
        );
        match error.kind() {
            ErrorKind::Locked => Error::new(ErrorKind::Locked, detail),
            _ => error,
        }
    });
    StoredPosition::load(store.map_err(&named)?)
        .await
        .map_err(&named)
}

fn print(line: &str) -> Result<()> {
    writeln!(std::io::stdout(), "{line}").map_err(|error| {
        let detail = format!("standard output cannot be written: {error}");
        Error::new(ErrorKind::Storage, detail).with_source(error)
    })
}
