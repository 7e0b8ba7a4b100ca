//! Templates that set up EventBridge for an Okta log stream; the same files are in `setup/` of this crate.

/// CloudFormation: partner event bus → rule → SQS queue with a dead-letter queue, and the IAM policy of its consumer.
pub const CLOUDFORMATION_SQS: &str = include_str!("../setup/sqs.cloudformation.yaml");

/// CloudFormation: partner event bus → rule → API destination, with a dead-letter queue.
pub const CLOUDFORMATION_API_DESTINATION: &str =
    include_str!("../setup/api-destination.cloudformation.yaml");

/// Terraform: the resources of [`CLOUDFORMATION_SQS`].
pub const TERRAFORM_SQS: &str = include_str!("../setup/sqs/main.tf");

/// Terraform: the resources of [`CLOUDFORMATION_API_DESTINATION`].
pub const TERRAFORM_API_DESTINATION: &str = include_str!("../setup/api-destination/main.tf");
