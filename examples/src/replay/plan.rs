//! Which letters go where.

use okta_coralogix_core::dead_letter::{DeadLetterTarget, LetterCounts};
use okta_coralogix_core::{Error, Result};

use super::settings::{Places, Settings};

/// Letters of one integration, or those that name none: a pipeline of their own sends them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    /// The integration that the letters name; `None`: those that name none.
    pub(super) integration: Option<String>,
    /// The number of letters.
    pub(super) letters: u64,
}

impl Part {
    fn new(integration: Option<&str>, letters: u64) -> Self {
        Self {
            integration: integration.map(Into::into),
            letters,
        }
    }

    /// What its pipeline is called.
    pub(super) fn name(&self) -> &str {
        self.integration.as_deref().unwrap_or("dead_letters")
    }

    /// True if a letter with this target belongs to it.
    pub(super) fn takes(&self, target: Option<&DeadLetterTarget>) -> bool {
        target.map(|target| &target.integration) == self.integration.as_ref()
    }
}

/// What is sent with `settings`, and how many letters have no place.
///
/// # Errors
/// `Config` if the letters and the settings do not fit.
pub(super) fn plan(
    settings: &Settings,
    counts: &LetterCounts,
) -> Result<(Vec<Part>, LetterCounts)> {
    let (only, kept_in) = (settings.integration.as_deref(), settings.kept_in());
    match &settings.places {
        Places::One(_) => Ok((to_one_place(counts, only, kept_in)?, LetterCounts::new())),
        Places::Integrations(integrations) => {
            let known: Vec<_> = integrations.iter().map(|one| one.name.as_str()).collect();
            to_their_places(counts, &known, only, kept_in)
        }
    }
}

/// All letters to the one place of the settings; with `only` those of that integration.
///
/// # Errors
/// `Config` if the letters are of several integrations, which would all go to one place, or none is of the one that was given.
fn to_one_place(counts: &LetterCounts, only: Option<&str>, kept_in: &str) -> Result<Vec<Part>> {
    if let Some(only) = only {
        let letters = letters_of(counts, only, kept_in)?;
        return Ok(vec![Part::new(Some(only), letters)]);
    }
    if counts.keys().flatten().count() > 1 {
        let detail = format!(
            "holds letters of several integrations ({}), and these settings have one place for all: give --config with the file of the \
             integrations, or --integration with one of the names to send its letters only",
            listed(counts)
        );
        return Err(Error::config("--dead-letters", detail));
    }
    if counts.is_empty() {
        // Its pipeline ends at once, and removes files of which all letters were settled before.
        return Ok(vec![Part::new(None, 0)]);
    }
    Ok(parts_of(counts))
}

fn parts_of(counts: &LetterCounts) -> Vec<Part> {
    let part = |(name, letters): (&Option<String>, &u64)| Part::new(name.as_deref(), *letters);
    counts.iter().map(part).collect()
}

/// The letters of each of the integrations `known` to its own place, and how many there are without one. With `only` those of that
/// integration, and those that name none.
///
/// # Errors
/// `Config` if `only` is not known, or there is no letter for it.
fn to_their_places(
    counts: &LetterCounts,
    known: &[&str],
    only: Option<&str>,
    kept_in: &str,
) -> Result<(Vec<Part>, LetterCounts)> {
    let mut sent = counts.clone();
    if let Some(only) = only {
        if !known.contains(&only) {
            let detail = format!(
                "{only:?} is not in the file of --config: {}",
                known.join(", ")
            );
            return Err(Error::config("--integration", detail));
        }
        sent.retain(|name, _| name.as_deref().is_none_or(|name| name == only));
        if sent.is_empty() {
            letters_of(counts, only, kept_in)?;
        }
        return Ok((parts_of(&sent), LetterCounts::new()));
    }
    let is_known =
        |name: &Option<String>| name.as_deref().is_some_and(|name| known.contains(&name));
    let mut placeless = counts.clone();
    sent.retain(|name, _| is_known(name));
    placeless.retain(|name, _| !is_known(name));
    Ok((parts_of(&sent), placeless))
}

/// Says which parts a replay has not begun that was stopped, and where their letters stay.
pub(super) fn not_begun(parts: &[Part], kept_in: &str) -> String {
    let counts = parts
        .iter()
        .map(|part| (part.integration.clone(), part.letters));
    let counts: LetterCounts = counts.collect();
    let letters: u64 = counts.values().sum();
    format!(
        "the replay was stopped before {letters} letters were begun, which stay in {kept_in} ({}): start it again to send them",
        listed(&counts)
    )
}

/// Says of letters that stay why, and how to send them.
pub(super) fn left(placeless: &LetterCounts, kept_in: &str) -> Option<String> {
    (!placeless.is_empty()).then(|| {
        let letters: u64 = placeless.values().sum();
        format!(
            "{letters} letters stay in {kept_in}, since no integration of --config is theirs ({}): give --integration with the name of theirs to \
             send those that name none, or the settings of one place (CORALOGIX_DOMAIN, CORALOGIX_API_KEY) in place of --config",
            listed(placeless)
        )
    })
}

fn letters_of(counts: &LetterCounts, only: &str, kept_in: &str) -> Result<u64> {
    let letters = counts.get(&Some(only.to_owned()));
    letters.copied().ok_or_else(|| {
        let detail = match counts.is_empty() {
            true => format!("no dead letter is in {kept_in}"),
            false => format!("no letter is of {only:?}: there are {}", listed(counts)),
        };
        Error::config("--integration", detail)
    })
}

/// The most integrations that a message names.
const LISTED: usize = 8;

fn listed(counts: &LetterCounts) -> String {
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

    const FILE: &str = "the file";

    fn counts(of: &[(&str, u64)]) -> LetterCounts {
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
        let error = to_one_place(&counts(&[("a", 3), ("b", 3)]), None, FILE).unwrap_err();
        let error = error.to_string();
        for word in ["--dead-letters", "a: 3, b: 3", "--config", "--integration"] {
            assert!(error.contains(word), "{word}: {error}");
        }
        let parts = to_one_place(&counts(&[("a", 3), ("b", 4)]), Some("b"), FILE).unwrap();
        let [part] = &parts[..] else {
            panic!("{parts:?}");
        };
        assert_eq!(part.letters, 4);
        assert!(part.takes(Some(&target("b"))) && !part.takes(Some(&target("a"))));
        assert!(!part.takes(None));
        let error = to_one_place(&counts(&[("a", 3)]), Some("c"), FILE).unwrap_err();
        assert!(error.to_string().contains("a: 3"), "{error}");
    }

    #[test]
    fn older_letters_and_those_of_one_integration_go_to_the_one_place() {
        for of in [&[("", 5)][..], &[("a", 2)], &[("", 5), ("a", 2)], &[]] {
            let parts = to_one_place(&counts(of), None, FILE).unwrap();
            let expected = if of.is_empty() { &[("", 0)] } else { of };
            assert_eq!(parts.len(), expected.len());
            for (part, (name, letters)) in parts.iter().zip(expected) {
                assert_eq!(part.letters, *letters);
                let (own, other) = (target(name), target("other"));
                let own = (!name.is_empty()).then_some(&own);
                assert!(part.takes(own) && !part.takes(Some(&other)), "{name}");
                assert_eq!(part.takes(None), name.is_empty(), "never as one of {name}");
            }
        }
    }

    #[test]
    fn parts_that_a_stop_leaves_out_are_named_with_their_letters() {
        let parts = [Part::new(None, 4), Part::new(Some("b"), 3)];
        for kept_in in [FILE, "the store of --state"] {
            let said = not_begun(&parts, kept_in);
            let stay = format!("stay in {kept_in}");
            for word in ["7 letters", "without a name: 4", "b: 3", &stay] {
                assert!(said.contains(word), "{word}: {said}");
            }
            let error = letters_of(&counts(&[]), "a", kept_in).unwrap_err();
            let none = format!("no dead letter is in {kept_in}");
            assert!(error.to_string().contains(&none), "{error}");
        }
    }

    #[test]
    fn each_letter_goes_to_its_integration_and_the_others_are_said_to_stay() {
        let all = counts(&[("", 1), ("a", 2), ("b", 3), ("gone", 4)]);
        let (parts, placeless) = to_their_places(&all, &["a", "b", "c"], None, FILE).unwrap();
        let names: Vec<_> = parts
            .iter()
            .map(|part| part.integration.as_deref())
            .collect();
        assert_eq!(names, [Some("a"), Some("b")]);
        assert!(parts.iter().all(|part| !part.takes(None)));
        let said = left(&placeless, FILE).unwrap();
        for word in [
            "5 letters stay",
            "without a name: 1",
            "gone: 4",
            "--integration",
        ] {
            assert!(said.contains(word), "{word}: {said}");
        }
        let (parts, placeless) = to_their_places(&all, &["a", "b"], Some("a"), FILE).unwrap();
        let with_nameless = [Part::new(None, 1), Part::new(Some("a"), 2)];
        assert_eq!(parts, with_nameless);
        assert!(left(&placeless, FILE).is_none());
        let error = to_their_places(&all, &["a", "b"], Some("d"), FILE).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("--integration: \"d\" is not in the file"),
            "{error}"
        );
    }
}
