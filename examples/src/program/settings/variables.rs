//! Settings that are variables or keys and no flags: addresses, secrets, and what other programs of the machine read too.
//!
//! Their values are read where they are used, most of them by the libraries.

use super::About;

/// The settings of one end.
#[derive(Debug, Clone, Copy)]
pub struct Variables {
    /// What they are about.
    pub title: &'static str,
    /// All of them.
    pub settings: &'static [About],
}

const fn variable(variable: &'static str, key: &'static str, builder: &'static str) -> About {
    About {
        variable,
        key,
        builder,
        default: "required",
        reason: "there is no other way to know it",
        ..About::NONE
    }
}

/// The file of a secret that may also be in a variable.
const fn in_file(name: &'static str, builder: &'static str) -> About {
    variable(name, "", builder).by_default("none", "a secret in a variable needs no file")
}

impl About {
    const fn by_default(mut self, default: &'static str, reason: &'static str) -> Self {
        self.default = default;
        self.reason = reason;
        self
    }

    const fn means(mut self, help: &'static str) -> Self {
        self.help = help;
        self
    }
}

/// Where entries go: of every program.
pub const CORALOGIX: Variables = Variables {
    title: "Coralogix: every program",
    settings: &[
        variable("CORALOGIX_DOMAIN", "coralogix.domain", "CoralogixSinkBuilder::domain")
            .means("A region (EU1 EU2 US1 US2 US3 AP1 AP2 AP3) or a domain (eu2.coralogix.com)")
            .by_default("this or the next", "a wrong guess would send an audit log to another continent"),
        variable("CORALOGIX_ENDPOINT", "coralogix.endpoint", "CoralogixSinkBuilder::endpoint")
            .means("A base URL in place of the domain; http on loopback only")
            .by_default("none", "the domain is enough unless something stands before the ingress"),
        variable("CORALOGIX_API_KEY", "coralogix.api_key", "CoralogixSinkBuilder::api_key")
            .means("The Send-Your-Data API key"),
        in_file("CORALOGIX_API_KEY_FILE", "CoralogixSinkBuilder::api_key_from").means("The file of the key, in its place; read again when Coralogix refuses the key"),
        variable("CORALOGIX_APPLICATION", "coralogix.application", "CoralogixMappingBuilder::application")
            .means("The application name")
            .by_default("okta; service_logs: services", "the product that the entries come from"),
        variable("CORALOGIX_SUBSYSTEM", "subsystem", "CoralogixMappingBuilder::subsystem")
            .means("The subsystem name of every log")
            .by_default(
                "the org's subdomain; EventBridge: the log stream's name; service_logs: stdin; required in the file",
                "it tells orgs apart",
            ),
        variable("OKTA_CORALOGIX_HASH_SALT", "hash_salt", "Redaction::hash_field")
            .means("The salt of the hashed fields; a secret. Not in service_logs")
            .by_default("required with hashed fields", "without a salt of one's own the digests could be looked up"),
        in_file("OKTA_CORALOGIX_HASH_SALT_FILE", "Redaction::hash_field").means("The file of the salt, in its place"),
    ],
};

/// Where it is asked what is stored: of `audit`, and of audits beside the delivery.
pub const QUERY: Variables = Variables {
    title: "Coralogix's queries: audit, --audit-every",
    settings: &[
        variable("CORALOGIX_QUERY_ENDPOINT", "coralogix.query_endpoint", "QueryClientBuilder::query_endpoint")
            .means("A base URL in place of https://api.<domain>; http on loopback only. The older host is https://ng-api-http.<domain>")
            .by_default("that of CORALOGIX_DOMAIN", "the domain is enough unless something stands before the API"),
        variable("CORALOGIX_QUERY_KEY", "coralogix.query_key", "QueryClientBuilder::query_key")
            .means("An API key with the preset DataQuerying; a Send-Your-Data key cannot query"),
        in_file("CORALOGIX_QUERY_KEY_FILE", "QueryClientBuilder::query_key_from")
            .means("The file of that key, in its place; read again when Coralogix refuses the key"),
    ],
};

/// Where events come from: of `pull`.
pub const OKTA: Variables = Variables {
    title: "Okta: pull, audit, --audit-every, --heal-after",
    settings: &[
        variable("OKTA_ORG_URL", "org_url", "OktaSourceBuilder::org_url")
            .means("The address of the org, not of its Admin Console: https://example.okta.com"),
        variable("", "okta_domain", "OktaSourceBuilder::org_url")
            .means("The older name of org_url")
            .by_default("none", "files of earlier releases have it"),
        variable("", "account", "CoralogixMappingBuilder::subsystem")
            .means("The older name of subsystem")
            .by_default("none", "files of earlier releases have it"),
        variable("", "name", "PipelineBuilder::name")
            .means("The name of an integration, in the log, metrics, dead letters, and of its checkpoint"),
        variable("OKTA_API_TOKEN", "api_token", "OktaSourceBuilder::api_token")
            .means("The API token")
            .by_default("this, or a client id", "either is enough, and two would be ambiguous"),
        variable("OKTA_API_CLIENT_ID", "client_id", "OktaSourceBuilder::credentials")
            .means("The client id of a service app, in place of a token. These variables are those of the Okta Terraform provider")
            .by_default("none", "a token needs none"),
        variable("OKTA_API_PRIVATE_KEY", "private_key", "OktaSourceBuilder::credentials")
            .means("Its private key, or the path of the key's file: PEM (PKCS#8, PKCS#1, SEC1) or a JWK, without password")
            .by_default("required with a client id", "the app proves with it who it is"),
        variable("OKTA_API_PRIVATE_KEY_ID", "private_key_id", "OktaSourceBuilder::credentials")
            .means("The kid of the key, as the app's page shows it")
            .by_default("that of the JWK", "an app with one key needs none"),
        variable("OKTA_API_SCOPES", "scopes", "OktaSourceBuilder::credentials")
            .means("The scopes to ask for, separated by commas; a list in the file")
            .by_default("okta.logs.read", "the least that reads the log"),
        variable("OKTA_API_CLIENT_SECRET", "client_secret", "OktaSourceBuilder::credentials")
            .means("The client secret of an API service integration, in place of the key")
            .by_default("none", "a private key is safer"),
        in_file("OKTA_API_TOKEN_FILE", "OktaSourceBuilder::credentials_from").means("The file of the token, in its place; read again when Okta refuses the token"),
        in_file("OKTA_API_PRIVATE_KEY_FILE", "OktaSourceBuilder::credentials_from").means("The file of the key, in its place; read again when Okta refuses the credential"),
        in_file("OKTA_API_CLIENT_SECRET_FILE", "OktaSourceBuilder::credentials_from").means("The file of the client secret, in its place; read again when Okta refuses the credential"),
        variable("", "coralogix", "CoralogixSinkBuilder::from_config")
            .means("The table of an integration's own destination; what it does not say is that of the table at the top")
            .by_default("that at the top of the file", "most orgs go to one place"),
        variable("", "integration", "")
            .means("The tables of the orgs, one or more"),
    ],
};

/// Who may send: of the programs of the EventBridge route.
pub const EVENTBRIDGE: Variables = Variables {
    title: "EventBridge: eventbridge_http, eventbridge_lambda",
    settings: &[
        variable("LISTEN", "", "HttpSource::serve")
            .means("eventbridge_http: address and port; a bare port is on 127.0.0.1")
            .by_default("127.0.0.1:8080", "TLS ends in front of the program, and nothing else is to reach it"),
        variable("EVENTBRIDGE_API_KEY", "", "HttpSourceBuilder::api_key")
            .means("The value of the connection's API key; eventbridge_lambda: of requests to the function's URL")
            .by_default("this or one of the next; eventbridge_lambda: none", "a request without a credential is not EventBridge's"),
        variable("EVENTBRIDGE_API_KEY_PREVIOUS", "", "HttpSourceBuilder::api_key")
            .means("A second key that is accepted, during a rotation")
            .by_default("none", "one key is enough between rotations"),
        in_file("EVENTBRIDGE_API_KEY_FILE", "HttpSourceBuilder::api_key").means("The file of the key, in its place"),
        in_file("EVENTBRIDGE_API_KEY_PREVIOUS_FILE", "HttpSourceBuilder::api_key").means("The file of the second key, in its place"),
        variable("EVENTBRIDGE_BASIC", "", "HttpSourceBuilder::basic")
            .means("eventbridge_http: user:password, for a connection with basic authorization")
            .by_default("none", "an API key is enough"),
        in_file("EVENTBRIDGE_BASIC_FILE", "HttpSourceBuilder::basic").means("eventbridge_http: the file of user:password, in its place"),
        variable("EVENTBRIDGE_BEARER_TOKEN", "", "HttpSourceBuilder::bearer_token")
            .means("eventbridge_http: a fixed token, for a connection with OAuth whose issuer gives out one")
            .by_default("none", "an API key is enough"),
        in_file("EVENTBRIDGE_BEARER_TOKEN_FILE", "HttpSourceBuilder::bearer_token").means("eventbridge_http: the file of the token, in its place"),
        variable("AWS_LAMBDA_RUNTIME_API", "", "")
            .means("eventbridge_lambda: set by Lambda, not by hand"),
    ],
};

/// The queue: of `eventbridge_sqs`.
pub const SQS: Variables = Variables {
    title: "SQS: eventbridge_sqs",
    settings: &[
        variable("SQS_QUEUE_URL", "", "AwsQueue::from_env")
            .means("The URL of the queue"),
        variable("AWS_REGION", "", "AwsQueue::from_env")
            .means("The region to sign for")
            .by_default("that of the queue's URL, else of the profile or the instance", "as other AWS programs"),
        variable("AWS_ACCESS_KEY_ID", "", "AwsQueue::from_env")
            .means("The access key; AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN and what else AWS programs read go with it")
            .by_default("that of the profile, else the role of a container, a pod or an instance", "as other AWS programs"),
        variable("AWS_PROFILE", "", "AwsQueue::from_env")
            .means("The profile of the AWS config files; SSO and credential_process too")
            .by_default("default", "as other AWS programs"),
        variable("AWS_CA_BUNDLE", "", "AwsQueue::from_env")
            .means("A PEM file with the root certificates, in place of the system's")
            .by_default("ca_bundle of the profile, else the system's", "as other AWS programs"),
        variable("AWS_ENDPOINT_URL", "", "AwsQueue::from_env")
            .means("Another address than that of the queue's URL")
            .by_default("the host of the queue's URL", "the URL says where the queue is"),
    ],
};

/// What other programs of the machine read too.
pub const MACHINE: Variables = Variables {
    title: "The machine: every program",
    settings: &[
        variable("RUST_LOG", "", "")
            .means("What is logged: a level such as warn, or levels of parts such as info,okta_source=debug")
            .by_default("info", "a line a minute, and what went wrong"),
        variable("NO_COLOR", "", "")
            .means("Set to anything: no colours")
            .by_default("colours on a terminal", "as other programs"),
        variable("HTTPS_PROXY", "", "ProxySettings::from_env")
            .means("The HTTP proxy, also in small letters; before ALL_PROXY")
            .by_default("none", "as other programs"),
        variable("ALL_PROXY", "", "ProxySettings::from_env")
            .means("The HTTP proxy where HTTPS_PROXY is not set")
            .by_default("none", "as other programs"),
        in_file("OKTA_CORALOGIX_PROXY_FILE", "ReqwestTransportBuilder::proxy").means("The file of the value of OKTA_CORALOGIX_PROXY, in its place, since it may have a password"),
        variable("NO_PROXY", "", "ProxySettings::except_env")
            .means("Hosts that are asked directly: *, domains with all below them, addresses, networks, each also with :port")
            .by_default("none", "as other programs"),
        variable("SSL_CERT_FILE", "", "")
            .means("A PEM file with the root certificates, in place of the system's")
            .by_default("the system's", "as other programs"),
        variable("SSL_CERT_DIR", "", "")
            .means("A folder with root certificates, in place of the system's")
            .by_default("the system's", "as other programs"),
    ],
};

/// All of them.
pub const ALL: [Variables; 6] = [CORALOGIX, QUERY, OKTA, EVENTBRIDGE, SQS, MACHINE];

/// The variables that may be in a file in their place, which `<name>_FILE` names: those of secrets.
pub fn in_files() -> impl Iterator<Item = &'static str> {
    let names = || {
        ALL.iter()
            .flat_map(|group| group.settings)
            .map(|setting| setting.variable)
    };
    names().filter_map(move |file| {
        let name = file.strip_suffix("_FILE")?;
        names().any(|known| known == name).then_some(name)
    })
}
