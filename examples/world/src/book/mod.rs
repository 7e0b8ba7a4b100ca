//! The oracle: it knows every event, sees whatever passes a seam, and says what is wrong.

mod ending;
mod sending;
mod settling;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use chrono::TimeDelta;

use crate::event::Event;
use crate::plan::{Happening, Kind, NetFault, Plan, Route, Seam, Settings, Trouble};
use crate::post::{Fate, Post};

/// The most bytes of a request that are set.
pub(crate) const MOST_BYTES: usize = 8_000;

/// Names one attempt.
pub(crate) type PostId = usize;

/// What is known of one life.
#[derive(Debug)]
struct LifeBook {
    settings: Settings,
    /// Events before this were committed when it began.
    committed: usize,
    busy: BTreeMap<Seam, usize>,
    /// It ended before the world did.
    ended: bool,
    /// How often each event was given to it.
    given: BTreeMap<usize, u32>,
}

/// Everything that is known.
#[derive(Debug)]
pub(crate) struct Book {
    route: Route,
    places: BTreeMap<Bytes, usize>,
    lives: BTreeMap<u32, LifeBook>,
    posts: Vec<Post>,
    /// Arrivals at the ingress, by place.
    pub(crate) delivered: Vec<u32>,
    letters: Vec<u32>,
    /// Events that are in the queue's own dead letters.
    buried: BTreeSet<usize>,
    positions: BTreeMap<String, usize>,
    /// A link goes on with the page size that it was given for, whatever is set later.
    largest_page: usize,
    most_deliveries: usize,
    filter_was_on: bool,
    filter_was_off: bool,
    /// The stored positions by the generation of their records: the highest up to then, since the window goes with them.
    committed: BTreeMap<u64, usize>,
    /// How much later than its day an event may still be sent.
    slack: TimeDelta,
    /// The host's clock was behind once: then an old event may be young by the earlier clock.
    pub(crate) host_was_behind: bool,
    wrong: Vec<String>,
}

impl Book {
    pub(crate) fn new(plan: &Plan, events: &[Event]) -> Self {
        let mut places = BTreeMap::new();
        for event in events {
            places
                .entry(event.document.clone())
                .or_insert(event.original);
        }
        Self {
            route: plan.route,
            places,
            lives: BTreeMap::new(),
            posts: Vec::new(),
            delivered: vec![0; events.len()],
            letters: vec![0; events.len()],
            buried: BTreeSet::new(),
            positions: BTreeMap::new(),
            largest_page: 0,
            most_deliveries: 0,
            filter_was_on: false,
            filter_was_off: false,
            committed: BTreeMap::new(),
            slack: slack(plan),
            host_was_behind: false,
            wrong: Vec::new(),
        }
    }

    /// Something that must not be.
    pub(crate) fn wrong(&mut self, what: String) {
        if self.wrong.len() < 20 && !self.wrong.contains(&what) {
            self.wrong.push(what);
        }
    }

    pub(crate) fn violations(&self) -> &[String] {
        &self.wrong
    }

    pub(crate) fn life_begins(&mut self, life: u32, settings: Settings, committed: usize) {
        self.largest_page = self.largest_page.max(settings.page.into());
        self.most_deliveries = self.most_deliveries.max(settings.deliveries);
        self.filter_was_on |= settings.filter;
        self.filter_was_off |= !settings.filter;
        let book = LifeBook {
            settings,
            committed,
            busy: BTreeMap::new(),
            ended: false,
            given: BTreeMap::new(),
        };
        self.lives.insert(life, book);
    }

    /// Counts an exchange that begins or ends. More than are set at a time are wrong.
    pub(crate) fn busy(&mut self, life: u32, seam: Seam, begins: bool) {
        let Some(book) = self.lives.get_mut(&life) else {
            return;
        };
        let count = book.busy.entry(seam).or_default();
        *count = if begins {
            *count + 1
        } else {
            count.saturating_sub(1)
        };
        let (count, most) = (*count, book.settings.requests);
        if seam == Seam::Ingress && count > most {
            self.wrong(format!(
                "{count} requests to the ingress at a time; {most} are set"
            ));
        }
        if seam == Seam::Okta && count > 1 {
            self.wrong(format!("{count} requests to the org at a time"));
        }
    }

    /// The place that a link of the org's stands for, also once the org has forgotten it.
    pub(crate) fn remember_position(
        &mut self,
        cursor: &str,
        position: Option<usize>,
    ) -> Option<usize> {
        if let Some(position) = position {
            self.positions.insert(cursor.to_owned(), position);
        }
        self.positions.get(cursor).copied()
    }

    /// A record of this generation stands on the disk, with a position of `position`; `before`: what was committed up to now, if it is
    /// new. Returns what is committed with it.
    pub(crate) fn commits(
        &mut self,
        generation: u64,
        position: usize,
        before: Option<usize>,
    ) -> usize {
        let known = self.committed.get(&generation).copied();
        let committed = match before {
            Some(before) => before.max(position),
            None => known.unwrap_or(position),
        };
        self.committed.insert(generation, committed);
        committed
    }

    /// A program was given an event.
    pub(crate) fn given(&mut self, life: u32, place: usize) {
        if let Some(book) = self.lives.get_mut(&life) {
            *book.given.entry(place).or_default() += 1;
        }
    }

    /// The queue has put these messages into its own dead letters.
    pub(crate) fn bury(&mut self, bodies: &[Bytes]) {
        let places = bodies.iter().filter_map(|body| self.places.get(body));
        self.buried.extend(places);
    }

    /// The ingress has taken a request.
    pub(crate) fn taken(&mut self, post: PostId) {
        let Some(post) = self.posts.get_mut(post) else {
            return;
        };
        post.taken += 1;
        for &place in &post.places {
            self.delivered[place] += 1;
        }
    }

    pub(crate) fn fate(&mut self, post: PostId, fate: Fate) {
        if let Some(post) = self.posts.get_mut(post) {
            post.fate = fate;
        }
    }

    /// Arrivals by place, as the requests add up.
    pub(crate) fn posts(&self) -> &[Post] {
        &self.posts
    }

    /// Arrivals beyond the first of each event.
    pub(crate) fn repeats(&self) -> u32 {
        self.delivered
            .iter()
            .map(|count| count.saturating_sub(1))
            .sum()
    }
}

/// A second for what is under way to the ingress, and one for the `Date` in full seconds. Where the host's clock is wrong a far
/// side's judges, which is behind by as long as its answer took.
fn slack(plan: &Plan) -> TimeDelta {
    let is_clock = |trouble: &Trouble| matches!(trouble, Trouble::At(_, Happening::Clock(_)));
    let answers = if plan.troubles.iter().any(is_clock) {
        let delays = plan.troubles.iter().filter_map(|trouble| match trouble {
            Trouble::Net(Seam::Door, ..) => None,
            Trouble::Net(_, _, NetFault::Delay(time) | NetFault::Late(time)) => Some(*time),
            _ => None,
        });
        plan.latency + delays.max().unwrap_or_default()
    } else {
        Duration::ZERO
    };
    TimeDelta::seconds(2) + TimeDelta::from_std(answers).unwrap_or_default()
}

fn has_uuid(event: &Event) -> bool {
    event.kind != Kind::NoUuid
}

/// True for what belongs into the dead letters.
pub(crate) fn goes_aside(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Timeless | Kind::Broken | Kind::Poison | Kind::Huge
    )
}
