//! What the attributes of a queue say of how it was set up.

use std::time::Duration;

use aws_sdk_sqs::types::QueueAttributeName;
use okta_coralogix_core::Result;
use serde_json::Value;

use super::AwsQueue;
use super::consumer::{CALL_TIMEOUT, with_timeout};

/// How a queue was set up, as far as its attributes say it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueueSetup {
    /// For how long a received message stays hidden unless a call says otherwise.
    pub visibility_timeout: Option<Duration>,
    /// How long a message is kept.
    pub retention: Option<Duration>,
    /// Where a message goes that was received too often; `None`: nowhere.
    pub redrive: Option<Redrive>,
    /// How messages are stored.
    pub encryption: Encryption,
}

/// Where a message goes that was received too often.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Redrive {
    /// The ARN of the dead-letter queue.
    pub target: String,
    /// After how many receives.
    pub max_receive_count: u64,
}

/// How the messages of a queue are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Encryption {
    /// The attributes do not say it.
    Unknown,
    /// As they are.
    None,
    /// Encrypted with a key of SQS.
    Sqs,
    /// Encrypted with this key of KMS.
    Kms(String),
}

impl AwsQueue {
    /// Asks SQS how the queue was set up.
    ///
    /// # Errors
    /// A temporary error if SQS does not answer in 10 s; the errors of a call.
    pub async fn setup(&self) -> Result<QueueSetup> {
        let ask = self.get_attributes(&[QueueAttributeName::All]);
        let attributes = with_timeout("sqs:GetQueueAttributes", CALL_TIMEOUT, ask).await?;
        let get = |name| attributes.get(&name);
        Ok(QueueSetup {
            visibility_timeout: get(QueueAttributeName::VisibilityTimeout).and_then(seconds),
            retention: get(QueueAttributeName::MessageRetentionPeriod).and_then(seconds),
            redrive: get(QueueAttributeName::RedrivePolicy).and_then(redrive),
            encryption: encryption(
                get(QueueAttributeName::KmsMasterKeyId),
                get(QueueAttributeName::SqsManagedSseEnabled),
            ),
        })
    }
}

fn seconds(text: &str) -> Option<Duration> {
    text.parse().ok().map(Duration::from_secs)
}

/// `{"deadLetterTargetArn":"…","maxReceiveCount":5}`; the number may be a text.
fn redrive(policy: &str) -> Option<Redrive> {
    let policy: Value = serde_json::from_str(policy).ok()?;
    let count = &policy["maxReceiveCount"];
    let of_text = || count.as_str()?.parse().ok();
    Some(Redrive {
        target: policy["deadLetterTargetArn"].as_str()?.to_owned(),
        max_receive_count: count.as_u64().or_else(of_text)?,
    })
}

fn encryption(key: Option<&str>, by_sqs: Option<&str>) -> Encryption {
    match (key, by_sqs) {
        (Some(key), _) if !key.is_empty() => Encryption::Kms(key.to_owned()),
        (_, Some("true")) => Encryption::Sqs,
        (_, Some(_)) => Encryption::None,
        (_, None) => Encryption::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redrive_policies_of_both_forms_are_read() {
        for policy in [
            r#"{"deadLetterTargetArn":"arn:dead","maxReceiveCount":5}"#,
            r#"{"deadLetterTargetArn":"arn:dead","maxReceiveCount":"5"}"#,
        ] {
            let redrive = redrive(policy).unwrap();
            assert_eq!(
                (&*redrive.target, redrive.max_receive_count),
                ("arn:dead", 5)
            );
        }
        for policy in ["", "{}", r#"{"maxReceiveCount":5}"#] {
            assert_eq!(redrive(policy), None, "{policy}");
        }
    }

    #[test]
    fn key_of_kms_wins_over_that_of_sqs() {
        let key = Encryption::Kms("alias/k".into());
        assert_eq!(encryption(Some("alias/k"), Some("false")), key);
        assert_eq!(encryption(None, Some("true")), Encryption::Sqs);
        assert_eq!(encryption(Some(""), Some("false")), Encryption::None);
        assert_eq!(encryption(None, None), Encryption::Unknown);
    }
}
