//! Invocations of an AWS Lambda function: by EventBridge directly, or with batches of an SQS queue. Feature `lambda`.
//!
//! The runtime is the caller's: [`LambdaHandler::handle`] takes a payload and a deadline, and returns the reply. The example
//! `eventbridge_lambda` is a whole function, on the crate `lambda_runtime`.

mod builder;
mod handler;
mod payload;
mod reply;
#[cfg(feature = "simulator")]
pub mod simulator;
mod source;
mod url_request;

pub use builder::LambdaHandlerBuilder;
pub use handler::LambdaHandler;
pub use reply::Reply;
pub use source::Invocation;
