//! The rules for rejected requests: when a 413 or a 400 is split, sent again, dead-lettered, or blamed on the endpoint.
//!
//! Pure: [`next_step`] says what follows an answer, `rejection.rs` does it. [`Backoff`](crate::backoff::Backoff) says how long to wait
//! before a request that failed temporarily is sent again.

use crate::ErrorKind;
use crate::dead_letter::DeadLetterReason;
use crate::sink::learned_limits::TrackRecord;

/// Bytes of an entry's text, below which no ingress is known to call an entry too large: the least limit that is documented anywhere
/// is that of IBM Cloud Logs.
const SMALL_TEXT: usize = 32_000;

/// How often an entry is sent alone that is rejected each time, and a small one that is called too large: a proxy may have
/// answered so, for a moment.
const MAX_REJECTIONS: u32 = 2;
const MAX_TOO_LARGE: u32 = 6;

/// How often an entry is sent alone in all, with 400s and 413s in turns.
const MAX_ATTEMPTS_ALONE: u32 = 8;

/// Entries rejected alone in a row, with nothing accepted in between, that blame the endpoint and not the entries: as long as it has
/// not accepted anything yet, and when it has.
const REJECTIONS_OF_A_NEW_ENDPOINT: usize = 4;
const REJECTIONS_OF_A_PROVEN_ENDPOINT: usize = 16;

/// A request that the sink rejected, with the state of its entries and of the endpoint.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rejected {
    pub(super) kind: ErrorKind,
    /// Entries of the request.
    pub(super) entries: usize,
    /// Bytes of the first one's text.
    pub(super) text_len: usize,
    /// How often in a row the entry alone was rejected with this kind.
    pub(super) times: u32,
    /// How often the entry alone was rejected in all.
    pub(super) attempts: u32,
    /// The rejection of this entry has counted in the endpoint's track record.
    pub(super) counted: bool,
    /// The transfer has other entries that have not ended.
    pub(super) has_others: bool,
    /// Entries were sent alone since, to see whether the endpoint accepts any.
    pub(super) probed: bool,
    /// The endpoint has accepted a request of this transfer.
    pub(super) accepts: bool,
    pub(super) record: TrackRecord,
}

/// What follows a rejection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Send the request in halves.
    Split,
    /// Send the entry alone once more.
    RetryAlone,
    /// Send this many entries of the request alone, then ask again.
    ProbeRequest(usize),
    /// Send this many of the transfer's other entries alone, then ask again.
    ProbeOthers(usize),
    /// Count the entry in the endpoint's track record, then ask again.
    Count,
    /// Dead-letter the entry.
    DeadLetter(DeadLetterReason),
    /// The endpoint rejects everything: end the run.
    FailEndpoint,
    /// No entry can be at fault: end the run with the sink's error.
    Fail,
}

pub(super) fn next_step(rejected: &Rejected) -> Step {
    let is_small = rejected.text_len < SMALL_TEXT;
    let (reason, max_times) = match rejected.kind {
        ErrorKind::TooLarge if is_small => (DeadLetterReason::TooLarge, MAX_TOO_LARGE),
        ErrorKind::TooLarge => (DeadLetterReason::TooLarge, 1),
        ErrorKind::Rejected => (DeadLetterReason::Rejected, MAX_REJECTIONS),
        _ => return Step::Fail,
    };
    let may_probe = !rejected.accepts && !rejected.probed;
    let probes = blaming_rejections(rejected.record);
    if rejected.entries > 1 {
        return match rejected.kind {
            ErrorKind::Rejected if may_probe => Step::ProbeRequest(probes),
            _ => Step::Split,
        };
    }
    if rejected.times < max_times && rejected.attempts < MAX_ATTEMPTS_ALONE {
        return Step::RetryAlone;
    }
    // A large entry may well be too large, whatever else the endpoint accepts.
    let is_doubtful = is_small || rejected.kind == ErrorKind::Rejected;
    match rejected.kind {
        _ if !(may_probe && is_doubtful) => Step::DeadLetter(reason),
        _ if !rejected.counted => Step::Count,
        _ if is_endpoint_at_fault(rejected.record) => Step::FailEndpoint,
        // A request that was too large was split without a probe.
        ErrorKind::TooLarge if rejected.has_others => Step::ProbeOthers(probes),
        _ => Step::DeadLetter(reason),
    }
}

/// True if so many entries were rejected alone in a row that it must be the endpoint.
pub(super) fn is_endpoint_at_fault(record: TrackRecord) -> bool {
    record.rejections >= blaming_rejections(record)
}

fn blaming_rejections(record: TrackRecord) -> usize {
    match record.has_accepted {
        false => REJECTIONS_OF_A_NEW_ENDPOINT,
        true => REJECTIONS_OF_A_PROVEN_ENDPOINT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEW: TrackRecord = TrackRecord {
        rejections: 0,
        has_accepted: false,
    };
    const PROVEN: TrackRecord = TrackRecord {
        rejections: 0,
        has_accepted: true,
    };

    fn rejected(kind: ErrorKind, entries: usize) -> Rejected {
        Rejected {
            kind,
            entries,
            text_len: 2_000,
            times: u32::from(entries == 1),
            attempts: u32::from(entries == 1),
            counted: false,
            has_others: false,
            probed: false,
            accepts: false,
            record: NEW,
        }
    }

    #[test]
    fn rejected_request_is_probed_before_split_unless_entries_were_accepted() {
        let too_large = rejected(ErrorKind::TooLarge, 10);
        let bad = rejected(ErrorKind::Rejected, 10);
        let table = [
            (too_large, Step::Split),
            (
                Rejected {
                    accepts: true,
                    ..too_large
                },
                Step::Split,
            ),
            (bad, Step::ProbeRequest(4)),
            (
                Rejected {
                    record: PROVEN,
                    ..bad
                },
                Step::ProbeRequest(16),
            ),
            (
                Rejected {
                    probed: true,
                    ..bad
                },
                Step::Split,
            ),
            (
                Rejected {
                    accepts: true,
                    ..bad
                },
                Step::Split,
            ),
            (rejected(ErrorKind::Unauthorized, 10), Step::Fail),
            (rejected(ErrorKind::WrongEndpoint, 1), Step::Fail),
        ];
        for (rejected, step) in table {
            assert_eq!(next_step(&rejected), step, "{rejected:?}");
        }
    }

    #[test]
    fn lone_entry_is_retried_before_dead_letter_or_endpoint_failure() {
        let dead_letter = |reason| Step::DeadLetter(reason);
        for (kind, times, reason) in [
            (ErrorKind::Rejected, 2, DeadLetterReason::Rejected),
            (ErrorKind::TooLarge, 6, DeadLetterReason::TooLarge),
        ] {
            let early = Rejected {
                times: times - 1,
                ..rejected(kind, 1)
            };
            let last = Rejected { times, ..early };
            let counted = Rejected {
                counted: true,
                ..last
            };
            let fourth = TrackRecord {
                rejections: 4,
                ..NEW
            };
            let table = [
                (early, Step::RetryAlone),
                (
                    Rejected {
                        attempts: 7,
                        ..early
                    },
                    Step::RetryAlone,
                ),
                (
                    Rejected {
                        attempts: 8,
                        ..early
                    },
                    Step::Count,
                ),
                (last, Step::Count),
                (
                    Rejected {
                        accepts: true,
                        ..last
                    },
                    dead_letter(reason),
                ),
                (counted, dead_letter(reason)),
                (
                    Rejected {
                        record: fourth,
                        ..counted
                    },
                    Step::FailEndpoint,
                ),
                (
                    Rejected {
                        record: TrackRecord {
                            rejections: 4,
                            ..PROVEN
                        },
                        ..counted
                    },
                    dead_letter(reason),
                ),
                (
                    Rejected {
                        record: TrackRecord {
                            rejections: 16,
                            ..PROVEN
                        },
                        ..counted
                    },
                    Step::FailEndpoint,
                ),
            ];
            for (rejected, step) in table {
                assert_eq!(next_step(&rejected), step, "{rejected:?}");
            }
        }
    }

    #[test]
    fn http_413_for_one_entry_probes_others_unless_large() {
        let too_large = dead_lettered();
        let counted = Rejected {
            times: 6,
            counted: true,
            has_others: true,
            ..rejected(ErrorKind::TooLarge, 1)
        };
        assert_eq!(next_step(&counted), Step::ProbeOthers(4));
        assert_eq!(
            next_step(&Rejected {
                probed: true,
                ..counted
            }),
            too_large
        );
        let bad = Rejected {
            kind: ErrorKind::Rejected,
            ..counted
        };
        assert_eq!(
            next_step(&bad),
            Step::DeadLetter(DeadLetterReason::Rejected)
        );
        let large = Rejected {
            text_len: 32_000,
            ..rejected(ErrorKind::TooLarge, 1)
        };
        assert_eq!(next_step(&large), too_large);
    }

    fn dead_lettered() -> Step {
        Step::DeadLetter(DeadLetterReason::TooLarge)
    }
}
