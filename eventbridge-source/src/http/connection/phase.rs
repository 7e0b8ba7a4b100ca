//! The phases of a connection, as a pure state machine: when it has taken too long, and whether it may be closed for another one.
//!
//! | phase | begins when | ends after at most | may be closed for another connection |
//! |---|---|---|---|
//! | *idle* | it is accepted, or a response is written | `io`; `idle` once a credential was accepted on it | yes |
//! | *head* | the first byte of a request arrives | `io`; without a credential, the time that it was idle counts | before a credential was accepted |
//! | *request* | the head is complete | the response deadline, which the handler keeps | no |
//! | *refused* | its credential is missing, wrong or cannot be checked | the response deadline | before a credential was accepted |
//! | *response* | the response is complete | `io` for what is written at once | before a credential was accepted, if the client does not read |
//!
//! In each phase the client must take what is written within `io`.

use std::time::Duration;

use tokio::time::Instant;

/// How long a client may take.
#[derive(Debug, Clone, Copy)]
pub(in crate::http) struct Timeouts {
    /// For the head of a request, for reading a response, and for being idle before a credential was accepted.
    pub(in crate::http) io: Duration,
    /// For being idle once a credential was accepted.
    pub(in crate::http) idle: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Idle,
    Head { since: Instant },
    Request,
    Refused,
    Response,
}

#[derive(Debug)]
pub(super) struct Connection {
    phase: Phase,
    /// A credential was accepted on it.
    is_authenticated: bool,
    /// When the server began to wait for the request that is next or in progress.
    waiting_since: Instant,
    /// When a write began to wait for the client.
    blocked_since: Option<Instant>,
}

impl Connection {
    pub(super) fn accepted_at(now: Instant) -> Self {
        Self {
            phase: Phase::Idle,
            is_authenticated: false,
            waiting_since: now,
            blocked_since: None,
        }
    }

    pub(super) fn bytes_arrived(&mut self, now: Instant) {
        if self.phase == Phase::Idle {
            self.phase = Phase::Head { since: now };
        }
    }

    pub(super) fn head_completed(&mut self) {
        self.phase = Phase::Request;
    }

    pub(super) fn credential_accepted(&mut self) {
        self.is_authenticated = true;
    }

    pub(super) fn credential_refused(&mut self) {
        self.phase = Phase::Refused;
    }

    pub(super) fn response_completed(&mut self) {
        self.phase = Phase::Response;
    }

    pub(super) fn write_blocked(&mut self, now: Instant) {
        self.blocked_since.get_or_insert(now);
    }

    /// Everything was written that was to be.
    pub(super) fn flushed(&mut self, now: Instant) {
        self.blocked_since = None;
        if self.phase == Phase::Response {
            self.phase = Phase::Idle;
            self.waiting_since = now;
        }
    }

    pub(super) fn is_reading_head(&self) -> bool {
        matches!(self.phase, Phase::Head { .. })
    }

    /// When it has taken too long.
    pub(super) fn deadline(&self, timeouts: Timeouts) -> Option<Instant> {
        let (from, limit) = match (self.phase, self.is_authenticated) {
            (Phase::Idle | Phase::Head { .. }, false) => (Some(self.waiting_since), timeouts.io),
            (Phase::Idle, true) => (Some(self.waiting_since), timeouts.idle),
            (Phase::Head { since }, true) => (Some(since), timeouts.io),
            (Phase::Request | Phase::Refused | Phase::Response, _) => (None, timeouts.io),
        };
        let read = from.and_then(|from| from.checked_add(limit));
        let write = self
            .blocked_since
            .and_then(|from| from.checked_add(timeouts.io));
        read.into_iter().chain(write).min()
    }

    /// Whether it may be closed for another one, and in which order: the least goes first.
    ///
    /// A client without a credential can keep it in any of these phases, so that one phase must not protect from the others; a new client
    /// is the last of them. A refused request is sent again whether its client reads the refusal or not.
    pub(super) fn closing_order(&self) -> Option<(bool, Instant)> {
        let may_be_closed = match self.phase {
            Phase::Idle => true,
            Phase::Head { .. } | Phase::Refused => !self.is_authenticated,
            Phase::Response => !self.is_authenticated && self.blocked_since.is_some(),
            Phase::Request => false,
        };
        may_be_closed.then_some((self.is_authenticated, self.waiting_since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUTS: Timeouts = Timeouts {
        io: Duration::from_secs(5),
        idle: Duration::from_secs(75),
    };

    fn seconds(connection: &Connection, start: Instant) -> Option<u64> {
        let deadline = connection.deadline(TIMEOUTS)?;
        Some(deadline.duration_since(start).as_secs())
    }

    fn after(start: Instant, seconds: u64) -> Instant {
        start + Duration::from_secs(seconds)
    }

    /// A connection that was accepted at `start`, and whose first request was answered a second later.
    fn answered(start: Instant, is_authenticated: bool) -> Connection {
        let mut connection = Connection::accepted_at(start);
        connection.bytes_arrived(start);
        connection.head_completed();
        if is_authenticated {
            connection.credential_accepted();
        }
        connection.response_completed();
        connection.flushed(after(start, 1));
        connection
    }

    #[test]
    fn idle_connection_ends_after_75_seconds_only_with_a_credential() {
        let start = Instant::now();
        assert_eq!(seconds(&Connection::accepted_at(start), start), Some(5));
        assert_eq!(seconds(&answered(start, false), start), Some(6));
        assert_eq!(seconds(&answered(start, true), start), Some(76));
    }

    #[test]
    fn head_byte_by_byte_extends_no_deadline() {
        let start = Instant::now();
        let mut stranger = Connection::accepted_at(start);
        let mut known = answered(start, true);
        for second in 4..9 {
            stranger.bytes_arrived(after(start, second));
            known.bytes_arrived(after(start, second));
        }
        assert_eq!(seconds(&stranger, start), Some(5));
        assert_eq!(seconds(&known, start), Some(4 + 5));
    }

    #[test]
    fn response_that_is_not_read_ends_the_connection() {
        let start = Instant::now();
        let mut connection = answered(start, true);
        connection.head_completed();
        connection.response_completed();
        assert_eq!(seconds(&connection, start), None);
        connection.write_blocked(after(start, 10));
        connection.write_blocked(after(start, 14));
        assert_eq!(seconds(&connection, start), Some(15));
        connection.flushed(after(start, 14));
        assert_eq!(seconds(&connection, start), Some(14 + 75));
    }

    #[test]
    fn endless_idle_timeout_is_no_deadline() {
        let endless = Timeouts {
            idle: Duration::MAX,
            ..TIMEOUTS
        };
        let connection = answered(Instant::now(), true);
        assert_eq!(connection.deadline(endless), None);
    }

    #[test]
    fn request_in_progress_is_never_closed_for_another() {
        let start = Instant::now();
        for is_authenticated in [false, true] {
            let mut connection = answered(start, is_authenticated);
            connection.bytes_arrived(start);
            assert_eq!(connection.closing_order().is_none(), is_authenticated);
            connection.head_completed();
            assert_eq!(connection.closing_order(), None);
            connection.response_completed();
            assert_eq!(connection.closing_order(), None);
            connection.flushed(start);
            assert!(connection.closing_order().is_some());
        }
    }

    #[test]
    fn refused_request_may_be_closed_unless_a_credential_was_accepted() {
        let start = Instant::now();
        for is_authenticated in [false, true] {
            let mut connection = answered(start, is_authenticated);
            connection.head_completed();
            connection.credential_refused();
            assert_eq!(connection.closing_order().is_some(), !is_authenticated);
        }
    }

    #[test]
    fn connections_without_credential_are_closed_first() {
        let start = Instant::now();
        let order = |connection: &Connection| connection.closing_order().unwrap();
        let known = answered(start, true);
        let (old, young) = (
            Connection::accepted_at(after(start, 50)),
            Connection::accepted_at(after(start, 60)),
        );
        assert!(order(&old) < order(&young));
        assert!(order(&young) < order(&known));
    }
}
