//! What has to be so when a life ends, and when the world does.

use okta_coralogix_core::Summary;

use super::{Book, goes_aside, has_uuid};
use crate::event::Event;
use crate::plan::{Kind, Route};
use crate::post::Fate;

impl Book {
    /// A program has ended and says what it did.
    pub(crate) fn summed_up(&mut self, life: u32, summary: &Summary, events: &[Event]) {
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
        self.counts_are_possible(life, summary, events);
    }

    /// No more events ended in some way than there were given to end like that.
    fn counts_are_possible(&mut self, life: u32, summary: &Summary, events: &[Event]) {
        let Some(book) = self.lives.get(&life) else {
            return;
        };
        let of = |can_be: &dyn Fn(Kind) -> bool| -> u64 {
            let given = book.given.iter();
            let able = given.filter(|(place, _)| can_be(events[**place].kind));
            able.map(|(_, times)| u64::from(*times)).sum()
        };
        let filters = book.settings.filter;
        let counts = [
            (
                "filtered",
                summary.filtered,
                of(&|kind| filters && kind == Kind::Noise),
            ),
            (
                "too old",
                summary.too_old,
                of(&|kind| matches!(kind, Kind::Old | Kind::Ageing(_))),
            ),
            (
                "dead-lettered",
                summary.dead_lettered,
                of(&|kind| goes_aside(kind) || kind == Kind::NoUuid),
            ),
        ];
        for (what, counted, most) in counts {
            if counted > most {
                self.wrong(format!(
                    "life {life} counts {counted} as {what}, {most} were given that can be"
                ));
            }
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
}
