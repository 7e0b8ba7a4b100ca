//! Where the events of a pipeline come from.

/// The way by which events come: the label `source`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceKind {
    /// The System Log API.
    Pull,
    /// EventBridge, over HTTP or SQS.
    EventBridge,
    /// The System Log API, beside a receiver: what was not pushed.
    Healing,
    /// A file of dead letters.
    Replay,
    /// Lines of standard input, which are sent without a pipeline.
    Lines,
}

impl SourceKind {
    pub(in crate::program) fn as_str(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::EventBridge => "eventbridge",
            Self::Healing => "healing",
            Self::Replay => "replay",
            Self::Lines => "lines",
        }
    }
}
