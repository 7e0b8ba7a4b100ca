//! Who starts the programs, and starts them again.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use okta_coralogix_core::{Error, ErrorKind};
use tokio::time::sleep;

use crate::life::Life;
use crate::plan::{Happening, NetFault, Route, Seam, Trouble};
use crate::program::{Ended, program};
use crate::scene::{SECRET, Scene};

/// How long it takes to start a program again.
const AGAIN: Duration = Duration::from_secs(2);

/// How long it takes until somebody has mended what ended a program.
const MENDED: Duration = Duration::from_secs(30);

/// Runs one program life after life, until the world is over.
pub(crate) async fn operate(scene: Arc<Scene>) {
    loop {
        let wait = one_life(&scene).await;
        if !scene.is_over() {
            sleep(wait).await;
        }
        if scene.is_over() {
            return;
        }
    }
}

/// One life. Returns how long it takes until the next one begins.
async fn one_life(scene: &Arc<Scene>) -> Duration {
    let life = Life::begin(scene);
    let settings = scene.now().settings;
    let (_, committed) = scene.read_checkpoint(None);
    scene.book().life_begins(life.number(), settings, committed);
    scene.say(|| {
        format!(
            "life {} begins with {settings:?}, {committed} events are committed",
            life.number()
        )
    });
    let running = program(life.clone(), settings, scene.stop.times()).boxed();
    let ended = tokio::select! {
        biased;
        power = life.killed() => Err(power),
        ended = life.counted(running) => Ok(ended),
    };
    life.end();
    scene.door.close();
    scene.platter().process_ends(life.number());
    if ended.as_ref().is_err_and(|power| *power) {
        scene.say(|| "the machine goes down".to_owned());
        let mut rng = scene.rng().fork();
        scene.platter().power_cut(&mut rng);
    }
    let (_, committed) = scene.read_checkpoint(None);
    scene.looks_at_the_dead_letters();
    scene
        .book()
        .life_ends(life.number(), committed, &scene.events);
    if !scene.is_over() {
        scene.book().life_was_not_the_last(life.number());
    }
    let Ok(ended) = ended else {
        return AGAIN;
    };
    scene.say(|| format!("life {} ends: {ended:?}", life.number()));
    match ended {
        Ended::Done(summary) => {
            scene
                .book()
                .summed_up(life.number(), &summary, &scene.events);
            AGAIN
        }
        Ended::Failed(failed) => {
            scene
                .book()
                .summed_up(life.number(), &failed.summary, &scene.events);
            mend(scene, &failed.error)
        }
        Ended::NotStarted(error) => mend(scene, &error),
    }
}

/// Somebody reads the error, and does what it says.
fn mend(scene: &Scene, error: &Error) -> Duration {
    let said = format!("{error} {error:?}");
    if said.contains(SECRET) {
        scene
            .book()
            .wrong(format!("a secret stands in an error: {said}"));
    }
    scene.trouble_for(MENDED);
    let plan = &scene.plan;
    let disk = plan.troubles.iter().any(|trouble| {
        matches!(trouble, Trouble::Disk(..))
            || matches!(trouble, Trouble::At(_, Happening::DiskFull(_)))
    });
    let odd = |seam| {
        plan.troubles.iter().any(|trouble| {
            matches!(trouble, Trouble::Net(of, _, NetFault::Html | NetFault::Status(_)) if *of == seam)
        })
    };
    let expected = match error.kind() {
        ErrorKind::Unauthorized => {
            let mut now = scene.now();
            (now.key.1, now.token.1) = (now.key.0, now.token.0);
            (now.key.0, now.token.0) != (0, 0)
        }
        ErrorKind::Storage | ErrorKind::Config => disk,
        ErrorKind::WrongEndpoint | ErrorKind::Forbidden => odd(Seam::Ingress),
        // A second link that is refused, before one has worked.
        ErrorKind::Rejected => {
            let forgets =
                |trouble: &&Trouble| matches!(trouble, Trouble::At(_, Happening::ForgetCursors));
            plan.troubles.iter().filter(forgets).count() > 1
        }
        // The queue's facts are asked for once.
        _ => error.is_temporary() && plan.route == Route::Sqs,
    };
    if !expected {
        scene
            .book()
            .wrong(format!("a program ends with {:?}: {error}", error.kind()));
    }
    MENDED
}
