//! The programs, and the settings that each has.

use std::collections::BTreeSet;

use clap::{Command, CommandFactory};
use okta_coralogix_examples::audit::AuditArgs;
use okta_coralogix_examples::eventbridge::http::HttpArgs;
use okta_coralogix_examples::eventbridge::lambda::LambdaArgs;
use okta_coralogix_examples::eventbridge::sqs::SqsArgs;
use okta_coralogix_examples::program::{Program, args, coralogix, network};
use okta_coralogix_examples::pull::PullArgs;
use okta_coralogix_examples::replay::ReplayArgs;
use okta_coralogix_examples::service_logs::ServiceLogsArgs;

/// What a program reads.
pub(super) struct ProgramSettings {
    pub(super) name: &'static str,
    /// With the hyphens.
    pub(super) flags: BTreeSet<String>,
    /// Those of its commands, which are no settings.
    pub(super) command_flags: BTreeSet<String>,
    /// Those of its flags, too.
    pub(super) variables: BTreeSet<String>,
    /// The texts of the help, by flag.
    pub(super) help: Vec<(String, String)>,
}

impl ProgramSettings {
    fn of<P: Program + CommandFactory>(name: &'static str) -> Self {
        let command = P::command();
        let mut flags = BTreeSet::from(["--help".to_owned(), "--version".to_owned()]);
        let mut help = vec![(
            String::from("about"),
            command.get_long_about().unwrap_or_default().to_string(),
        )];
        let mut variables = BTreeSet::new();
        let own = P::VARIABLES.iter().copied().flatten();
        let own = own.chain(&coralogix::VARIABLES).chain(&network::VARIABLES);
        variables.extend(own.map(ToString::to_string));
        for arg in command.get_arguments() {
            let Some(long) = arg.get_long() else { continue };
            let flag = format!("--{long}");
            variables.insert(args::variable(&flag));
            let text = arg.get_help().map(ToString::to_string);
            help.push((flag.clone(), text.unwrap_or_default()));
            flags.insert(flag);
        }
        let mut command_flags = BTreeSet::new();
        collect(&command, &mut command_flags);
        Self {
            name,
            flags,
            command_flags,
            variables,
            help,
        }
    }
}

fn collect(command: &Command, flags: &mut BTreeSet<String>) {
    for command in command.get_subcommands() {
        let args = command.get_arguments().filter_map(|arg| arg.get_long());
        flags.extend(args.map(|flag| format!("--{flag}")));
        collect(command, flags);
    }
}

/// All of them but `pull_cost`, which has no settings of its own.
pub(super) fn all() -> [ProgramSettings; 7] {
    [
        ProgramSettings::of::<PullArgs>("pull"),
        ProgramSettings::of::<AuditArgs>("audit"),
        ProgramSettings::of::<HttpArgs>("eventbridge_http"),
        ProgramSettings::of::<SqsArgs>("eventbridge_sqs"),
        ProgramSettings::of::<LambdaArgs>("eventbridge_lambda"),
        ProgramSettings::of::<ReplayArgs>("replay"),
        ProgramSettings::of::<ServiceLogsArgs>("service_logs"),
    ]
}
