//! Mistakes with the other programs.

use super::mistake::{Mistake, program};

pub(super) fn mistakes() -> Vec<Mistake> {
    let http = |what| {
        program("eventbridge_http", what)
            .set("EVENTBRIDGE_API_KEY", "chosen freely")
            .set("LISTEN", "127.0.0.1:0")
    };
    let sqs = |what| {
        let url = "https://sqs.eu-west-1.amazonaws.com/123456789012/okta";
        program("eventbridge_sqs", what).set("SQS_QUEUE_URL", url)
    };
    let lambda = |what| {
        program("eventbridge_lambda", what)
            .set("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:1")
            .set("OKTA_CORALOGIX_DEAD_LETTERS", "-")
    };
    let audit = |what, range: [&'static str; 2]| {
        program("audit", what)
            .set("OKTA_ORG_URL", "{org}")
            .set("OKTA_API_TOKEN", "{token}")
            .set("CORALOGIX_QUERY_ENDPOINT", "{ingress}")
            .set("CORALOGIX_QUERY_KEY", "another-key-of-coralogix")
            .flags(&["--from", range[0], "--to", range[1]])
    };
    let day = ["25h", "1h"];
    vec![
        audit("an audit of nothing", day)
            .unset("OKTA_ORG_URL")
            .unset("CORALOGIX_QUERY_ENDPOINT")
            .unset("CORALOGIX_QUERY_KEY")
            .flags(&[]),
        audit("an audit that ends before it begins", ["1h", "25h"]),
        audit("an audit of the future", ["1h", "2999-01-01T00:00:00Z"]),
        audit("an audit of what may not be visible yet", ["25h", "5m"]),
        audit("an audit of what Okta no longer has", ["2400h", "1h"]),
        audit("an audit from a day without a time", ["2026-11-22", "1h"]),
        audit("the key of the sink as the key of queries", day).set("CORALOGIX_QUERY_KEY", "{key}"),
        audit("the token of Okta as the key of queries", day).set("CORALOGIX_QUERY_KEY", "{token}"),
        audit("a key of queries that was revoked", day),
        audit("a tier that there is not", day)
            .flags(&["--from", "25h", "--to", "1h", "--tier", "high"]),
        audit("a path of the uuid that is none", day).flags(&[
            "--from",
            "25h",
            "--to",
            "1h",
            "--uuid-path",
            "$m.logid",
        ]),
        audit("more than nothing is forced without a refill", day)
            .flags(&["--from", "25h", "--to", "1h", "--force"]),
        audit("a refill without the key of the sink", day)
            .unset("CORALOGIX_API_KEY")
            .flags(&["--from", "25h", "--to", "1h", "--refill"]),
        audit("an audit with dead letters that replicas share", day)
            .set("OKTA_CORALOGIX_DEAD_LETTERS", "state"),
        http("a receiver without a key of the connection").unset("EVENTBRIDGE_API_KEY"),
        http("a key of the connection with a byte order mark")
            .set("EVENTBRIDGE_API_KEY", "\u{feff}chosen freely"),
        http("a file of the key of the connection in UTF-16")
            .unset("EVENTBRIDGE_API_KEY")
            .set("EVENTBRIDGE_API_KEY_FILE", "key")
            .file("key", b"\xfe\xff\0k"),
        http("a key of the connection and its file").set("EVENTBRIDGE_API_KEY_FILE", "key"),
        http("a user without a password in `EVENTBRIDGE_BASIC`").set("EVENTBRIDGE_BASIC", "user"),
        http("an address that this host does not have").set("LISTEN", "192.0.2.1:8080"),
        http("a listener for operators at the address of the endpoint")
            .set("LISTEN", "127.0.0.1:8080")
            .flags(&["--admin-listen", "8080"]),
        http("a path of the endpoint without a slash").flags(&["--path", "okta"]),
        http("a header with a space").flags(&["--api-key-header", "api key"]),
        http("the token of Okta as the key of a receiver").set("CORALOGIX_API_KEY", "{token}"),
        sqs("a queue's name in place of its URL").set("SQS_QUEUE_URL", "okta"),
        sqs("a receiver without a queue and a key")
            .unset("SQS_QUEUE_URL")
            .unset("CORALOGIX_API_KEY"),
        lambda("a function that is started by hand").unset("AWS_LAMBDA_RUNTIME_API"),
        lambda("dead letters in the temporary folder of a function")
            .set("OKTA_CORALOGIX_DEAD_LETTERS", "/tmp/dead-letters.ndjson"),
        program("replay", "a replay of a file that does not exist")
            .flags(&["--dead-letters", "letters.ndjson"]),
        program("replay", "a replay of the log").flags(&["--dead-letters", "-"]),
        program(
            "replay",
            "a replay of the dead letters of `--state`, without it",
        )
        .flags(&["--dead-letters", "state"]),
        program("replay", "a replay with `--state` of letters in a file")
            .flags(&["--state", "s3://bucket/okta"]),
        program("service_logs", "an application with an empty name")
            .set("CORALOGIX_APPLICATION", " "),
    ]
}
