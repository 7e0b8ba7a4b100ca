//! The flags of `eventbridge_sqs`.

use clap::Parser;

use crate::eventbridge::SharedFlags;

/// Takes the System Log of an Okta org from an SQS queue, which an EventBridge rule fills, and sends it to Coralogix.
///
/// Reads SQS_QUEUE_URL, what AWS programs usually read (AWS_REGION, AWS_ACCESS_KEY_ID, AWS_PROFILE, AWS_ENDPOINT_URL, the role of an
/// instance or container), CORALOGIX_DOMAIN (or CORALOGIX_ENDPOINT), CORALOGIX_API_KEY, CORALOGIX_APPLICATION and CORALOGIX_SUBSYSTEM from
/// the environment. Every flag can be given as a variable too: `OKTA_CORALOGIX_<FLAG>`. Without any of them, AWS's own aside, it demonstrates
/// itself on stand-ins. Any number of them may read the same queue.
#[derive(Debug, Clone, Default, Parser)]
#[command(name = "eventbridge_sqs", version)]
pub struct Flags {
    #[command(flatten)]
    #[expect(
        missing_docs,
        reason = "a doc comment would become the description of the program"
    )]
    pub shared: SharedFlags,
    /// Stop when the queue is empty: nothing waits and nothing is in flight, in two looks
    #[arg(long)]
    pub once: bool,
    /// With --once: give up after this long without progress [default: 10m]
    #[arg(long, value_name = "DURATION")]
    pub give_up_after: Option<String>,
}

impl Flags {
    /// The environment twins of the flags that only this program has.
    pub const VARIABLES: [&str; 2] = ["OKTA_CORALOGIX_ONCE", "OKTA_CORALOGIX_GIVE_UP_AFTER"];
}
