//! The programs behind a forward proxy, and with root certificates of a company.

mod eventbridge_sqs;
mod proxy;
mod pull;
