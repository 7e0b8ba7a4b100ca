//! The numbered rules of the traits, as messages cite them.

use std::fmt;

/// A numbered rule in the documentation of a trait. Displays itself as a message of a suite begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rule {
    /// The trait.
    pub of: &'static str,
    /// Its number under *Implementing*.
    pub number: usize,
    /// Its first sentence.
    pub text: &'static str,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { of, number, text } = self;
        write!(f, "rule {number} of `{of}` ({text})")
    }
}

impl Rule {
    /// Panics with the rule and what happened, unless that `holds`.
    #[track_caller]
    pub(super) fn check(self, holds: bool, otherwise: impl fmt::Display) {
        assert!(holds, "{self}: {otherwise}");
    }

    /// The value, or the panic of [`check`](Self::check).
    #[track_caller]
    pub(super) fn ok<T, E: fmt::Display>(self, result: Result<T, E>, otherwise: &str) -> T {
        result.unwrap_or_else(|error| panic!("{self}: {otherwise}: {error}"))
    }

    /// The value, or the panic of [`check`](Self::check).
    #[track_caller]
    pub(super) fn some<T>(self, value: Option<T>, otherwise: &str) -> T {
        value.unwrap_or_else(|| panic!("{self}: {otherwise}"))
    }
}

/// The rules of each trait, in their order. A test reads the same sentences in the documentation of the traits.
macro_rules! rules {
    ($($all:ident $of:literal { $($name:ident: $text:literal,)* })*) => {$(
        #[doc = concat!("The rules of `", $of, "`.")]
        pub const $all: &'static [Self] = &{
            let mut rules = [$(Self { of: $of, number: 0, text: $text }),*];
            let mut index = 0;
            while index < rules.len() {
                rules[index].number = index + 1;
                index += 1;
            }
            rules
        };
        rules!(@each $all 0usize; $($name,)*);
    )*};
    (@each $all:ident $index:expr;) => {};
    (@each $all:ident $index:expr; $name:ident, $($rest:ident,)*) => {
        pub(super) const $name: Self = Self::$all[$index];
        rules!(@each $all $index + 1; $($rest,)*);
    };
}

impl Rule {
    rules! {
        EVENT_SOURCE "EventSource" {
            GIVEN: "Every event is given until it is settled.",
            MALFORMED: "What is no event is given too.",
            _ONE_ATTEMPT: "`next` makes one attempt.",
            NEXT_DROPPED: "`next` may be dropped.",
            NONE_LAST: "`None` comes last.",
            RESTART: "A restart goes on behind what is settled.",
            WINDOW: "The window is stored with the position.",
            IDENTITY: "A position belongs to one remote and query.",
            OVERWRITE: "A position of another process is not overwritten.",
        }
        ACKER "Acker" {
            ALL_OR_AGAIN: "A cumulative source passes a delivery only if all of it is settled.",
            ONLY_THAT: "An individual source gives again what was handed back, and only that.",
            DROPPED: "A dropped acker hands all back.",
            DURABLE: "What `settle` records is durable when it returns.",
            SETTLED_ANEW: "A delivery that could not be settled is given again.",
            OVERTAKEN: "An acker that a hand-back has overtaken has no effect.",
        }
        LOG_SINK "LogSink" {
            PREFIX: "`encode` takes a non-empty prefix of the entries.",
            LIMITS: "A batch keeps the limits.",
            OVERSIZED: "An entry that fits no request is an error of `encode`, or is made smaller.",
            ACCEPTED: "`Ok` means that the remote has accepted the whole batch.",
            REFUSED: "A refusal means that the remote has accepted none of the batch.",
            AMBIGUOUS: "A lost answer is temporary and ambiguous.",
            CONCURRENT: "Batches may be sent at the same time.",
            REPEATED: "A batch may be sent again.",
            CLOSED: "A sink takes batches after `close` too.",
        }
        CHECKPOINT_STORE "CheckpointStore" {
            SAVED: "A save is atomic and durable.",
            STALE: "A save that expects another version is lost.",
            ONE_WINNER: "Of concurrent saves that expect the same version one succeeds.",
            VERSION: "Each save has a version of its own.",
            _UNKNOWN: "A save that may have been stored is `Unknown`.",
            _UNREADABLE: "A record that cannot be read is an error.",
        }
        DEAD_LETTERS "DeadLetters" {
            KEPT: "The letters are durable when `write` returns.",
            UNCHANGED: "A letter is kept as it is.",
            FAILED: "A write that fails is an error.",
            WRITTEN_AGAIN: "After an error the letters are written again.",
            TOGETHER: "Letters may be written at the same time.",
        }
    }
}
