//! The oracle: it knows every event, sees whatever passes a seam, and says what is wrong.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use okta_coralogix_core::Summary;

use crate::event::Event;
use crate::plan::{Kind, Plan, Route, Seam, Settings};
use crate::post::{self, Entry, Fate, Post};

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
    positions: BTreeMap<String, usize>,
    /// A link goes on with the page size that it was given for, whatever is set later.
    largest_page: usize,
    most_deliveries: usize,
    filter_was_on: bool,
    filter_was_off: bool,
    /// Events that were judged by the host's clock alone, while it was wrong and no far side had answered yet.
    excused: BTreeSet<usize>,
    /// The stored positions by the generation of their records: the highest up to then, since the window goes with them.
    committed: BTreeMap<u64, usize>,
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
            positions: BTreeMap::new(),
            largest_page: 0,
            most_deliveries: 0,
            filter_was_on: false,
            filter_was_off: false,
            excused: BTreeSet::new(),
            committed: BTreeMap::new(),
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

    /// The program has nothing but the host's clock to judge an event by, and that is wrong.
    pub(crate) fn excuses(&mut self, life: u32, place: usize) {
        let mut posts = self.posts.iter().filter(|post| post.life == life);
        if !posts.any(|post| matches!(post.fate, Fate::Answered(_))) {
            self.excused.insert(place);
        }
    }

    /// A program was given an event.
    pub(crate) fn given(&mut self, life: u32, place: usize) {
        if let Some(book) = self.lives.get_mut(&life) {
            *book.given.entry(place).or_default() += 1;
        }
    }

    /// The places of a dead letter, if it is one of the world's. What is no JSON ends where the next whole event begins, so that what
    /// is not one either stands in the same letter.
    pub(crate) fn places(&self, letter: &[u8], events: &[Event]) -> Option<Vec<usize>> {
        if let Some(place) = self.places.get(letter) {
            return Some(vec![*place]);
        }
        let mut places = Vec::new();
        let mut rest = letter;
        loop {
            let first = events.iter().find(|event| {
                let odd = matches!(event.kind, Kind::Broken | Kind::NoUuid | Kind::Timeless);
                odd && rest.starts_with(&event.document)
            })?;
            places.push(first.original);
            rest = &rest[first.document.len()..];
            match rest.strip_prefix(b",") {
                Some(more) => rest = more,
                None => break,
            }
        }
        rest.is_empty().then_some(places)
    }

    /// A program sends a request.
    pub(crate) fn attempt(
        &mut self,
        life: u32,
        body: &Bytes,
        events: &[Event],
        time: DateTime<Utc>,
        position: usize,
    ) -> Option<PostId> {
        if &**body == b"[]" {
            return None;
        }
        let (bytes, entries) = match post::read(body) {
            Ok(read) => read,
            Err(error) => {
                self.wrong(format!("a request cannot be read: {error}"));
                return None;
            }
        };
        let settings = self.lives.get(&life)?.settings;
        if entries.len() > settings.entries || bytes > MOST_BYTES {
            self.wrong(format!(
                "a request has {} entries and {bytes} bytes",
                entries.len()
            ));
        }
        let mut places = Vec::new();
        for entry in &entries {
            match self.places.get(entry.text.as_bytes()).copied() {
                Some(place) => {
                    self.entry(entry, place, &events[place]);
                    places.push(place);
                }
                None => self.wrong(format!("altered bytes are sent: {}", entry.text)),
            }
        }
        let distinct: BTreeSet<_> = places.iter().collect();
        if distinct.len() < places.len() && places.iter().all(|place| has_uuid(&events[*place])) {
            self.wrong(format!("a request has an event twice: {places:?}"));
        }
        for &place in &places {
            self.may_be_sent(life, place, body, &events[place], time);
            let reach = settings.deliveries * self.largest_page;
            if self.route == Route::Pull && place >= position + reach {
                self.wrong(format!(
                    "event {place} is sent while the position is {position}: more than {reach} are in flight"
                ));
            }
        }
        self.posts.push(Post {
            life,
            places,
            body: body.clone(),
            taken: 0,
            fate: Fate::Open,
        });
        Some(self.posts.len() - 1)
    }

    fn entry(&mut self, entry: &Entry, place: usize, event: &Event) {
        let (application, subsystem) = (&*entry.application_name, &*entry.subsystem_name);
        if (application, subsystem) != ("okta", "world") {
            self.wrong(format!(
                "event {place} is sent as {application}/{subsystem}"
            ));
        }
        let published = event.published.timestamp_millis() as f64;
        if entry.timestamp != published || entry.severity != event.severity {
            let (timestamp, severity) = (entry.timestamp, entry.severity);
            self.wrong(format!(
                "event {place} is sent with time {timestamp} and severity {severity}"
            ));
        }
        if entry.category.is_none() || entry.computer_name.is_none() {
            self.wrong(format!("event {place} is sent without its type or its org"));
        }
    }

    /// Whether an event may be sent now.
    fn may_be_sent(
        &mut self,
        life: u32,
        place: usize,
        body: &Bytes,
        event: &Event,
        time: DateTime<Utc>,
    ) {
        let earlier = self.posts.iter().filter(|post| post.life == life);
        let mut with_it = earlier.filter(|post| post.places.contains(&place));
        let open = with_it.clone().any(|post| post.fate == Fate::Open);
        let unsure: Vec<_> = with_it.clone().filter(|post| post.may_be_taken()).collect();
        let other = unsure.iter().any(|post| post.body != *body);
        let refused = with_it
            .clone()
            .any(|post| matches!(post.fate, Fate::Answered(400 | 413)));
        let accepted = with_it.clone().filter(|post| post.is_accepted()).count() as u32;
        let first = unsure.is_empty();
        let has_more = with_it.next().is_some() && has_uuid(event);
        let given = self
            .lives
            .get(&life)
            .and_then(|book| book.given.get(&place))
            .copied();
        let given = given.unwrap_or(0);
        if open && has_uuid(event) {
            self.wrong(format!("event {place} is sent while it is under way"));
        }
        if other && !refused && has_uuid(event) {
            self.wrong(format!(
                "event {place} may have been taken and is sent again with other bytes"
            ));
        }
        if has_more && accepted > 0 {
            self.wrong(format!(
                "event {place} is sent again in life {life}, where it was accepted"
            ));
        }
        if accepted >= given {
            self.wrong(format!(
                "event {place} is sent more often than it was given"
            ));
        }
        let committed = self.lives.get(&life).map_or(0, |book| book.committed);
        let again = has_uuid(event) && self.delivered[place] > 0;
        if self.route == Route::Pull && again && place < committed {
            self.wrong(format!(
                "event {place} is sent again, though life {life} began behind it"
            ));
        }
        let age = time - event.published;
        if first && age > TimeDelta::hours(24) + TimeDelta::seconds(2) && !self.host_was_behind {
            self.wrong(format!("event {place} is sent though it is too old"));
        }
        match event.kind {
            Kind::Noise if !self.filter_was_off => {
                self.wrong(format!("event {place} is sent though a filter drops it"));
            }
            Kind::Timeless | Kind::Broken | Kind::Huge => {
                self.wrong(format!("event {place} ({:?}) is sent", event.kind));
            }
            _ => {}
        }
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

    /// What stands in the dead letters now.
    pub(crate) fn put_aside(&mut self, letters: &[Vec<u8>], events: &[Event]) {
        self.letters.fill(0);
        for letter in letters {
            match self.places(letter, events) {
                Some(places) => places
                    .into_iter()
                    .for_each(|place| self.letters[place] += 1),
                None => {
                    let text = String::from_utf8_lossy(letter).into_owned();
                    self.wrong(format!("altered bytes are in the dead letters: {text}"));
                }
            }
        }
        for (place, event) in events.iter().enumerate() {
            let may = goes_aside(event.kind) || event.kind == Kind::NoUuid;
            if self.letters[place] > 0 && !may {
                self.wrong(format!(
                    "event {place} ({:?}) is in the dead letters",
                    event.kind
                ));
            }
        }
    }

    /// Whether an event has come to its end.
    ///
    /// # Errors
    /// What is missing.
    pub(crate) fn is_settled(
        &self,
        place: usize,
        events: &[Event],
        letters: &BTreeSet<usize>,
        time: DateTime<Utc>,
    ) -> Result<(), String> {
        let event = &events[place];
        let original = event.original;
        let dropped = match event.kind {
            Kind::Noise => self.filter_was_on,
            // Clocks that are less than 5 minutes apart are not told apart.
            Kind::Old | Kind::Ageing(_) => time - event.published > TimeDelta::minutes(24 * 60 - 5),
            _ => self.excused.contains(&original),
        };
        match goes_aside(event.kind) {
            _ if dropped => Ok(()),
            false if event.kind == Kind::NoUuid && letters.contains(&original) => Ok(()),
            true if letters.contains(&original) => Ok(()),
            true => Err(format!(
                "event {place} ({:?}) is not in the dead letters",
                event.kind
            )),
            false if self.delivered[original] > 0 => Ok(()),
            false => Err(format!("event {place} ({:?}) has not arrived", event.kind)),
        }
    }

    /// A program has ended and says what it did.
    pub(crate) fn summed_up(&mut self, life: u32, summary: &Summary) {
        if !summary.is_balanced() {
            self.wrong(format!("life {life} has lost count: {summary:?}"));
        }
        let posts = self
            .posts
            .iter()
            .filter(|post| post.life == life && post.is_accepted());
        let accepted: usize = posts.map(|post| post.places.len()).sum();
        if summary.delivered != accepted as u64 {
            let counted = summary.delivered;
            self.wrong(format!(
                "life {life} counts {counted} as delivered, {accepted} were accepted"
            ));
        }
    }

    /// A life is over: what of its work is not committed may come again, and that is no more than may be in flight.
    pub(crate) fn life_ends(&mut self, life: u32, committed: usize, events: &[Event]) {
        for post in self.posts.iter_mut().filter(|post| post.life == life) {
            if post.fate == Fate::Open {
                post.fate = Fate::Broken;
            }
        }
        // What an earlier life with other settings had in flight may not have been given again yet.
        let reach = self.most_deliveries * self.largest_page;
        if self.route == Route::Pull {
            let behind = (committed..events.len()).filter(|place| self.delivered[*place] > 0);
            let again = behind.count();
            if again > reach {
                self.wrong(format!(
                    "{again} events would come again after life {life}, more than {} pages of {}",
                    self.most_deliveries, self.largest_page
                ));
            }
        }
    }

    /// The world went on after a life.
    pub(crate) fn life_was_not_the_last(&mut self, life: u32) {
        if let Some(book) = self.lives.get_mut(&life) {
            book.ended = true;
        }
    }

    /// Each arrival beyond the first has a lost answer, or the end of the life that had brought the one before.
    pub(crate) fn repeats_have_a_reason(&mut self, events: &[Event]) {
        for (place, event) in events.iter().enumerate() {
            // Of two messages with one event each may reach another program.
            let copies = events
                .iter()
                .filter(|event| event.original == place)
                .count();
            if copies > 1 && self.route == Route::Sqs {
                continue;
            }
            let mut reasons = 0;
            for post in self
                .posts
                .iter()
                .filter(|post| post.places.contains(&place))
            {
                let ended = self.lives.get(&post.life).is_some_and(|life| life.ended);
                let known = u32::from(post.is_accepted() && !ended);
                reasons += post.taken.saturating_sub(known);
            }
            // One arrival needs no reason; where none is known to its sender, one of the unknown ones is it.
            let arrivals = self.delivered[place];
            if has_uuid(event) && arrivals > reasons + 1 {
                self.wrong(format!(
                    "event {place} has arrived {arrivals} times, {reasons} of them for a reason"
                ));
            }
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
