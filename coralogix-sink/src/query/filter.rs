//! Which logs a question is about.

use okta_coralogix_core::Result;

use super::dataprime::{check, literal};

/// Selects logs by the names of their application and subsystem. Without any, all logs that the key can see.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct EventFilter {
    applications: Vec<String>,
    subsystems: Vec<String>,
}

impl EventFilter {
    /// All logs that the key can see.
    pub fn all() -> Self {
        Self::default()
    }

    /// Logs of this application, or of one that was named before.
    ///
    /// # Errors
    /// `Config` if it is empty or has a control character.
    pub fn application(mut self, name: impl Into<String>) -> Result<Self> {
        let name = name.into();
        check("application", &name)?;
        self.applications.push(name);
        Ok(self)
    }

    /// Logs of this subsystem, or of one that was named before.
    ///
    /// # Errors
    /// `Config` if it is empty or has a control character.
    pub fn subsystem(mut self, name: impl Into<String>) -> Result<Self> {
        let name = name.into();
        check("subsystem", &name)?;
        self.subsystems.push(name);
        Ok(self)
    }

    /// Its conditions, each complete in itself.
    pub(super) fn conditions(&self) -> impl Iterator<Item = String> + '_ {
        let labels = [
            ("$l.applicationname", &self.applications),
            ("$l.subsystemname", &self.subsystems),
        ];
        labels
            .into_iter()
            .filter_map(|(label, names)| match &names[..] {
                [] => None,
                [name] => Some(format!("{label} == {}", literal(name))),
                names => {
                    let any: Vec<_> = names
                        .iter()
                        .map(|name| format!("{label} == {}", literal(name)))
                        .collect();
                    Some(format!("({})", any.join(" || ")))
                }
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filter_quotes_the_names_and_joins_them() {
        let conditions = |filter: EventFilter| filter.conditions().collect::<Vec<_>>();
        assert!(conditions(EventFilter::all()).is_empty());
        let filter = EventFilter::all().application("it's").unwrap();
        let filter = filter.subsystem("a").unwrap().subsystem("b").unwrap();
        assert_eq!(
            conditions(filter),
            [
                r"$l.applicationname == 'it\'s'",
                "($l.subsystemname == 'a' || $l.subsystemname == 'b')",
            ]
        );
        for wrong in ["", "  ", "a\nb", "a\0"] {
            let error = EventFilter::all().application(wrong).unwrap_err();
            assert!(error.detail().starts_with("application: "), "{error}");
        }
    }
}
