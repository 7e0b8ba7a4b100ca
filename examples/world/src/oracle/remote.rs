//! What the remotes have answered a process, which requests these answers forbid, and which ends they justify.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use okta_coralogix_core::{ErrorKind, Summary};
use tokio::time::Instant;

use super::request_log::{EMPTY_BATCH, RequestState};
use super::state::Oracle;
use crate::fault::Seam;

/// A refused credential rests for so long.
const REFUSAL_WAIT: Duration = Duration::from_secs(60);

/// The rest may be shorter by this: a second for the answers that come together.
const ANSWERS_APART: Duration = Duration::from_secs(1);

/// A check that was passed so long ago shows that it is not the key that is forbidden.
const CHECK_HOLDS: Duration = Duration::from_secs(31);

/// A remote that has accepted nothing is believed to be another one after so long.
const INTERCEPTION_TIMEOUT: Duration = Duration::from_secs(300);

/// From the answer to what the program makes of it.
const REACTION: Duration = Duration::from_secs(1);

/// The shortest and the longest wait after a 429.
const RATE_WAITS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(120)];

/// How often one request may be answered by an odd success until the ingress itself answers a check.
const MAX_ODD_SUCCESSES: u32 = 4;

/// One request to a remote.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) process: u32,
    pub(crate) seam: Seam,
    pub(crate) credential: Bytes,
    pub(crate) body: Bytes,
    /// Requests with the same body are the same request: it holds no event that may come twice.
    pub(crate) is_unique: bool,
    /// It holds one event, which has failed alone before.
    pub(crate) is_suspect: bool,
}

impl Asked {
    fn is_check(&self) -> bool {
        &*self.body == EMPTY_BATCH
    }
}

/// An acceptance of a request, or a check that was passed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pass {
    pub(super) at: Instant,
    pub(super) is_check: bool,
}

/// What one remote has answered a process.
#[derive(Debug, Default)]
pub(super) struct RemoteLog {
    has_accepted: bool,
    /// Each acceptance of a request or a check.
    pub(super) passes: Vec<Pass>,
    /// Checks without an answer yet.
    checks_in_flight: usize,
    /// The first answer of something between, with nothing accepted since.
    intercepted_since: Option<Instant>,
    /// The same of requests with entries.
    entries_intercepted_since: Option<Instant>,
    /// Something between has answered these for so long that the run must end.
    is_given_up: bool,
    /// The first and the last refusal of a credential, with nothing accepted since.
    refused: Option<(Instant, Instant)>,
    /// When it was refused again after its rest, so that the run must end, whatever is accepted at the same time.
    refused_again: Option<Instant>,
    /// When each credential was refused first, by a request with entries: a check of the ingress goes before one, and tells it nothing.
    refused_credentials: BTreeMap<Bytes, Instant>,
    /// When a request or a check was refused first: all rest from then on.
    rests_since: Option<Instant>,
    /// Every credential that was sent.
    tried: BTreeSet<Bytes>,
    /// An answer that looked like the service's own said that it is the wrong address.
    looks_wrong: bool,
    /// Until when a request rests that was answered by a 429.
    rests: BTreeMap<Bytes, Instant>,
    /// Odd successes of a request since the ingress itself has last answered a check.
    odd_successes: BTreeMap<Bytes, u32>,
}

impl RemoteLog {
    /// Why a request must not be sent now.
    fn forbids(&self, asked: &Asked) -> Option<String> {
        let now = Instant::now();
        if asked.is_check() {
            return None;
        }
        let refused = self.refused_credentials.get(&asked.credential);
        let refused_for = refused.map(|refused| now - *refused);
        let rests = self.rests.get(&asked.body).filter(|until| now < **until);
        let odd = self.odd_successes.get(&asked.body).copied().unwrap_or(0);
        let (rests, odd) = match asked.is_unique {
            true => (rests, odd),
            false => (None, 0),
        };
        // Before it rests the program reads the credential anew, and asks with an empty request whether it is the credential that is
        // refused.
        let first = self.rests_since;
        let is_resting = first.is_some_and(|first| now - first < REFUSAL_WAIT - ANSWERS_APART)
            && self.checks_in_flight == 0;
        if let Some(time) = refused_for.filter(|time| is_resting && *time > REACTION) {
            Some(format!("{time:?} after its credential was refused"))
        } else if rests.is_some() {
            Some("sooner after a 429 than it may".into())
        } else if odd >= MAX_ODD_SUCCESSES {
            Some(format!("after {odd} odd successes and no check"))
        } else if self.is_given_up {
            Some("although something else has answered for 5 minutes from the start".into())
        } else {
            None
        }
    }

    fn forget_refusals(&mut self) {
        self.refused_credentials.clear();
        self.rests_since = None;
    }

    fn passed(&mut self, is_check: bool) {
        let at = Instant::now();
        self.passes.push(Pass { at, is_check });
    }

    fn answered(&mut self, asked: &Asked, state: RequestState, asked_wait: Duration) {
        let now = Instant::now();
        self.checks_in_flight -= usize::from(asked.is_check());
        match state {
            // The ingress itself answers.
            RequestState::Answered(200..=499) if asked.is_check() => self.odd_successes.clear(),
            _ => {}
        }
        let passes = matches!(state, RequestState::Answered(200..=202 | 204 | 400 | 422));
        if asked.is_check() && passes {
            // It takes the key, and is the ingress: a request that fails is at fault itself.
            self.passed(true);
            self.forget_refusals();
            self.entries_intercepted_since = None;
            self.is_given_up = false;
        }
        match state {
            RequestState::Answered(200..=202 | 204) if asked.is_check() => {}
            RequestState::Answered(200..=202 | 204) => {
                self.has_accepted = true;
                self.passed(false);
                self.intercepted_since = None;
                self.entries_intercepted_since = None;
                // Answers that come together reach the program in any order.
                let is_together = |(_, last): &(Instant, Instant)| now - *last < REACTION;
                self.refused = self.refused.filter(is_together);
                self.forget_refusals();
                self.odd_successes.clear();
            }
            RequestState::Answered(401 | 403) => {
                self.rests_since.get_or_insert(now);
                if self.refused.is_none() {
                    self.refused_again = None;
                }
                let first = self.refused.map_or(now, |(first, _)| first);
                self.refused = Some((first, now));
                if now - first >= REFUSAL_WAIT - ANSWERS_APART {
                    self.refused_again.get_or_insert(now);
                }
                // A request that is forbidden shortly after a check has passed is at fault itself, and an entry that fails alone.
                let mut passes = self.passes.iter();
                let passed = passes.any(|pass| pass.is_check && now - pass.at <= CHECK_HOLDS);
                let is_its_own =
                    (passed || asked.is_suspect) && state == RequestState::Answered(403);
                if !asked.is_check() && !is_its_own {
                    let credential = asked.credential.clone();
                    self.refused_credentials.entry(credential).or_insert(now);
                }
            }
            RequestState::Answered(404 | 405 | 410) => self.looks_wrong = true,
            RequestState::Answered(400 | 413 | 422) => {
                // Nothing was stored: the series ends.
                self.odd_successes.remove(&asked.body);
                self.looks_wrong |= asked.seam == Seam::Ingress;
            }
            RequestState::Answered(429) => {
                let [least, most] = RATE_WAITS;
                let until = now + asked_wait.clamp(least, most);
                self.rests.insert(asked.body.clone(), until);
            }
            RequestState::Intercepted(_) => {
                self.intercepted_since.get_or_insert(now);
                if !asked.is_check() {
                    let since = *self.entries_intercepted_since.get_or_insert(now);
                    let is_long = since.elapsed() >= INTERCEPTION_TIMEOUT + REACTION;
                    self.is_given_up |= is_long && !self.has_accepted;
                }
                if state.is_odd_success() && asked.seam == Seam::Ingress {
                    *self.odd_successes.entry(asked.body.clone()).or_default() += 1;
                }
            }
            _ => {}
        }
    }

    /// Whether a run may end since this remote refused its credential twice, a minute apart.
    fn justifies_refusal(&self, is_running: bool) -> bool {
        self.refused_again.is_some() || !is_running && self.refused.is_some()
    }

    /// Whether a run may end since this remote seems to be another one.
    fn justifies_wrong_endpoint(&self) -> bool {
        let since = self.intercepted_since.filter(|_| !self.has_accepted);
        self.looks_wrong || since.is_some_and(|since| since.elapsed() >= INTERCEPTION_TIMEOUT)
    }
}

impl Oracle {
    /// A program sends a request to a remote.
    pub(crate) fn remote_asked(&mut self, asked: &Asked) {
        let forbidden = self.remote(asked.process, asked.seam).and_then(|log| {
            log.tried.insert(asked.credential.clone());
            log.checks_in_flight += usize::from(asked.is_check());
            log.forbids(asked)
        });
        if let Some(why) = forbidden {
            let seam = asked.seam;
            self.violation(format!("{seam:?}: a request is sent {why}"));
        }
    }

    /// A program does not get an answer to a request.
    pub(crate) fn remote_unanswered(&mut self, asked: &Asked) {
        if let Some(log) = self.remote(asked.process, asked.seam) {
            log.checks_in_flight -= usize::from(asked.is_check());
        }
    }

    /// A program has the answer to a request. `asked_wait`: what a 429 asks for.
    pub(crate) fn remote_answered(
        &mut self,
        asked: &Asked,
        state: RequestState,
        asked_wait: Duration,
    ) {
        if let Some(log) = self.remote(asked.process, asked.seam) {
            log.answered(asked, state, asked_wait);
        }
    }

    /// Whether the answers of the remotes justify that a process has ended with an error of this kind. `is_running`: its pipeline had
    /// started.
    pub(crate) fn remotes_justify(&self, process: u32, kind: ErrorKind, is_running: bool) -> bool {
        let record = self.processes.get(&process);
        let mut logs = record
            .into_iter()
            .flat_map(|record| record.remotes.values());
        match kind {
            ErrorKind::Unauthorized | ErrorKind::Forbidden => {
                logs.any(|log| log.justifies_refusal(is_running))
            }
            ErrorKind::WrongEndpoint => logs.any(RemoteLog::justifies_wrong_endpoint),
            _ => false,
        }
    }

    /// A process that ends only because Okta refuses its credential delivers what it has read, as after a SIGTERM.
    pub(crate) fn check_drained(&mut self, process: u32, summary: &Summary) {
        let Some(record) = self.processes.get(&process) else {
            return;
        };
        let drain_timeout = record.settings.drain_timeout;
        let refused = record.remotes.get(&Seam::Okta).and_then(|log| log.refused);
        let Some((_, last)) = refused else { return };
        let ingress = record.remotes.get(&Seam::Ingress);
        let ingress_fails =
            ingress.is_some_and(|log| log.looks_wrong || log.is_given_up || log.refused.is_some());
        // An entry that fails alone while others pass does not delay the end.
        let suspects: BTreeMap<usize, bool> = self
            .requests
            .iter()
            .filter(|request| request.process == process)
            .flat_map(|request| {
                let is_suspect = request.indices.len() == 1 && request.has_failed();
                request
                    .indices
                    .iter()
                    .map(move |index| (*index, is_suspect))
            })
            .collect();
        let suspects = suspects.iter().filter(|(_, is_suspect)| **is_suspect);
        // With its copies, which wait for what becomes of it.
        let copies = suspects.filter_map(|(index, _)| record.received.get(index));
        let suspects: u64 = copies.map(|copies| u64::from(*copies)).sum();
        let handed_back = summary.handed_back;
        if handed_back > suspects && !ingress_fails && last.elapsed() < drain_timeout {
            self.violation(format!(
                "process {process} hands {handed_back} events back {:?} after Okta has refused its credential",
                last.elapsed()
            ));
        }
    }

    /// A process has ended since this remote refused its credential, twice: what the operator had written to its file before was tried.
    pub(crate) fn check_read_anew(
        &mut self,
        process: u32,
        seam: Seam,
        held: &[u8],
        written: Instant,
    ) {
        let Some(log) = self.remote(process, seam) else {
            return;
        };
        let is_refused = log.refused_again.is_some_and(|again| again > written);
        if is_refused && !log.tried.contains(held) {
            self.violation(format!(
                "process {process} ends although the file of its {seam:?} credential holds another one"
            ));
        }
    }

    fn remote(&mut self, process: u32, seam: Seam) -> Option<&mut RemoteLog> {
        let record = self.processes.get_mut(&process)?;
        Some(record.remotes.entry(seam).or_default())
    }
}
