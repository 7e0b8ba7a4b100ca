//! Classifies errors of SQS: their kind, and whether they are temporary.

use std::error::Error as StdError;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_sqs::config::http::HttpResponse;
use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::types::BatchResultErrorEntry;
use okta_coralogix_core::text::sanitize;
use okta_coralogix_core::transport::TransportError;
use okta_coralogix_core::{Error, ErrorKind, Result};

use super::causes::{causes, find, last_words};
use super::credentials_error;

/// With these statuses SQS sends an error code always: without one it was a proxy or web filter that refused.
const GATEWAY: [u16; 4] = [401, 403, 407, 511];

/// The error of a call to `origin`, a URL without a path. `action` is the IAM action that allows it. The text says the cause, so that the error has no
/// source that would say it again.
pub(super) fn request_error<E>(
    action: &str,
    origin: &str,
    error: &SdkError<E, HttpResponse>,
) -> Error
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    match error {
        SdkError::ServiceError(service) => {
            let status = service.raw().status().as_u16();
            let code = service.err().code().unwrap_or_default();
            if code.is_empty() && GATEWAY.contains(&status) {
                return intercepted(action, origin, status);
            }
            let words = words(service.err().message());
            let (kind, passes) = meaning(code, status);
            let said = [code, &format!("(HTTP {status})"), &words];
            let said: Vec<_> = said.into_iter().filter(|part| !part.is_empty()).collect();
            let advice = advice(kind, code, &words, action);
            let detail = format!("SQS refused {action}: {}{advice}", said.join(" "));
            match passes {
                true => Error::temporary(kind, detail),
                false => Error::new(kind, detail),
            }
        }
        SdkError::ResponseError(response) => {
            let status = response.raw().status().as_u16();
            if GATEWAY.contains(&status) {
                return intercepted(action, origin, status);
            }
            let (kind, passes) = meaning("", status);
            let detail = format!(
                "the answer of {origin} to {action} is not one of SQS (HTTP {status}); check that the host is SQS, and what lies on the way"
            );
            match passes || status == 200 {
                true => Error::temporary(ErrorKind::UnexpectedResponse, detail),
                false => Error::new(kind, detail),
            }
        }
        SdkError::ConstructionFailure(_) => {
            let detail = format!("{action} cannot be asked for: {}", last_words(error));
            Error::new(ErrorKind::Config, detail)
        }
        _ => no_answer(action, origin, error),
    }
}

/// True if the call was refused for its credentials: others may be at hand.
pub(super) fn refuses_credentials<E>(error: &SdkError<E, HttpResponse>) -> bool
where
    E: ProvideErrorMetadata,
{
    let SdkError::ServiceError(service) = error else {
        return false;
    };
    let status = service.raw().status().as_u16();
    let code = service.err().code().unwrap_or_default();
    !code.is_empty() && meaning(code, status).0 == ErrorKind::Unauthorized
}

/// The answer of a proxy or web filter in the place of SQS.
fn intercepted(action: &str, origin: &str, status: u16) -> Error {
    let detail = match status {
        407 => format!(
            "no answer to {action}: a proxy on the way to {origin} wants a user name and a password, or refuses those that it got (407); \
             write them into the URL of the proxy, as `http://user:password@host:port`"
        ),
        _ => format!(
            "something between this program and {origin} answered {action} with HTTP {status} and no error code, which SQS does not; check \
             that the host is SQS, and have the proxy or web filter on the way let it pass"
        ),
    };
    Error::temporary(ErrorKind::Intercepted, detail)
}

/// An entry of a batch that is refused for a missing permission: a retry of the entry does not help, as with a call.
///
/// # Errors
/// `Forbidden` if there is one.
pub(super) fn refused_entry(action: &str, failed: &[BatchResultErrorEntry]) -> Result<()> {
    let forbidden = |entry: &&BatchResultErrorEntry| {
        let status = if entry.sender_fault() { 400 } else { 500 };
        let (kind, _) = meaning(entry.code(), status);
        kind == ErrorKind::Forbidden
    };
    let Some(entry) = failed.iter().find(forbidden) else {
        return Ok(());
    };
    let words = words(entry.message());
    let advice = advice(ErrorKind::Forbidden, entry.code(), &words, action);
    let detail = format!("SQS refused {action}: {} {words}{advice}", entry.code());
    Err(Error::new(ErrorKind::Forbidden, detail))
}

/// The text of a refusal, which a piece of advice follows.
fn words(message: Option<&str>) -> String {
    sanitize(message.unwrap_or_default().trim_end_matches('.'))
}

fn no_answer(action: &str, origin: &str, error: &(dyn StdError + 'static)) -> Error {
    let causes = causes(error);
    if let Some(error) = find::<CredentialsError>(&causes) {
        // The request was not sent.
        return credentials_error::explain(error);
    }
    let from =
        format!("no answer to {action} from {origin} (of the queue's URL, or AWS_ENDPOINT_URL)");
    match find::<TransportError>(&causes) {
        Some(error) => Error::temporary(error.kind(), format!("{from}: {error}"))
            .with_ambiguity(error.is_ambiguous()),
        // The caller's client has an HTTP client of its own.
        None => {
            let detail = format!("{from}: {}", last_words(error));
            Error::temporary(ErrorKind::Network, detail).with_ambiguity(true)
        }
    }
}

/// `Disabled` for both forms of that code of KMS: `KmsDisabled` is one in a body, and `KMS.DisabledException` the same one in the
/// header `x-amzn-query-error`, which the SDK reads first. `None` for codes that are not of KMS.
fn name_in_kms(code: &str) -> Option<&str> {
    let name = code
        .strip_prefix("Kms")
        .or_else(|| code.strip_prefix("KMS."))?;
    Some(name.strip_suffix("Exception").unwrap_or(name))
}

/// The codes are those of the service model of SQS. KMS has more: for them the status tells whether KMS failed or refused.
fn meaning_of_kms(name: &str, status: u16) -> (ErrorKind, bool) {
    match name {
        "Throttled" | "Throttling" => (ErrorKind::RateLimited, true),
        "AccessDenied" | "Disabled" | "InvalidKeyUsage" | "InvalidState" | "NotFound"
        | "OptInRequired" => (ErrorKind::Forbidden, false),
        _ => match meaning_of_status(status) {
            (kind, true) => (kind, true),
            (_, false) => (ErrorKind::Forbidden, false),
        },
    }
}

/// The kind of an error code and a status; true if it is temporary. The codes are those of the service model of SQS and of
/// AWS's "Common error types".
fn meaning(code: &str, status: u16) -> (ErrorKind, bool) {
    if let Some(name) = name_in_kms(code) {
        return meaning_of_kms(name, status);
    }
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
        | "OverLimit" => (ErrorKind::RateLimited, true),
        "AccessDenied" | "AccessDeniedException" | "NotAuthorized" | "OptInRequired" => {
            (ErrorKind::Forbidden, false)
        }
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
        _ => meaning_of_status(status),
    }
}

fn meaning_of_status(status: u16) -> (ErrorKind, bool) {
    match status {
        401 => (ErrorKind::Unauthorized, false),
        403 => (ErrorKind::Forbidden, false),
        404 | 300..=399 => (ErrorKind::WrongEndpoint, false),
        429 => (ErrorKind::RateLimited, true),
        408 | 500..=599 => (ErrorKind::Unavailable, true),
        400..=499 => (ErrorKind::Rejected, false),
        _ => (ErrorKind::UnexpectedResponse, true),
    }
}

/// `words`: those of SQS. They name the action of KMS that is missing, or only say that the key cannot be used, and quote its ARN.
fn advice(kind: ErrorKind, code: &str, words: &str, action: &str) -> String {
    let is_of_key = name_in_kms(code).is_some() || words.contains("kms:");
    match kind {
        ErrorKind::WrongEndpoint => "; check the queue's URL and region".into(),
        ErrorKind::Forbidden if is_of_key => {
            let missing = match names_action_of_kms(words) {
                true => "that action",
                false => "kms:Decrypt",
            };
            format!(
                "; allow the role {missing} on the key of the queue, and check that the key is enabled"
            )
        }
        ErrorKind::Forbidden => format!("; allow the role {action} on the queue"),
        ErrorKind::Unauthorized => "; check the AWS credentials, and this machine's clock".into(),
        _ => String::new(),
    }
}

/// True for `kms:Decrypt`, not for the ARN of a key: `arn:aws:kms:eu-west-1:…`.
fn names_action_of_kms(words: &str) -> bool {
    let mut found = words.match_indices("kms:");
    found.any(|(at, _)| !words[..at].ends_with(':'))
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
            ("KMS.ThrottlingException", 400, RateLimited, true),
            ("AccessDeniedException", 400, Forbidden, false),
            ("KmsAccessDenied", 400, Forbidden, false),
            ("KMS.AccessDeniedException", 400, Forbidden, false),
            ("KMS.DisabledException", 400, Forbidden, false),
            ("KMS.InvalidKeyUsageException", 400, Forbidden, false),
            ("KMS.InvalidStateException", 400, Forbidden, false),
            ("KMS.NotFoundException", 400, Forbidden, false),
            ("KMS.OptInRequired", 403, Forbidden, false),
            ("KMS.InternalException", 500, Unavailable, true),
            ("KMS.DependencyTimeoutException", 503, Unavailable, true),
            ("KmsInternal", 500, Unavailable, true),
            ("KMS.DisabledException", 500, Forbidden, false),
            ("KMS.InvalidGrantIdException", 400, Forbidden, false),
            ("InvalidClientTokenId", 403, Unauthorized, false),
            ("ExpiredToken", 403, Unauthorized, false),
            ("InvalidSecurity", 403, Unauthorized, false),
            ("UnrecognizedClientException", 400, Unauthorized, false),
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

    #[test]
    fn entry_of_a_batch_ends_the_run_for_a_permission_alone() {
        for (code, is_of_sender, ends) in [
            ("AccessDenied", true, true),
            ("AccessDenied", false, true),
            ("KMS.DisabledException", false, true),
            ("KMS.InternalException", false, false),
            ("KmsThrottled", true, false),
            ("InternalError", false, false),
            ("ReceiptHandleIsInvalid", true, false),
        ] {
            let entry = BatchResultErrorEntry::builder()
                .id("0")
                .code(code)
                .sender_fault(is_of_sender);
            let refused = refused_entry("sqs:DeleteMessage", &[entry.build().unwrap()]);
            assert_eq!(refused.is_err(), ends, "{code}");
        }
    }

    #[test]
    fn refusal_names_the_one_action_that_is_missing() {
        let advice = |code, words, action| advice(meaning(code, 400).0, code, words, action);
        let words = "User: arn:aws:iam::1:user/x is not authorized to perform: ";
        let delete = format!("{words}sqs:deletemessage on resource: okta");
        let delete = advice("AccessDeniedException", &delete, "sqs:DeleteMessage");
        assert_eq!(delete, "; allow the role sqs:DeleteMessage on the queue");

        let on_the_key = |missing| {
            format!(
                "; allow the role {missing} on the key of the queue, and check that the key is enabled"
            )
        };
        let decrypt = format!("{words}kms:Decrypt on resource: arn:aws:kms:eu-west-1:1:key/k");
        let not_named = "The ciphertext refers to a customer master key that does not exist";
        let disabled = "arn:aws:kms:eu-west-1:1:key/k is disabled.";
        let of_china = "The key arn:aws-cn:kms:cn-north-1:1:key/k does not exist.";
        for (code, words, missing) in [
            ("KmsAccessDenied", not_named, "kms:Decrypt"),
            ("KMS.AccessDeniedException", not_named, "kms:Decrypt"),
            ("KMS.DisabledException", "", "kms:Decrypt"),
            ("KMS.DisabledException", disabled, "kms:Decrypt"),
            ("KMS.NotFoundException", of_china, "kms:Decrypt"),
            ("KmsDisabled", disabled, "kms:Decrypt"),
            ("KmsAccessDenied", &decrypt, "that action"),
            ("KMS.AccessDeniedException", &decrypt, "that action"),
            ("AccessDeniedException", &decrypt, "that action"),
        ] {
            let advice = advice(code, words, "sqs:ReceiveMessage");
            assert_eq!(advice, on_the_key(missing), "{code}: {words}");
        }
    }
}
