//! Which programs print the messages of which files.

const PULL: &[&str] = &["pull"];
const AUDIT: &[&str] = &["audit"];
const HTTP: &[&str] = &["eventbridge_http"];
const SQS: &[&str] = &["eventbridge_sqs"];
const LAMBDA: &[&str] = &["eventbridge_lambda"];
const ROUTE: &[&str] = &["eventbridge_http", "eventbridge_sqs", "eventbridge_lambda"];
const RECEIVERS: &[&str] = &["eventbridge_http", "eventbridge_sqs"];
const SERVICE_LOGS: &[&str] = &["service_logs"];
pub(super) const ALL: &[&str] = &[
    "pull",
    "audit",
    "eventbridge_http",
    "eventbridge_sqs",
    "eventbridge_lambda",
    "replay",
    "service_logs",
];
const PIPELINES: &[&str] = &[
    "pull",
    "audit",
    "eventbridge_http",
    "eventbridge_sqs",
    "eventbridge_lambda",
    "replay",
];

/// The programs that print the messages of a folder or file. The first that fits decides.
pub(super) const PRINTED_BY: &[(&str, &[&str])] = &[
    ("okta-source/src", PULL),
    // Of the record of a log.
    ("okta-coralogix-core/src/checkpoint/shared/record.rs", PULL),
    ("okta-coralogix-core/src/checkpoint/shared/standby.rs", PULL),
    (
        "okta-coralogix-core/src/checkpoint/shared",
        &["pull", "replay"],
    ),
    (
        "okta-coralogix-core/src/checkpoint",
        &["pull", "eventbridge_http", "eventbridge_sqs"],
    ),
    ("okta-coralogix-core/src", ALL),
    ("coralogix-sink/src/query", AUDIT),
    ("coralogix-sink/src/audit", AUDIT),
    ("coralogix-sink/src", ALL),
    ("eventbridge-source/src/http", HTTP),
    ("eventbridge-source/src/sqs", SQS),
    ("eventbridge-source/src/lambda", LAMBDA),
    ("eventbridge-source/src", ROUTE),
    ("examples/src/audit/continuous", PULL),
    ("examples/src/audit", AUDIT),
    ("examples/src/pull/config/source_settings.rs", PULL),
    ("examples/src/pull/config/shared_log.rs", PULL),
    ("examples/src/pull/config", &["pull", "replay", "audit"]),
    ("examples/src/pull/replicas/check.rs", &["pull", "replay"]),
    ("examples/src/pull/replicas/objects", &["pull", "replay"]),
    ("examples/src/pull", PULL),
    ("examples/src/eventbridge/healing", RECEIVERS),
    ("examples/src/eventbridge/http", HTTP),
    ("examples/src/eventbridge/sqs", SQS),
    ("examples/src/eventbridge/lambda", LAMBDA),
    ("examples/src/eventbridge/audit.rs", RECEIVERS),
    ("examples/src/eventbridge", ROUTE),
    ("examples/src/replay", &["replay"]),
    ("examples/src/service_logs", SERVICE_LOGS),
    (
        "examples/src/program/pipeline.rs",
        &["pull", "eventbridge_sqs"],
    ),
    (
        "examples/src/program/pipeline_settings.rs",
        &["pull", "eventbridge_http"],
    ),
    ("examples/src/program/entry_settings.rs", PIPELINES),
    ("examples/src/program/dead_letters.rs", PIPELINES),
    ("examples/src/program/state_dir.rs", PIPELINES),
    (
        "examples/src/program/admin",
        &[
            "pull",
            "eventbridge_http",
            "eventbridge_sqs",
            "replay",
            "service_logs",
        ],
    ),
    // Each message names the flag of the program that has it; the help is looked at by program.
    ("examples/src/program/settings/variables.rs", &[]),
    ("examples/src", ALL),
];
