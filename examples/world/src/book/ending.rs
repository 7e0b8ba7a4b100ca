//! What has to be so when a life ends, and when the world does.

use okta_coralogix_core::Summary;

use super::{Book, has_uuid};
use crate::event::Event;
use crate::plan::Route;
use crate::post::Fate;

impl Book {
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
}
