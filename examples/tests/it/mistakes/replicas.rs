//! Mistakes with `--state`. What a store answers is in `replicas::mistakes`.

use super::mistake::{Mistake, config, pull};

pub(super) fn mistakes() -> Vec<Mistake> {
    let state = |what, address: &'static str| pull(what).flags(&["--once", "--state", address]);
    let lease = |what, flags: [&'static str; 2]| {
        pull(what).flags(&["--once", "--state", ".", flags[0], flags[1]])
    };
    vec![
        state("a shared folder that does not exist", "no/such"),
        state("a file as the shared folder", "notes.txt").file("notes.txt", "-"),
        state("a store that is none as `--state`", "ftp://bucket/okta"),
        state("no bucket in `--state`", "s3:///okta"),
        state("a credential in `--state`", "s3://key:marked@bucket/okta"),
        state("a bucket without its region", "s3://bucket/okta"),
        state("a profile of AWS for `--state`", "s3://bucket/okta")
            .set("AWS_PROFILE", "prod")
            .set("AWS_REGION", "eu-central-1"),
        pull("a file of the position beside `--state`").flags(&[
            "--once",
            "--state",
            ".",
            "--checkpoint",
            "cp",
        ]),
        config(
            "the key of a file of the position beside `--state`",
            "poll_interval = \"30s\"",
            "checkpoint = \"cp\"",
        )
        .flags(&["--once", "--config", "orgs.toml", "--state", "."]),
        config(
            "an integration with a name that no shared log can have",
            "name = \"acme\"",
            "name = \"acme.tmp\"",
        )
        .flags(&["--once", "--config", "orgs.toml", "--state", "."]),
        lease("a lease that is too short", ["--lease-ttl", "5s"]),
        lease(
            "a look that is as rare as the lease",
            ["--lease-poll", "20s"],
        ),
        pull("a lease without replicas").flags(&["--once", "--lease-ttl", "60s"]),
        pull("a lease without replicas, as a variable").set("OKTA_CORALOGIX_LEASE_TTL", "60s"),
        pull("an audit beside several replicas")
            .set("CORALOGIX_QUERY_KEY", "another-key-of-coralogix")
            .set("CORALOGIX_QUERY_ENDPOINT", "{ingress}")
            .flags(&["--state", ".", "--audit-every", "1h"]),
        pull("a range by several replicas").flags(&["--state", ".", "--from", "2h", "--to", "1h"]),
    ]
}
