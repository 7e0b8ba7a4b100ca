//! Decides after each page whether the log was read to its end, and when the next request goes out.

use chrono::{DateTime, TimeDelta, Utc};
use okta_coralogix_core::{Error, ErrorKind, Result};
use tokio::time::Instant;

use crate::position::advance::LinkTarget;

/// How often an empty page whose link moves is followed in one poll. Of a run that ends, also how often pages are followed that are too
/// young to prove that there is more, and too old to prove the end.
const MAX_FOLLOWED: u8 = 3;
/// A short page whose newest event is older than this is not the end: Okta stores an event seconds after it was published.
const FRESH: TimeDelta = TimeDelta::minutes(1);
/// A run that ends gives up after so many polls in a row that brought nothing and did not show the end: 10 minutes by default.
const MAX_POLLS: u8 = 20;

/// Which part of the log is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// All of it, for ever.
    Continuous,
    /// Up to its end, as of the start of the run.
    Once,
    /// A bounded range of it. Its last page has no link.
    Range,
}

/// What a page tells of the end of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PageFacts {
    pub(crate) target: LinkTarget,
    /// As many items as were asked for.
    pub(crate) is_full: bool,
    /// It has an item that was not given before.
    pub(crate) has_news: bool,
    pub(crate) is_empty: bool,
    /// The latest `published` in it that does not lie in the future.
    pub(crate) newest: Option<DateTime<Utc>>,
}

/// What follows a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// There is more to read: the next request goes out at once.
    AtOnce,
    /// There may be more, but the links lead nowhere: the next request waits for the next poll.
    Stuck,
    /// There is nothing more for now: the next request waits for the next poll.
    Pause,
    /// The same, and this is the end of the log: a run that reads it once ends.
    End,
}

impl Pace {
    /// True if there is nothing more to read for now.
    pub(crate) fn is_caught_up(self) -> bool {
        matches!(self, Self::Pause | Self::End)
    }
}

/// Judges each page by what came before it.
///
/// A server may give fewer events than it was asked for, so that a page with room for more does not prove the end. What proves it: an
/// empty page whose link is the one asked for, or a page that reaches the start of the run (an org may never have nothing new).
#[derive(Debug)]
pub(crate) struct Pacer {
    mode: Mode,
    opened: Instant,
    /// Pages of this poll that were followed although they do not show that there is more.
    followed: u8,
    /// Polls in a row that brought nothing and did not show the end.
    polls_in_vain: u8,
}

impl Pacer {
    pub(crate) fn new(mode: Mode) -> Self {
        Self {
            mode,
            opened: Instant::now(),
            followed: 0,
            polls_in_vain: 0,
        }
    }

    /// The source goes back.
    pub(crate) fn restart(&mut self) {
        self.followed = 0;
        self.polls_in_vain = 0;
    }

    /// What follows a page. `now`: the org's time.
    ///
    /// # Errors
    /// Permanent, if the end that a run waits for cannot be told.
    pub(crate) fn after(&mut self, page: &PageFacts, now: DateTime<Utc>) -> Result<Pace> {
        let leads_on = matches!(page.target, LinkTarget::First | LinkTarget::Further);
        if page.has_news || leads_on && !page.is_empty {
            self.polls_in_vain = 0;
        }
        let pace = match self.judge(page, leads_on, now) {
            Some(pace) => pace,
            None if self.followed < MAX_FOLLOWED => {
                self.followed += 1;
                return Ok(Pace::AtOnce);
            }
            None => Pace::Pause,
        };
        self.followed = 0;
        let brings_nothing = page.is_empty || !leads_on && !page.has_news;
        let is_in_vain = matches!(pace, Pace::Pause | Pace::Stuck) && brings_nothing;
        if is_in_vain && self.mode != Mode::Continuous {
            self.polls_in_vain += 1;
            if self.polls_in_vain >= MAX_POLLS {
                return Err(no_end());
            }
        }
        Ok(pace)
    }

    /// `None`: the page does not tell. It is followed, but only so often in one poll.
    fn judge(&self, page: &PageFacts, leads_on: bool, now: DateTime<Utc>) -> Option<Pace> {
        match (self.mode, page.target) {
            (_, LinkTarget::Nowhere) => return Some(Pace::End),
            (_, LinkTarget::Itself) if page.is_empty => return Some(Pace::End),
            // The first answer of an idle org.
            (Mode::Continuous, LinkTarget::First) if page.is_empty => return Some(Pace::Pause),
            _ if page.is_empty => return None,
            (Mode::Range, LinkTarget::Itself | LinkTarget::Earlier) => return Some(Pace::Stuck),
            (Mode::Range, _) => return Some(Pace::AtOnce),
            _ if page.is_full && leads_on => return Some(Pace::AtOnce),
            _ if page.is_full => return Some(Pace::Stuck),
            _ => {}
        }
        // A page with room for more.
        let reaches_the_start = self.mode == Mode::Once && {
            let started = now - TimeDelta::from_std(self.opened.elapsed()).unwrap_or_default();
            page.newest.is_some_and(|newest| newest >= started)
        };
        let is_old = page.newest.is_none_or(|newest| now - newest > FRESH);
        match page.target {
            _ if reaches_the_start => Some(Pace::End),
            LinkTarget::Itself if !page.has_news => Some(Pace::End),
            LinkTarget::Itself | LinkTarget::Earlier => Some(Pace::Pause),
            _ if is_old => Some(Pace::AtOnce),
            _ if self.mode == Mode::Continuous => Some(Pace::Pause),
            _ => None,
        }
    }
}

fn no_end() -> Error {
    let detail = format!(
        "the end of the log cannot be told: in {MAX_POLLS} polls in a row Okta gave no new event, and each time a next link that leads on; \
         what was read before is delivered, and another run goes on from there; to read such an org, poll without an end (in pull: \
         leave --once out)"
    );
    Error::new(ErrorKind::UnexpectedResponse, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        "2026-11-22T10:00:00Z".parse().unwrap()
    }

    const EMPTY: PageFacts = PageFacts {
        target: LinkTarget::Further,
        is_full: false,
        has_news: false,
        is_empty: true,
        newest: None,
    };

    /// A page with an event that was published so many seconds ago.
    fn page(seconds: i64) -> PageFacts {
        PageFacts {
            has_news: true,
            is_empty: false,
            newest: Some(now() - TimeDelta::seconds(seconds)),
            ..EMPTY
        }
    }

    fn to(target: LinkTarget, page: PageFacts) -> PageFacts {
        PageFacts { target, ..page }
    }

    #[tokio::test(start_paused = true)]
    async fn page_decides_whether_the_log_was_read_to_its_end() {
        use LinkTarget::{Earlier, First, Further, Itself, Nowhere};
        use Pace::{AtOnce, End, Pause, Stuck};
        let full = |target, seconds| PageFacts {
            is_full: true,
            ..to(target, page(seconds))
        };
        let known = PageFacts {
            has_news: false,
            ..to(Itself, page(30))
        };
        let malformed = PageFacts {
            newest: None,
            ..page(0)
        };
        // Each is the first page of a run.
        for (what, facts, continuous, once, range) in [
            ("empty, to itself", to(Itself, EMPTY), End, End, End),
            ("empty, the first", to(First, EMPTY), Pause, AtOnce, AtOnce),
            ("empty, moved", EMPTY, AtOnce, AtOnce, AtOnce),
            (
                "empty, in a circle",
                to(Earlier, EMPTY),
                AtOnce,
                AtOnce,
                AtOnce,
            ),
            ("full", full(Further, 0), AtOnce, AtOnce, AtOnce),
            ("full, to itself", full(Itself, 0), Stuck, Stuck, Stuck),
            ("full, in a circle", full(Earlier, 0), Stuck, Stuck, Stuck),
            ("short, of now", page(0), Pause, End, AtOnce),
            ("short, a second old", page(1), Pause, AtOnce, AtOnce),
            ("short, a minute old", page(60), Pause, AtOnce, AtOnce),
            ("short, older", page(61), AtOnce, AtOnce, AtOnce),
            (
                "short, the first",
                to(First, page(61)),
                AtOnce,
                AtOnce,
                AtOnce,
            ),
            ("short, without a time", malformed, AtOnce, AtOnce, AtOnce),
            (
                "short, to itself",
                to(Itself, page(61)),
                Pause,
                Pause,
                Stuck,
            ),
            ("short, to itself, known", known, End, End, Stuck),
            (
                "short, in a circle",
                to(Earlier, page(61)),
                Pause,
                Pause,
                Stuck,
            ),
            ("the last", to(Nowhere, page(61)), End, End, End),
        ] {
            for (mode, pace) in [
                (Mode::Continuous, continuous),
                (Mode::Once, once),
                (Mode::Range, range),
            ] {
                let judged = Pacer::new(mode).after(&facts, now()).unwrap();
                assert_eq!(judged, pace, "{mode:?}: {what}");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn page_that_shows_nothing_is_followed_three_times_a_poll() {
        use Pace::{AtOnce, Pause};
        for (mode, facts) in [
            (Mode::Continuous, EMPTY),
            (Mode::Once, EMPTY),
            (Mode::Once, page(30)),
            (Mode::Range, EMPTY),
        ] {
            let mut pacer = Pacer::new(mode);
            for poll in 0..3 {
                let paces = [(); 4].map(|()| pacer.after(&facts, now()).unwrap());
                assert_eq!(paces, [AtOnce, AtOnce, AtOnce, Pause], "{mode:?}, {poll}");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn start_of_the_run_stays_where_it_was() {
        let mut pacer = Pacer::new(Mode::Once);
        tokio::time::advance(std::time::Duration::from_secs(300)).await;
        assert_eq!(pacer.after(&page(301), now()).unwrap(), Pace::AtOnce);
        assert_eq!(pacer.after(&page(300), now()).unwrap(), Pace::End);
        // One that does not end falls behind after its start too.
        pacer.mode = Mode::Continuous;
        assert_eq!(pacer.after(&page(61), now()).unwrap(), Pace::AtOnce);
    }

    #[tokio::test(start_paused = true)]
    async fn run_whose_end_cannot_be_told_gives_up_and_a_page_counts_anew() {
        let polls = |pacer: &mut Pacer| {
            let mut polls = 0;
            loop {
                match pacer.after(&EMPTY, now()) {
                    Ok(Pace::AtOnce) => {}
                    Ok(_) => polls += 1,
                    Err(error) => return (polls, error),
                }
            }
        };
        for mode in [Mode::Once, Mode::Range] {
            let mut pacer = Pacer::new(mode);
            for _ in 0..40 {
                pacer.after(&EMPTY, now()).unwrap();
            }
            pacer.after(&page(61), now()).unwrap();
            let (count, error) = polls(&mut pacer);
            assert_eq!(count, 19, "{mode:?}");
            assert!(!error.is_temporary(), "{error}");
        }
        let mut pacer = Pacer::new(Mode::Continuous);
        for _ in 0..4_000 {
            pacer.after(&EMPTY, now()).unwrap();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn run_gives_up_on_links_that_lead_nowhere_only_without_news() {
        for (mode, target) in [
            (Mode::Once, LinkTarget::Earlier),
            (Mode::Range, LinkTarget::Earlier),
            (Mode::Range, LinkTarget::Itself),
        ] {
            let mut pacer = Pacer::new(mode);
            let news = to(target, page(61));
            for _ in 0..100 {
                assert!(pacer.after(&news, now()).is_ok(), "{mode:?}, {target:?}");
            }
            let known = PageFacts {
                has_news: false,
                ..news
            };
            let polls = (1..).find(|_| pacer.after(&known, now()).is_err());
            assert_eq!(polls, Some(20), "{mode:?}, {target:?}");
        }
    }
}
