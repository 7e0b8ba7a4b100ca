//! What is known of a setting without its type.

use clap::{Arg, ArgAction};

use crate::program::args::variable;

/// The names, the default and the meaning of a setting. What it does not have is empty.
#[derive(Debug, Clone, Copy)]
pub struct About {
    /// `--rate-share`.
    pub flag: &'static str,
    /// The variable of a setting without a flag. That of a flag follows from it.
    pub variable: &'static str,
    /// The key in the file of `--config`, below `[[integration]]` or at its top.
    pub key: &'static str,
    /// What its value is called in the help; nothing for a flag without a value.
    pub value: &'static str,
    /// As it is written, if it can be; else what happens instead.
    pub default: &'static str,
    /// Programs with another default.
    pub elsewhere: &'static [(&'static str, &'static str)],
    /// A right value, where the default is none.
    pub example: &'static str,
    /// The flag may also stand behind a command of the program.
    pub is_global: bool,
    /// The method of the library, `OktaSourceBuilder::rate_share`.
    pub builder: &'static str,
    /// One sentence without a full stop.
    pub help: &'static str,
    /// Why the default is what it is.
    pub reason: &'static str,
}

impl About {
    /// Nothing is known.
    pub const NONE: Self = Self {
        flag: "",
        variable: "",
        key: "",
        value: "",
        default: "",
        elsewhere: &[],
        example: "",
        is_global: false,
        builder: "",
        help: "",
        reason: "",
    };

    /// The environment variable.
    #[must_use]
    pub fn variable(&self) -> String {
        match self.flag {
            "" => self.variable.to_owned(),
            flag => variable(flag),
        }
    }

    /// A right value, for messages.
    #[must_use]
    pub fn example(&self) -> &'static str {
        match self.example {
            "" => self.default,
            example => example,
        }
    }

    /// The defaults of all programs: `25s; eventbridge_http: 6s`.
    #[must_use]
    pub fn defaults(&self) -> String {
        let others = self.elsewhere.iter();
        others.fold(self.default.to_owned(), |all, (program, default)| {
            format!("{all}; {program}: {default}")
        })
    }

    /// The default in `program`.
    #[must_use]
    pub fn default_in(&self, program: &str) -> &'static str {
        let other = self.elsewhere.iter().find(|(name, _)| *name == program);
        other.map_or(self.default, |(_, default)| default)
    }

    /// How its key is written in the file of `--config`.
    #[must_use]
    pub fn line_of_file(&self) -> String {
        let (key, example) = (self.key, self.example());
        if self.value.is_empty() {
            return format!("{key} = true");
        }
        match self.value {
            "TYPES" | "PATHS" => format!("{key} = [\"{example}\"]"),
            "SHARE" => format!("{key} = {example}"),
            _ if example.contains('"') => format!("{key} = '{example}'"),
            _ => format!("{key} = \"{example}\""),
        }
    }

    /// The flag without its hyphens.
    pub(super) fn name(&self) -> &'static str {
        self.flag.trim_start_matches('-')
    }

    pub(super) fn arg(&self) -> Arg {
        let arg = Arg::new(self.name())
            .long(self.name())
            .global(self.is_global);
        if self.value.is_empty() {
            return arg.action(ArgAction::SetTrue).help(self.help);
        }
        let help = match self.defaults() {
            defaults if defaults.is_empty() => self.help.to_owned(),
            defaults => format!("{} [default: {defaults}]", self.help),
        };
        arg.value_name(self.value).help(help)
    }
}
