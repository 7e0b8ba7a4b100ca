//! Templates that set up EventBridge for an Okta log stream; the same files are in `setup/` of this crate.
//!
//! A stack or module is for one log stream. Bus, archive and queues stay when it is deleted.

/// CloudFormation: partner event bus with an archive → rule → SQS queue with a dead-letter queue, alarms, and the IAM policies of its
/// consumer and of those who redrive.
pub const CLOUDFORMATION_SQS: &str = include_str!("../setup/sqs.cloudformation.yaml");

/// CloudFormation: partner event bus with an archive → rule → API destination, with a dead-letter queue, a queue that its messages are
/// redriven into, and alarms.
pub const CLOUDFORMATION_API_DESTINATION: &str =
    include_str!("../setup/api-destination.cloudformation.yaml");

/// CloudFormation: the Lambda function that reads the queue of [`CLOUDFORMATION_SQS`], with its event source mapping, log and alarms.
pub const CLOUDFORMATION_LAMBDA: &str = include_str!("../setup/lambda.cloudformation.yaml");

/// Terraform: what [`TERRAFORM_SQS`] and [`TERRAFORM_API_DESTINATION`] have in common, as the module `../stream` that they use.
pub const TERRAFORM_STREAM: &str = include_str!("../setup/stream/main.tf");

/// Terraform: the rights at a queue, as the module `../rights` that both use.
pub const TERRAFORM_RIGHTS: &str = include_str!("../setup/rights/main.tf");

/// Terraform: the resources of [`CLOUDFORMATION_SQS`].
pub const TERRAFORM_SQS: &str = include_str!("../setup/sqs/main.tf");

/// Terraform: the resources of [`CLOUDFORMATION_API_DESTINATION`].
pub const TERRAFORM_API_DESTINATION: &str = include_str!("../setup/api-destination/main.tf");

/// Terraform: the resources of [`CLOUDFORMATION_LAMBDA`].
pub const TERRAFORM_LAMBDA: &str = include_str!("../setup/lambda/main.tf");
