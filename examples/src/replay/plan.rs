//! Which letters go where.

use std::collections::BTreeMap;

use okta_coralogix_core::dead_letter::DeadLetterTarget;
use okta_coralogix_core::{Error, Result};

/// How many letters each integration has; `None`: letters that name none.
pub(super) type Counts = BTreeMap<Option<String>, u64>;

/// Letters that are replayed to one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    /// The integration; `None`: there is none, and the settings have one place for all letters.
    pub(super) integration: Option<String>,
    /// Its letters, and those that name none.
    pub(super) takes_others: bool,
    /// The number of letters.
    pub(super) letters: u64,
}

impl Part {
    /// What its pipeline is called.
    pub(super) fn name(&self) -> &str {
        self.integration.as_deref().unwrap_or("dead_letters")
    }

    /// True if a letter with this target belongs to it.
    pub(super) fn takes(&self, target: Option<&DeadLetterTarget>) -> bool {
        match target {
            None => self.takes_others,
            Some(target) => self
                .integration
                .as_ref()
                .is_none_or(|integration| *integration == target.integration),
        }
    }
}

/// All letters to the one place of the settings; with `only` those of that integration.
///
/// # Errors
/// `Config` if the letters are of several integrations, which would all go to one place, or none is of the one that was given.
pub(super) fn to_one_place(counts: &Counts, only: Option<&str>) -> Result<Part> {
    if let Some(only) = only {
        let letters = letters_of(counts, only)?;
        return Ok(Part {
            integration: Some(only.to_owned()),
            takes_others: false,
            letters,
        });
    }
    let named: Vec<_> = counts.keys().flatten().collect();
    if named.len() > 1 {
        let detail = format!(
            "holds letters of several integrations ({}), and these settings have one place for all: give --config with the file of the \
             integrations, or --integration with one of the names to send its letters only",
            listed(counts)
        );
        return Err(Error::config("--dead-letters", detail));
    }
    Ok(Part {
        integration: named.first().map(|name| (*name).clone()),
        takes_others: true,
        letters: counts.values().sum(),
    })
}

/// The letters of each of the integrations `known` to its own place, and how many there are without one. With `only` those of that
/// integration, and those that name none.
///
/// # Errors
/// `Config` if `only` is not known, or there is no letter for it.
pub(super) fn to_their_places(
    counts: &Counts,
    known: &[&str],
    only: Option<&str>,
) -> Result<(Vec<Part>, Counts)> {
    if let Some(only) = only {
        if !known.contains(&only) {
            let detail = format!(
                "{only:?} is not in the file of --config: {}",
                known.join(", ")
            );
            return Err(Error::config("--integration", detail));
        }
        let nameless = counts.get(&None).copied().unwrap_or(0);
        let named = match letters_of(counts, only) {
            Err(error) if nameless == 0 => return Err(error),
            letters => letters.unwrap_or(0),
        };
        let part = Part {
            integration: Some(only.to_owned()),
            takes_others: true,
            letters: named + nameless,
        };
        return Ok((vec![part], Counts::new()));
    }
    let mut parts = Vec::new();
    let mut placeless = Counts::new();
    for (integration, letters) in counts {
        match integration {
            Some(name) if known.contains(&name.as_str()) => parts.push(Part {
                integration: Some(name.clone()),
                takes_others: false,
                letters: *letters,
            }),
            _ => {
                placeless.insert(integration.clone(), *letters);
            }
        }
    }
    Ok((parts, placeless))
}

/// Says of letters that stay in the file why, and how to send them.
pub(super) fn left(placeless: &Counts) -> Option<String> {
    (!placeless.is_empty()).then(|| {
        let letters: u64 = placeless.values().sum();
        format!(
            "{letters} letters stay in the file, since no integration of --config is theirs ({}): give --integration with the name of theirs to \
             send those that name none, or the settings of one place (CORALOGIX_DOMAIN, CORALOGIX_API_KEY) in place of --config",
            listed(placeless)
        )
    })
}

fn letters_of(counts: &Counts, only: &str) -> Result<u64> {
    let letters = counts.get(&Some(only.to_owned()));
    letters.copied().ok_or_else(|| {
        let detail = match counts.is_empty() {
            true => "there is no letter in the file of --dead-letters".to_owned(),
            false => format!("no letter is of {only:?}: there are {}", listed(counts)),
        };
        Error::config("--integration", detail)
    })
}

/// The most integrations that a message names.
const LISTED: usize = 8;

fn listed(counts: &Counts) -> String {
    let name = |name: &Option<String>| match name {
        Some(name) => okta_coralogix_core::text::sanitize(name),
        None => "without a name".into(),
    };
    let all = counts.iter().take(LISTED);
    let mut all: Vec<_> = all
        .map(|(integration, letters)| format!("{}: {letters}", name(integration)))
        .collect();
    if counts.len() > LISTED {
        all.push("…".into());
    }
    all.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(of: &[(&str, u64)]) -> Counts {
        let name = |name: &str| Some(name.to_owned()).filter(|name| !name.is_empty());
        of.iter()
            .map(|(of, letters)| (name(of), *letters))
            .collect()
    }

    fn target(name: &str) -> DeadLetterTarget {
        DeadLetterTarget::integration(name)
    }

    #[test]
    fn letters_of_several_integrations_never_go_to_one_place_unasked() {
        let error = to_one_place(&counts(&[("a", 3), ("b", 3)]), None).unwrap_err();
        let error = error.to_string();
        for word in ["--dead-letters", "a: 3, b: 3", "--config", "--integration"] {
            assert!(error.contains(word), "{word}: {error}");
        }
        let part = to_one_place(&counts(&[("a", 3), ("b", 4)]), Some("b")).unwrap();
        assert_eq!(part.letters, 4);
        assert!(part.takes(Some(&target("b"))) && !part.takes(Some(&target("a"))));
        assert!(!part.takes(None));
        let error = to_one_place(&counts(&[("a", 3)]), Some("c")).unwrap_err();
        assert!(error.to_string().contains("a: 3"), "{error}");
    }

    #[test]
    fn older_letters_and_those_of_one_integration_go_to_the_one_place() {
        for (of, letters) in [
            (&[("", 5)][..], 5),
            (&[("a", 2)], 2),
            (&[("", 5), ("a", 2)], 7),
            (&[], 0),
        ] {
            let part = to_one_place(&counts(of), None).unwrap();
            assert_eq!(part.letters, letters);
            assert!(
                part.takes(None)
                    && of
                        .iter()
                        .all(|(name, _)| part.takes(Some(&target(name))) || name.is_empty())
            );
        }
    }

    #[test]
    fn each_letter_goes_to_its_integration_and_the_others_are_said_to_stay() {
        let all = counts(&[("", 1), ("a", 2), ("b", 3), ("gone", 4)]);
        let (parts, placeless) = to_their_places(&all, &["a", "b", "c"], None).unwrap();
        let names: Vec<_> = parts
            .iter()
            .map(|part| part.integration.as_deref())
            .collect();
        assert_eq!(names, [Some("a"), Some("b")]);
        assert!(parts.iter().all(|part| !part.takes(None)));
        let said = left(&placeless).unwrap();
        for word in [
            "5 letters stay",
            "without a name: 1",
            "gone: 4",
            "--integration",
        ] {
            assert!(said.contains(word), "{word}: {said}");
        }
        let (parts, placeless) = to_their_places(&all, &["a", "b"], Some("a")).unwrap();
        assert_eq!(
            (parts.len(), parts[0].letters),
            (1, 3),
            "with those that name none"
        );
        assert!(parts[0].takes(None) && left(&placeless).is_none());
        let error = to_their_places(&all, &["a", "b"], Some("d")).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("--integration: \"d\" is not in the file"),
            "{error}"
        );
    }
}
