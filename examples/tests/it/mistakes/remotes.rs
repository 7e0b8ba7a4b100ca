//! Mistakes that only Okta, Coralogix or the network can show.

use coralogix_sink::simulator::Fault;

use super::mistake::{Mistake, config, pull};

pub(super) fn mistakes() -> Vec<Mistake> {
    vec![
        pull("a token that was revoked").org_answers(
            401,
            r#"{"errorCode":"E0000011","errorSummary":"Invalid token provided"}"#,
        ),
        pull("a token of an administrator without the role").org_answers(
            403,
            r#"{"errorCode":"E0000006","errorSummary":"You do not have permission"}"#,
        ),
        config("a token of the file that was revoked", "\"30s\"", "\"31s\"").org_answers(
            401,
            r#"{"errorCode":"E0000011","errorSummary":"Invalid token provided"}"#,
        ),
        pull("an address that is not that of an org").org_answers(
            404,
            r#"{"errorCode":"E0000007","errorSummary":"Not found"}"#,
        ),
        pull("a check while Okta is down")
            .org_answers(503, "")
            .flags(&["--check"]),
        pull("a check while Okta's limit is used up")
            .org_answers(429, "")
            .flags(&["--check"]),
        pull("something that answers 204 in place of Okta")
            .org_answers(204, "")
            .flags(&["--check"]),
        pull("something that answers `{}` in place of Okta")
            .org_answers(200, "{}")
            .flags(&["--check"]),
        pull("a check while Coralogix is down")
            .ingress_answers(Fault::status(503))
            .flags(&["--check"]),
        pull("a key of another region behind an endpoint of one's own")
            .ingress_answers(Fault::status(401))
            .flags(&["--check"]),
        pull("a key that may not send")
            .ingress_answers(Fault::status(403))
            .flags(&["--check"]),
        pull("an endpoint that is no ingress")
            .ingress_answers(Fault::status(404))
            .flags(&["--check"]),
        pull("a page of a proxy in place of Coralogix")
            .ingress_answers(Fault::html(200))
            .flags(&["--check"]),
        pull("nothing listens at the endpoint")
            .without_ingress()
            .flags(&["--check"]),
        pull("`https` to a port that speaks `http`")
            .set("CORALOGIX_ENDPOINT", "https://{ingress_address}")
            .flags(&["--check"]),
    ]
}
