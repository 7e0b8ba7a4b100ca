//! What has to be set up in Okta and AWS, as data: checked names, the rule's event pattern, and templates.
//!
//! ```
//! use eventbridge_source::setup::{EventPattern, LogStream};
//!
//! let stream = LogStream::new("acme", "audit", "123456789012", "eu-central-1")?;
//! // The name of the partner event source, and of the bus that is associated with it.
//! assert_eq!(stream.bus_name(), "aws.partner/okta.com/acme/audit");
//! assert_eq!(EventPattern::all().to_string(), r#"{"source":[{"prefix":"aws.partner/okta.com/"}]}"#);
//! # Ok::<(), eventbridge_source::setup::SetupError>(())
//! ```

mod pattern;
mod stream;

pub use pattern::EventPattern;
pub use stream::{LogStream, SetupError};

/// CloudFormation: partner bus → rule → SQS queue with a dead-letter queue, and the rights of the program that reads it.
pub const CLOUDFORMATION_SQS: &str = include_str!("../../setup/sqs.cloudformation.yaml");

/// CloudFormation: partner bus → rule → API destination, with a dead-letter queue.
pub const CLOUDFORMATION_API_DESTINATION: &str =
    include_str!("../../setup/api-destination.cloudformation.yaml");

/// Terraform: what [`CLOUDFORMATION_SQS`] sets up.
pub const TERRAFORM_SQS: &str = include_str!("../../setup/sqs/main.tf");

/// Terraform: what [`CLOUDFORMATION_API_DESTINATION`] sets up.
pub const TERRAFORM_API_DESTINATION: &str = include_str!("../../setup/api-destination/main.tf");
