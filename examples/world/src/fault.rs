//! What can go wrong in a world, as data.

use std::fmt::Debug;
use std::time::Duration;

use crate::gateway::GatewayAnswer;
use crate::obstacle::Obstacle;
use crate::plan::Settings;

/// A place where the program meets the world over a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Seam {
    /// Requests of the program to the Okta org.
    Okta,
    /// Requests of the program to the Coralogix ingress.
    Ingress,
    /// Requests of EventBridge to the program.
    Push,
    /// Calls of the program to the queue.
    Queue,
}

/// A fault of one exchange at a seam.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetFault {
    /// The exchange takes this much longer, half of it in each direction.
    Delay(Duration),
    /// No connection is made.
    Refused,
    /// The connection breaks before the server has read the request.
    ResetBefore,
    /// The server acts, and the connection breaks before its response.
    ResetAfter,
    /// The server acts, and its response breaks off halfway.
    HalfBody,
    /// The server acts, and its response stops halfway and never ends.
    Stalled,
    /// The server receives the request twice.
    Duplicated,
    /// The connection breaks, and the server acts this much later.
    Late(Duration),
    /// A proxy answers with this status.
    Status(u16),
    /// A gateway answers in the server's place.
    Gateway(GatewayAnswer),
    /// Nothing answers, and the server does not get the request.
    Silence,
    /// The server acts, and answers this much later.
    Slow(Duration),
    /// The body of the response ends behind the `]` of an array within it, which HTTP tells or does not.
    Cut(Framing),
    /// The connection breaks in the middle of the body of the request.
    HalfRequest,
}

/// What HTTP tells of the length of a body that was cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// `Content-Length` is that of the whole.
    Whole,
    /// `Content-Length` is that of what is left: something on the way has cut the body and counted anew.
    Recounted,
    /// `Transfer-Encoding: identity`, and no length.
    Identity,
    /// `Transfer-Encoding: chunked, identity`, and no length.
    ChunkedBefore,
    /// Nothing.
    Silent,
}

impl NetFault {
    /// The delay in each direction.
    pub(crate) fn delay(fault: Option<Self>) -> Duration {
        match fault {
            Some(Self::Delay(time)) => time / 2,
            _ => Duration::ZERO,
        }
    }

    /// True if the client never sees the whole response.
    pub(crate) fn loses_response(fault: Option<Self>) -> bool {
        matches!(
            fault,
            Some(Self::ResetAfter | Self::HalfBody | Self::Stalled)
        )
    }
}

/// A fault of one operation on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskFault {
    /// The disk is full: half of the bytes are written.
    Full,
    /// The file system is read-only.
    ReadOnly,
    /// The operation fails and has no effect.
    Fails,
    /// The operation takes effect and reports an error.
    FailsAfter,
    /// The operation takes this long.
    Slow(Duration),
    /// No file can be opened: too many are open.
    NoDescriptor,
}

/// An event of operations at a given time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Incident {
    /// SIGTERM, and a start with these settings.
    Restart(Settings),
    /// The ingress accepts another key from now on; the operator configures it once the program has ended.
    RotateKey,
    /// The org accepts another token from now on.
    RotateToken,
    /// EventBridge sends another key; for a minute the program knows only the old one.
    RotatePushKey,
    /// An obstacle stands on the way to the ingress for this long.
    Obstacle(Obstacle, Duration),
    /// The host's clock is wrong by this many seconds from now on.
    Clock(i64),
    /// The operator writes the current key and token to their files, and does not restart the program.
    WriteCredentials,
    /// The service itself refuses every credential with this status, for this long.
    Refusal(Seam, u16, Duration),
    /// A seam refuses connections for this long.
    Outage(Seam, Duration),
    /// A gateway answers at a seam in the server's place, for this long.
    Gateway(Seam, GatewayAnswer, Duration),
    /// No file can be opened for this long: too many are open.
    NoDescriptors(Duration),
    /// The disk is full for this long.
    DiskFull(Duration),
    /// The org refuses every link that it has given so far.
    ForgetCursors,
    /// Every message in flight becomes visible in the queue again.
    ShowAll,
    /// The org behaves so from now on.
    Org(OrgBehavior),
}

/// How an org may give its log, though nothing is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrgBehavior {
    /// No page has more events than this, whatever `limit` asks for.
    ShortPages(usize),
    /// Each empty page has another next link.
    MovingLinks,
}

/// One thing that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The process ends at this step of the world and loses its memory.
    Crash {
        /// Which step.
        step: u64,
        /// True for a power cut: what was not synced may be lost.
        power: bool,
    },
    /// A fault of the n-th exchange at a seam.
    Net(Seam, u64, NetFault),
    /// A fault of the n-th operation on the disk.
    Disk(u64, DiskFault),
    /// An incident at a time after the start.
    At(Duration, Incident),
}

/// A fault as a suffix of a line of the trace.
pub(crate) fn suffix(fault: Option<impl Debug>) -> String {
    fault.map_or_else(String::new, |fault| format!(", fault: {fault:?}"))
}
