//! The flags of the command line, made from the declarations.

use std::fmt;
use std::marker::PhantomData;

use clap::{ArgMatches, Args, Command, FromArgMatches};

use super::{About, Values};
use crate::program::Environment;

/// Settings whose flags stand together in the help.
pub trait Group: 'static {
    /// All of them.
    const SETTINGS: &'static [&'static About];
}

/// The flags of a group as they were given.
pub struct Flags<G> {
    given: Given,
    group: PhantomData<G>,
}

/// Flags and their values.
#[derive(Clone, Default)]
pub struct Given(Vec<(&'static str, String)>);

impl<G: Group> Flags<G> {
    /// These, else the variables of the same settings.
    #[must_use]
    pub fn values<'a>(&'a self, environment: &'a Environment) -> Values<'a> {
        Values::of(environment).flags(&self.given)
    }

    /// The flags that were given.
    #[must_use]
    pub fn given(&self) -> &Given {
        &self.given
    }

    /// These, and one more that was not given.
    #[must_use]
    pub fn and(mut self, about: &'static About, value: &str) -> Self {
        self.given.0.push((about.flag, value.to_owned()));
        self
    }

    /// These flags.
    #[must_use]
    pub fn with(values: &[(&'static About, &str)]) -> Self {
        let given = values
            .iter()
            .map(|(about, value)| (about.flag, (*value).to_owned()));
        Self {
            given: Given(given.collect()),
            group: PhantomData,
        }
    }
}

impl Given {
    /// The value of a flag; `true` if it takes none.
    #[must_use]
    pub fn get(&self, about: &About) -> Option<&str> {
        let found = self.0.iter().find(|(flag, _)| *flag == about.flag)?;
        Some(&found.1)
    }
}

impl<G> Clone for Flags<G> {
    fn clone(&self) -> Self {
        Self {
            given: self.given.clone(),
            group: PhantomData,
        }
    }
}

impl<G> Default for Flags<G> {
    fn default() -> Self {
        Self {
            given: Given::default(),
            group: PhantomData,
        }
    }
}

/// Without the values, among which is the password of a proxy.
impl fmt::Debug for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|(flag, _)| flag))
            .finish()
    }
}

impl<G> fmt::Debug for Flags<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.given.fmt(f)
    }
}

impl<G: Group> Args for Flags<G> {
    fn augment_args(command: Command) -> Command {
        let settings = G::SETTINGS.iter();
        settings.fold(command, |command, about| command.arg(about.arg()))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<G: Group> FromArgMatches for Flags<G> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut flags = Self::default();
        flags.update_from_arg_matches(matches)?;
        Ok(flags)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.given.0.clear();
        for about in G::SETTINGS {
            let value = match about.value {
                "" => matches.get_flag(about.name()).then(|| "true".to_owned()),
                _ => matches.get_one::<String>(about.name()).cloned(),
            };
            self.given.0.extend(value.map(|value| (about.flag, value)));
        }
        Ok(())
    }
}
