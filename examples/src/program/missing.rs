//! All settings that are missing, in one message.

use okta_coralogix_core::{Error, Result};

use super::Environment;

/// Settings that a message lists, at most.
const LISTED: usize = 12;

/// The settings without which a run cannot start, as far as they are missing.
#[derive(Debug, Default)]
pub struct Missing(Vec<(String, String)>);

impl Missing {
    /// Adds a setting with what to do about it. One that was added before is not repeated.
    pub fn add(&mut self, setting: impl Into<String>, detail: impl Into<String>) {
        let entry = (setting.into(), detail.into());
        if !self.0.contains(&entry) {
            self.0.push(entry);
        }
    }

    /// Adds the first of `names` if none of them is set to anything. `what` says to what to set it.
    pub fn require(&mut self, environment: &Environment, names: &[&str], what: &str) {
        if names.iter().any(|name| is_filled(environment, name)) {
            return;
        }
        let empty = names.iter().find(|name| environment.has(name));
        match (empty, names.first()) {
            (Some(name), _) => self.add(*name, format!("is empty; set it to {what}")),
            (None, Some(name)) => self.add(*name, format!("is not set; set it to {what}")),
            (None, None) => {}
        }
    }

    /// # Errors
    /// `Config`, which names all that were added.
    pub fn check(self) -> Result<()> {
        match &self.0[..] {
            [] => Ok(()),
            [(setting, detail)] => Err(Error::config(setting, detail)),
            all => {
                let list = (1..).zip(all);
                let list = list.map(|(n, (setting, detail))| format!("({n}) {setting}: {detail}"));
                let list: Vec<_> = list.take(LISTED).collect();
                let more = match all.len().saturating_sub(LISTED) {
                    0 => String::new(),
                    more => format!(", and {more} more"),
                };
                let count = format!("{} settings are missing", all.len());
                Err(Error::config(&count, list.join(", ") + &more))
            }
        }
    }
}

/// True if the variable is set, and not to white space.
#[must_use]
pub fn is_filled(environment: &Environment, name: &str) -> bool {
    let value = environment.raw(name);
    value.is_some_and(|value| !value.to_string_lossy().trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_missing_settings_are_in_one_message() {
        let environment = Environment::new(|name| match name {
            "SET" => Some("x".into()),
            "EMPTY" => Some(" ".into()),
            _ => None,
        });
        let message = |requirements: &[&[&str]]| {
            let mut missing = Missing::default();
            for names in requirements {
                missing.require(&environment, names, "a name");
            }
            missing.check().map_err(|error| error.to_string())
        };
        assert_eq!(
            message(&[&["SET"], &["A", "SET"], &["EMPTY", "SET"]]),
            Ok(())
        );
        assert_eq!(
            message(&[&["A", "B"], &["SET"]]).unwrap_err(),
            "A: is not set; set it to a name"
        );
        assert_eq!(
            message(&[&["A"], &["B", "EMPTY"], &["A"]]).unwrap_err(),
            "2 settings are missing: (1) A: is not set; set it to a name, (2) EMPTY: is empty; set it to a name"
        );
        let many: Vec<_> = (0..20).map(|n| format!("M{n}")).collect();
        let many: Vec<_> = many.iter().map(|name| [name.as_str()]).collect();
        let many: Vec<_> = many.iter().map(|name| &name[..]).collect();
        let found = message(&many).unwrap_err();
        assert!(
            found.ends_with("(12) M11: is not set; set it to a name, and 8 more"),
            "{found}"
        );
    }
}
