//! Why there are no AWS credentials, in a sentence, and whether waiting may help.

use std::error::Error as StdError;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_sqs::error::ProvideErrorMetadata;
use aws_sdk_sso::operation::get_role_credentials::GetRoleCredentialsError;
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use aws_sdk_sts::operation::assume_role_with_web_identity::AssumeRoleWithWebIdentityError;
use okta_coralogix_core::internal::text::seconds;
use okta_coralogix_core::text::sanitize;
use okta_coralogix_core::{Error, ErrorKind};

use super::causes::{causes, last_words};

/// Without this variable an instance's endpoint that does not answer means that this is no instance.
const IMDS_ENDPOINT: &str = "AWS_EC2_METADATA_SERVICE_ENDPOINT";

/// The error of a call without credentials.
pub(super) fn explain(error: &CredentialsError) -> Error {
    match error {
        CredentialsError::CredentialsNotLoaded(_) => not_found(),
        CredentialsError::ProviderTimedOut(details) => {
            let after = seconds(details.timeout_duration());
            waiting(&format!("there is no answer within {after}"))
        }
        CredentialsError::InvalidConfiguration(_) => {
            let detail = format!(
                "the settings of the AWS credentials are wrong: {}; correct the profile, or the variables AWS_…",
                last_words(error)
            );
            Error::new(ErrorKind::Unauthorized, detail)
        }
        _ => refusal(error).unwrap_or_else(|| waiting(&last_words(error))),
    }
}

fn not_found() -> Error {
    if std::env::var_os(IMDS_ENDPOINT).is_some() {
        return waiting(&format!("the endpoint in {IMDS_ENDPOINT} gives none"));
    }
    let detail = "no AWS credentials were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, \
                  or run with a role";
    Error::new(ErrorKind::Unauthorized, detail)
}

/// The provider of the credentials may give them later.
fn waiting(problem: &str) -> Error {
    let detail = format!(
        "the AWS credentials cannot be read now: {problem}; check the endpoint, command or file that has them"
    );
    Error::temporary(ErrorKind::Unavailable, detail)
}

/// A response of STS or SSO, which says why by a code.
fn refusal(error: &CredentialsError) -> Option<Error> {
    let causes = causes(error);
    causes.into_iter().find_map(|cause| {
        let sts = "the role's trust policy, and AWS_ROLE_ARN or the role_arn of the profile";
        let sso = "the sign-in (`aws sso login`), and the account and role of the profile";
        said::<AssumeRoleError>(cause, "sts:AssumeRole", sts)
            .or_else(|| {
                let action = "sts:AssumeRoleWithWebIdentity";
                said::<AssumeRoleWithWebIdentityError>(cause, action, sts)
            })
            .or_else(|| said::<GetRoleCredentialsError>(cause, "sso:GetRoleCredentials", sso))
    })
}

fn said<E: ProvideErrorMetadata + StdError + 'static>(
    cause: &(dyn StdError + 'static),
    action: &str,
    check: &str,
) -> Option<Error> {
    let error = cause.downcast_ref::<E>()?;
    let code = error.code()?;
    let words = sanitize(error.message().unwrap_or_default());
    let said = format!("{code} {words}");
    let detail = format!(
        "the AWS credentials are refused to {action}: {}; check {check}",
        said.trim()
    );
    Some(match passes(code) {
        true => Error::temporary(ErrorKind::Unavailable, detail),
        false => Error::new(ErrorKind::Unauthorized, detail),
    })
}

/// True for the codes of STS and SSO after which the same request may succeed. A token file is written anew before its token
/// expires, so that an expired one passes too.
fn passes(code: &str) -> bool {
    let busy = [
        "IDPCommunicationError",
        "InternalFailure",
        "InternalServerError",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "ExpiredToken",
        "ExpiredTokenException",
        "TooManyRequestsException",
    ];
    busy.contains(&code) || code.starts_with("Throttl")
}
