//! Classifies errors of SQS: their kind, and whether they are temporary.

use std::error::Error as StdError;

use aws_sdk_sqs::config::http::HttpResponse;
use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use okta_coralogix_core::{Error, ErrorKind};

/// The error of a call. `action` is the IAM action that allows it.
pub(super) fn request_error<E>(action: &str, error: SdkError<E, HttpResponse>) -> Error
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    match &error {
        SdkError::ServiceError(service) => {
            let status = service.raw().status().as_u16();
            let code = service.err().code().unwrap_or_default();
            let words = service.err().message().unwrap_or_default();
            let (kind, passes) = meaning(code, status);
            let said = format!("{code} (HTTP {status}) {words}");
            let detail = format!("SQS refused {action}: {}{}", said.trim(), advice(kind));
            match passes {
                true => Error::temporary(kind, detail),
                false => Error::new(kind, detail),
            }
        }
        SdkError::ResponseError(response) => {
            let status = response.raw().status().as_u16();
            let (kind, passes) = meaning("", status);
            let detail = format!("the answer to {action} cannot be read (HTTP {status})");
            match passes || status == 200 {
                true => Error::temporary(ErrorKind::UnexpectedResponse, detail),
                false => Error::new(kind, detail),
            }
            .with_source(error)
        }
        SdkError::ConstructionFailure(_) => {
            Error::new(ErrorKind::Config, format!("{action} cannot be asked for"))
                .with_source(error)
        }
        _ => Error::temporary(ErrorKind::Network, format!("no answer to {action}"))
            .with_ambiguity(true)
            .with_source(error),
    }
}

/// The kind of an error code and a status; true if it is temporary. The codes are those of the service model of SQS and of
/// AWS's "Common error types".
fn meaning(code: &str, status: u16) -> (ErrorKind, bool) {
    // The older protocol prefixes a name space.
    let code = code.rsplit('.').next().unwrap_or(code);
    match code {
        "QueueDoesNotExist" | "NonExistentQueue" | "InvalidAddress" | "QueueDeletedRecently" => {
            (ErrorKind::WrongEndpoint, false)
        }
        "RequestThrottled"
        | "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "TooManyRequestsException"
        | "RequestLimitExceeded"
        | "OverLimit"
        | "KmsThrottled" => (ErrorKind::RateLimited, true),
        "AccessDenied"
        | "AccessDeniedException"
        | "KmsAccessDenied"
        | "KmsDisabled"
        | "KmsInvalidState"
        | "KmsInvalidKeyUsage"
        | "KmsNotFound"
        | "KmsOptInRequired"
        | "NotAuthorized"
        | "OptInRequired" => (ErrorKind::Forbidden, false),
        "InvalidClientTokenId"
        | "UnrecognizedClientException"
        | "SignatureDoesNotMatch"
        | "InvalidSignatureException"
        | "IncompleteSignature"
        | "InvalidSecurity"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "RequestExpired"
        | "AuthFailure" => (ErrorKind::Unauthorized, false),
        _ => match status {
            401 => (ErrorKind::Unauthorized, false),
            403 => (ErrorKind::Forbidden, false),
            404 | 300..=399 => (ErrorKind::WrongEndpoint, false),
            429 => (ErrorKind::RateLimited, true),
            408 | 500..=599 => (ErrorKind::Unavailable, true),
            400..=499 => (ErrorKind::Rejected, false),
            _ => (ErrorKind::UnexpectedResponse, true),
        },
    }
}

fn advice(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::WrongEndpoint => "; check the queue's URL and region",
        ErrorKind::Forbidden => {
            "; the role needs sqs:ReceiveMessage, sqs:DeleteMessage, sqs:ChangeMessageVisibility and \
             sqs:GetQueueAttributes on the queue, and kms:Decrypt on its key if it has one"
        }
        ErrorKind::Unauthorized => "; check the AWS credentials, and this machine's clock",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_meaning() {
        use ErrorKind::*;
        for (code, status, kind, passes) in [
            ("QueueDoesNotExist", 400, WrongEndpoint, false),
            (
                "AWS.SimpleQueueService.NonExistentQueue",
                400,
                WrongEndpoint,
                false,
            ),
            ("RequestThrottled", 403, RateLimited, true),
            ("OverLimit", 403, RateLimited, true),
            ("KmsThrottled", 400, RateLimited, true),
            ("AccessDeniedException", 400, Forbidden, false),
            ("KmsAccessDenied", 400, Forbidden, false),
            ("InvalidClientTokenId", 403, Unauthorized, false),
            ("ExpiredToken", 403, Unauthorized, false),
            ("InternalFailure", 500, Unavailable, true),
            ("ServiceUnavailable", 503, Unavailable, true),
            ("UnsupportedOperation", 400, Rejected, false),
            ("", 301, WrongEndpoint, false),
            ("", 404, WrongEndpoint, false),
            ("", 502, Unavailable, true),
        ] {
            assert_eq!(meaning(code, status), (kind, passes), "{code} {status}");
        }
    }
}
