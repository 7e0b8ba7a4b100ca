//! The table of Okta's errors: the meaning of each, and advice for the operator.

use http::StatusCode;

const TOKEN: &str = "create a new one in the Admin Console under Security > API > Tokens, and check that the administrator it \
                     belongs to is active";
const RIGHTS: &str = "give the administrator it belongs to, or the app, the Read-only or Report Administrator role, and check \
                      whether the token is bound to another network zone";
pub(crate) const ADDRESS: &str =
    "write the address of the org itself, such as https://example.okta.com";
const WAIT: &str = "this passes, as a rule: a run asks again";

/// By status and, where Okta has several reasons for one status, by `errorCode`: the meaning of the answer, and advice.
/// (Okta developer docs, "Error codes" and "System Log query", 2026.)
pub(crate) fn advice(status: StatusCode, code: Option<&str>) -> (&'static str, &'static str) {
    match (status.as_u16(), code.unwrap_or_default()) {
        (400, "E0000001") => (
            "Okta finds a part of the request invalid",
            "check the start time, and the keywords of q: up to 10, of 40 characters at most",
        ),
        (400, "E0000021") => (
            "Okta does not take the headers of the request",
            "check whether a proxy changes Accept or Content-Type",
        ),
        (400, "E0000031") => (
            "Okta cannot search in the way that the filter asks for",
            "take published, [ ], changeDetails, and co on debugContext.debugData.url or .requestUri out of the filter; a start \
             time is set by since",
        ),
        (400, "E0000053") => (
            "Okta cannot read the filter, or the start lies more than 180 days back",
            "check the attribute names of the filter, which are case-sensitive, and its quotes, or set a later start",
        ),
        (400, "E0000063") => (
            "Okta does not take these parameters together",
            "check whether a proxy adds parameters to the request",
        ),
        (401, "E0000015") => (
            "the org lacks the feature that was asked for",
            "ask Okta's support whether the System Log API is enabled for the org",
        ),
        (401, "E0000004") => ("Okta could not authenticate the caller", TOKEN),
        (401, _) => (
            "Okta refuses the API token: it is wrong, revoked, or has expired after 30 days without use",
            TOKEN,
        ),
        (403, "E0000005") => (
            "Okta takes the request for one without a session: the Authorization header did not reach it as it was sent",
            "check whether a proxy strips or changes it, and which kind of token the app must use (an app that requires DPoP \
             refuses plain ones)",
        ),
        (403, _) => (
            "Okta does not let the API token read the System Log",
            RIGHTS,
        ),
        (404, _) => ("this address does not serve the Okta System Log", ADDRESS),
        (405, _) => (
            "this address does not let the System Log be read with GET",
            "check whether there is a proxy or gateway before the org",
        ),
        (500, "E0000009") => (
            "the org's query took too long, or the org has an internal error",
            "a smaller page is asked for; if this lasts, set a filter that leaves out more",
        ),
        (503, "E0000010") => ("the org is in read-only mode at the moment", WAIT),
        (503, "E0000100") => ("the org's search is out of order at the moment", WAIT),
        (408 | 500.., _) => ("the org cannot answer at the moment", WAIT),
        (400..500, _) => (
            "Okta refuses the request for the System Log",
            "check the start time that was asked for, and the filter",
        ),
        _ => (
            "the org sent an answer other than a page of the System Log",
            WAIT,
        ),
    }
}
