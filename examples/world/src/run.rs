//! One world, from its plan to its verdict.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use crate::happen;
use crate::looks::contains;
use crate::operator::operate;
use crate::overheard::Overheard;
use crate::plan::{Happening, Plan, Route, Seam, Trouble};
use crate::scene::{SECRET, Scene};

/// How long a calm world may take until everything has come to its end. The longest waits that may lie in it: on the pull route 2 minutes
/// that a far side asks for, and 30 s of backoff; EventBridge's own waits grow to 5 minutes, and each attempt may find the program
/// between two lives; a message of the queue that came back again and again stays hidden for up to 15 minutes.
#[must_use]
pub fn patience(route: Route) -> Duration {
    Duration::from_secs(match route {
        Route::Pull => 300,
        Route::Http => 900,
        Route::Sqs => 1200,
    })
}

/// How long the world is watched once all is done.
const QUIET: Duration = Duration::from_secs(120);

/// How often the world is looked at.
const LOOK: Duration = Duration::from_secs(5);

/// What came of a world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What must not be; nothing, if all is well.
    pub violations: Vec<String>,
    /// What happened, in order, if it was to be told.
    pub story: Vec<String>,
    /// Steps that the programs took.
    pub steps: u64,
    /// Steps and exchanges until everything had come to its end.
    pub busy: Busy,
    /// Arrivals beyond the first of each event.
    pub repeats: u32,
    /// Lives of programs.
    pub lives: u32,
    /// How long the world lasted.
    pub lasted: Duration,
}

/// How much was done until everything had come to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Busy {
    /// Steps.
    pub steps: u64,
    /// Those of them from which something outside the program may come.
    pub deeds: Vec<u64>,
    /// Exchanges at each seam.
    pub exchanges: Vec<(Seam, u64)>,
    /// Operations on the disk.
    pub operations: u64,
}

impl Busy {
    fn until_now(scene: &Scene) -> Self {
        let troubles = scene.troubles();
        let seams = [Seam::Okta, Seam::Ingress, Seam::Door, Seam::Queue];
        Self {
            steps: troubles.steps(),
            deeds: troubles.deeds().to_vec(),
            exchanges: seams.map(|seam| (seam, troubles.exchanges(seam))).to_vec(),
            operations: troubles.operations(),
        }
    }
}

/// Runs a world. With `told` its story is written down.
///
/// # Panics
/// If no runtime can be had.
#[must_use]
pub fn run(plan: &Plan, told: bool) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without a driver asks nothing of the system");
    runtime.block_on(play(plan, told))
}

async fn play(plan: &Plan, told: bool) -> Outcome {
    let scene = Scene::new(plan, told);
    let _hearing = tracing::subscriber::set_default(Overheard(Arc::clone(&scene)));
    tokio::spawn(happen::events(Arc::clone(&scene)));
    tokio::spawn(happen::happenings(Arc::clone(&scene)));
    let programs: Vec<_> = (0..plan.programs.max(1))
        .map(|_| tokio::spawn(operate(Arc::clone(&scene))))
        .collect();
    let caught_up = catches_up(&scene).await;
    let busy = Busy::until_now(&scene);
    if caught_up {
        stays_quiet(&scene).await;
    }
    scene.end();
    for program in programs {
        let ended = timeout(Duration::from_secs(120), program).await;
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(panic)) => scene.book().wrong(format!("a program panics: {panic}")),
            Err(_) => scene
                .book()
                .wrong("a program does not end when it is told to".to_owned()),
        }
    }
    if caught_up {
        is_complete(&scene);
    }
    let (violations, repeats) = {
        let book = scene.book();
        (book.violations().to_vec(), book.repeats())
    };
    Outcome {
        violations,
        story: scene.story().take(),
        steps: scene.troubles().steps(),
        busy,
        repeats,
        lives: scene.next_life(),
        lasted: scene.elapsed(),
    }
}

/// Waits until all is done; false if that takes too long, or something is wrong before.
async fn catches_up(scene: &Arc<Scene>) -> bool {
    let last = happen::last(scene);
    let patience = patience(scene.plan.route);
    loop {
        sleep(LOOK).await;
        if !scene.book().violations().is_empty() {
            return false;
        }
        if scene.elapsed() < last {
            continue;
        }
        let missing = missing(scene);
        if missing.is_empty() && Instant::now() >= scene.now().calm_since {
            return true;
        }
        if Instant::now() > scene.now().calm_since + patience {
            let missing = missing.join("; ");
            let what = format!("after {patience:?} of calm there is still: {missing}");
            scene.book().wrong(what);
            return false;
        }
    }
}

/// What has not come to its end.
fn missing(scene: &Scene) -> Vec<String> {
    let mut missing = Vec::new();
    let count = scene.events.len();
    match scene.plan.route {
        Route::Pull => {
            let position = scene.position();
            if position < count {
                missing.push(format!("the position is {position} of {count}"));
            }
        }
        Route::Http => {
            let brought = scene.now().brought;
            if brought < count {
                missing.push(format!("EventBridge is done with {brought} of {count}"));
            }
        }
        Route::Sqs => {
            let depth = scene.queue.depth_now();
            if !depth.is_empty() {
                missing.push(format!("the queue holds {depth:?}"));
            }
        }
    }
    let letters = scene.durable_letters();
    scene.looks_at_what_is_buried();
    let book = scene.book();
    let unsettled = (0..count).filter_map(|place| {
        book.is_settled(place, &scene.events, &letters, scene.time())
            .err()
    });
    missing.extend(unsettled);
    missing
}

/// A quiet org is polled at its interval and no more, and nothing is sent any more.
async fn stays_quiet(scene: &Arc<Scene>) {
    let count = |seam| scene.troubles().exchanges(seam);
    let (okta, posts) = (count(Seam::Okta), scene.book().posts().len());
    sleep(QUIET).await;
    let polls = count(Seam::Okta) - okta;
    // A fault may have waited for one of them.
    let most = QUIET.as_secs() / 30 + 2 + scene.plan.troubles.len() as u64;
    let sent = scene.book().posts().len() - posts;
    let mut book = scene.book();
    if polls > most {
        book.wrong(format!(
            "{polls} requests to a quiet org in {QUIET:?}, {most} would do"
        ));
    }
    if scene.plan.route == Route::Pull
        && polls + (scene.plan.troubles.len() as u64) < QUIET.as_secs() / 30 - 1
    {
        book.wrong(format!("only {polls} requests to a quiet org in {QUIET:?}"));
    }
    if sent > 0 {
        book.wrong(format!(
            "{sent} requests to the ingress, and nothing has happened"
        ));
    }
}

/// Looks at everything once more, when all programs have ended.
fn is_complete(scene: &Scene) {
    scene.looks_at_the_checkpoint();
    scene.looks_at_the_dead_letters();
    scene.looks_at_what_is_buried();
    let letters = scene.durable_letters();
    for (place, event) in scene.events.iter().enumerate() {
        let settled = scene
            .book()
            .is_settled(place, &scene.events, &letters, scene.time());
        if let Err(what) = settled {
            scene.book().wrong(format!("in the end {what}"));
        }
        let arrivals = scene.book().delivered[place];
        if crate::book::goes_aside(event.kind) && arrivals > 0 {
            scene
                .book()
                .wrong(format!("event {place} ({:?}) has arrived", event.kind));
        }
    }
    if !queue_fails(&scene.plan) {
        scene.book().repeats_have_a_reason(&scene.events);
    }
    let ledger = scene.ingress.ledger();
    let counted: u32 = scene.book().delivered.iter().sum();
    if ledger.entries().len() != counted as usize {
        let what = format!(
            "the ledger has {} entries, {counted} were counted",
            ledger.entries().len()
        );
        scene.book().wrong(what);
    }
    if ledger.bad_shape() > 0 {
        scene
            .book()
            .wrong("a request was not as documented".to_owned());
    }
    let platter = scene.platter();
    let told = platter.names().filter(|path| {
        platter
            .read(path)
            .is_some_and(|bytes| contains(bytes, SECRET))
    });
    let told: Vec<_> = told.map(|path| path.display().to_string()).collect();
    drop(platter);
    for path in told {
        scene.book().wrong(format!("a secret stands in {path}"));
    }
}

/// True if a program may have to wait so long for the queue that its messages are given to another one.
fn queue_fails(plan: &Plan) -> bool {
    plan.troubles.iter().any(|trouble| {
        let happening = match trouble {
            Trouble::Net(Seam::Queue, ..) => return true,
            Trouble::At(_, happening) => happening,
            _ => return false,
        };
        matches!(
            happening,
            Happening::ShowAll | Happening::Outage(Seam::Queue, _)
        )
    })
}
