//! Whether a text can be the secret that its setting asks for, judged before it is sent to anybody.
//!
//! Refused is what is certainly something else, and would give one company's secret to the other. What only looks odd is said, since the
//! forms of secrets are not documented for ever. Secrets that a customer chooses, those of EventBridge's connections, are not judged.

use okta_coralogix_core::internal::text::{is_coralogix_key, is_okta_token, is_secret_form};

use super::misplaced::{MIN_CHARS, is_jwk, is_pem, words};
use crate::program::settings::{About, variables};

/// What a secret is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretKind {
    /// Okta's API token.
    OktaToken,
    /// The client secret of an API service integration.
    OktaClientSecret,
    /// The private key of a service app, which is never sent itself.
    OktaPrivateKey,
    /// Coralogix's Send-Your-Data API key.
    CoralogixKey,
    /// Coralogix's API key for queries.
    CoralogixQueryKey,
}

/// The names of settings: those of variables, or those of keys in the file of `--config`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// `OKTA_API_TOKEN`.
    Variables,
    /// `api_token`.
    Keys,
}

/// The kinds with their names as a variable and as a key.
const SETTINGS: [(SecretKind, [&str; 2]); 5] = [
    (SecretKind::OktaToken, ["OKTA_API_TOKEN", "api_token"]),
    (
        SecretKind::OktaClientSecret,
        ["OKTA_API_CLIENT_SECRET", "client_secret"],
    ),
    (
        SecretKind::OktaPrivateKey,
        ["OKTA_API_PRIVATE_KEY", "private_key"],
    ),
    (
        SecretKind::CoralogixKey,
        ["CORALOGIX_API_KEY", "coralogix, api_key"],
    ),
    // `audit` has no file of many orgs.
    (
        SecretKind::CoralogixQueryKey,
        ["CORALOGIX_QUERY_KEY", "CORALOGIX_QUERY_KEY"],
    ),
];

/// What people paste together with a line of a shell, of Docker or of an `.env` file.
const BEFORE_NAMES: [&str; 3] = ["export ", "set ", "-e "];

/// Pairs of quotes: also those that word processors put.
const QUOTES: [(char, char); 6] = [
    ('"', '"'),
    ('\'', '\''),
    ('`', '`'),
    ('\u{201c}', '\u{201d}'),
    ('\u{201e}', '\u{201c}'),
    ('\u{2018}', '\u{2019}'),
];

/// Characters of a key of Coralogix that is not odd. Its form is not documented.
const KEY_LENGTHS: std::ops::RangeInclusive<usize> = 16..=128;

/// Characters of a client secret, at least.
const MIN_CLIENT_SECRET: usize = 20;

impl SecretKind {
    /// The variables of secrets that are judged.
    pub(super) fn variables() -> impl Iterator<Item = &'static str> {
        SETTINGS.iter().map(|(_, [variable, _])| *variable)
    }

    /// Of a variable, or of the one that names its file.
    #[must_use]
    pub fn of_variable(name: &str) -> Option<Self> {
        let name = name.strip_suffix("_FILE").unwrap_or(name);
        let found = SETTINGS.iter().find(|(_, [known, _])| *known == name);
        found.map(|(kind, _)| *kind)
    }

    /// The name of its setting.
    #[must_use]
    pub fn setting(self, naming: Naming) -> &'static str {
        let found = SETTINGS.iter().find(|(kind, _)| *kind == self);
        let [variable, key] = found.map_or([""; 2], |(_, names)| *names);
        match naming {
            Naming::Variables => variable,
            Naming::Keys => key,
        }
    }

    fn is_of_okta(self) -> bool {
        !matches!(self, Self::CoralogixKey | Self::CoralogixQueryKey)
    }

    fn what(self) -> &'static str {
        match self {
            Self::OktaToken => "an API token of Okta",
            Self::OktaClientSecret => "the client secret of an app in Okta",
            Self::OktaPrivateKey => "the private key of an app in Okta",
            Self::CoralogixKey => "a Send-Your-Data API key of Coralogix",
            Self::CoralogixQueryKey => "an API key of Coralogix with the preset DataQuerying",
        }
    }

    /// Where the right one is found.
    fn where_from(self) -> &'static str {
        match self {
            Self::OktaToken => "write the API token (Okta's Admin Console, Security, API, Tokens)",
            Self::OktaClientSecret => {
                "write the client secret (Okta's Admin Console, the app's General tab)"
            }
            Self::OktaPrivateKey => "write the private key (PEM or JWK)",
            Self::CoralogixKey => {
                "write the Send-Your-Data API key (Coralogix, Settings, API Keys)"
            }
            Self::CoralogixQueryKey => {
                "write an API key with the preset DataQuerying (Coralogix, Settings, API Keys)"
            }
        }
    }
}

/// What is odd about `text`, if anything.
///
/// # Errors
/// Why it cannot be a secret of this kind, and what to write: to stand behind the name of its setting. It repeats nothing of the text.
pub fn judge(kind: SecretKind, naming: Naming, text: &str) -> Result<Option<String>, String> {
    let text = text.trim();
    let advice = kind.where_from();
    if text.starts_with('\u{feff}') {
        let what = "begins with a byte order mark, as some editors put it before a text";
        return Err(format!("{what}; save the file as UTF-8 without it"));
    }
    if let Some(name) = assigned_name(text) {
        return Err(format!(
            "begins with `{name}=`, the name of a setting; write the value alone"
        ));
    }
    if is_quoted(text) {
        return Err("is between quotes, which are no part of it; write it without them".to_owned());
    }
    if let Some((place, char)) = stray(text) {
        return Err(format!(
            "{place} with `{char}`, which is no part of it; write it without"
        ));
    }
    if let Some(form) = unexpanded(text) {
        return Err(format!(
            "is a reference ({form}) that nothing has replaced by the secret; {advice}, or let the reference be replaced"
        ));
    }
    if kind == SecretKind::OktaPrivateKey {
        return Ok(None);
    }
    let private_key = SecretKind::OktaPrivateKey.setting(naming);
    if is_pem(text) {
        let flattened = match text.lines().count() {
            1 => " that has lost its line breaks",
            _ => "",
        };
        return Err(format!(
            "is a key or certificate in PEM{flattened}, not {}; {advice}: a private key belongs into {private_key}",
            kind.what()
        ));
    }
    if text.starts_with('{') || is_jwk(text) {
        return Err(format!(
            "is JSON, not {}; {advice}: a private key (JWK) belongs into {private_key}",
            kind.what()
        ));
    }
    if !kind.is_of_okta() && words(text).any(is_okta_token) {
        let token = SecretKind::OktaToken.setting(naming);
        return Err(format!(
            "has the form of an API token of Okta (42 characters that begin with 00), which would be sent to Coralogix; {advice}, and \
             see whether it and {token} were swapped"
        ));
    }
    let odd = oddities(kind, text);
    Ok((!odd.is_empty()).then(|| {
        format!(
            "looks odd for {}: it {}; copy it again if it is refused",
            kind.what(),
            odd.join(", and ")
        )
    }))
}

/// Why two secrets cannot both be right: to stand behind the name of the setting of `kind`. `None`: they can.
#[must_use]
pub fn judge_pair(
    (kind, text): (SecretKind, &str),
    (other_kind, other_text, other_setting): (SecretKind, &str, &str),
) -> Option<String> {
    let (one, other) = (text.trim(), other_text.trim());
    // Also with a quote or a comma too many.
    let has = |text: &str, part: &str| part.len() >= MIN_CHARS && text.contains(part);
    let is_same = !one.is_empty() && one == other || has(one, other) || has(other, one);
    (is_same && kind.is_of_okta() != other_kind.is_of_okta()).then(|| {
        format!(
            "is the same text as {other_setting}, so that one company would get the secret of the other; {} here, and {} there",
            kind.where_from(),
            other_kind.where_from()
        )
    })
}

/// The name of one of our settings that the text begins with, followed by `=` or `:`, as in a line of a shell or of a file.
fn assigned_name(text: &str) -> Option<&str> {
    let before = BEFORE_NAMES.iter();
    let text = before.fold(text, |text, word| text.strip_prefix(word).unwrap_or(text));
    let (name, _) = text.split_once(['=', ':'])?;
    let name = name.trim().trim_matches('"');
    let settings = variables::ALL.iter().flat_map(|group| group.settings);
    // A key of a table is written without the table.
    let key = |setting: &About| setting.key.rsplit('.').next().unwrap_or_default();
    let mut known = settings.flat_map(|setting| [setting.variable, key(setting)]);
    let known = known.find(|known| !known.is_empty() && known.eq_ignore_ascii_case(name));
    known.or_else(|| is_variable_of_flag(name).then_some(name))
}

/// True for what may be the variable of a flag: each has one.
fn is_variable_of_flag(name: &str) -> bool {
    let flag = name.to_ascii_uppercase();
    let flag = flag.strip_prefix("OKTA_CORALOGIX_");
    flag.is_some_and(|flag| {
        flag.bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte == b'_')
    })
}

fn is_quoted(text: &str) -> bool {
    let mut chars = text.chars();
    let (Some(first), Some(last)) = (chars.next(), chars.next_back()) else {
        return false;
    };
    QUOTES.contains(&(first, last))
}

/// A quote or a separator at one end of the text, as it is left by copying.
fn stray(text: &str) -> Option<(&'static str, char)> {
    let is_quote = |char: &char| {
        QUOTES
            .iter()
            .any(|(open, close)| [open, close].contains(&char))
    };
    let first = text.chars().next().filter(is_quote);
    let last = text.chars().next_back();
    let last = last.filter(|char| is_quote(char) || [',', ';'].contains(char));
    first
        .map(|char| ("begins", char))
        .or_else(|| last.map(|char| ("ends", char)))
}

/// The form of a reference that a shell, a template or a secret manager should have replaced.
fn unexpanded(text: &str) -> Option<&'static str> {
    let is_name = |name: &str| {
        !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    let within = |start, end| text.strip_prefix(start)?.strip_suffix(end);
    if text.contains("${") {
        Some("${…}")
    } else if text.contains("$(") {
        Some("$(…)")
    } else if text.starts_with("{{") || text.contains("{{ ") {
        Some("{{…}}")
    } else if text.strip_prefix('$').is_some_and(is_name) {
        Some("$NAME")
    } else if within('%', '%').is_some_and(is_name) {
        Some("%NAME%")
    } else {
        None
    }
}

fn oddities(kind: SecretKind, text: &str) -> Vec<String> {
    let mut odd = Vec::new();
    let count = text.chars().count();
    if text.is_empty() {
        return odd;
    }
    match kind {
        SecretKind::OktaToken if is_coralogix_key(text) => {
            odd.push("has the form of a key of Coralogix".to_owned());
        }
        SecretKind::OktaToken => {
            if count != 42 {
                odd.push(format!("has {count} characters, not 42"));
            }
            if !text.starts_with("00") {
                odd.push("does not begin with 00".to_owned());
            }
        }
        SecretKind::OktaClientSecret => {
            if is_okta_token(text) {
                odd.push("has the form of an API token".to_owned());
            } else if is_coralogix_key(text) {
                odd.push("has the form of a key of Coralogix".to_owned());
            } else if count < MIN_CLIENT_SECRET {
                odd.push(format!("has {count} characters only"));
            }
        }
        SecretKind::CoralogixKey | SecretKind::CoralogixQueryKey => {
            if !KEY_LENGTHS.contains(&count) {
                odd.push(format!("has {count} characters"));
            }
        }
        SecretKind::OktaPrivateKey => {}
    }
    if text.chars().any(char::is_whitespace) {
        odd.push("has white space in it".to_owned());
    } else if !text.is_ascii() {
        odd.push("has letters outside of ASCII".to_owned());
    } else if !text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    {
        odd.push("has characters other than letters, digits, - and _".to_owned());
    }
    odd
}

/// The name of a variable between backticks, unless it may be the secret itself that was written in its place.
#[must_use]
pub fn show_variable(name: &str) -> Option<&str> {
    let has = |kind: fn(&u8) -> bool| name.as_bytes().iter().any(kind);
    let is_plain = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let starts = name
        .bytes()
        .next()
        .is_some_and(|byte| !byte.is_ascii_digit());
    let is_mixed = has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase);
    let is_short = name.len() <= if is_mixed { 20 } else { 64 };
    let is_word = |word: &str| word.len() <= 20;
    let words_are_short = name.split('_').all(is_word);
    let is_name = is_plain && starts && is_short && words_are_short && !is_secret_form(name);
    is_name.then_some(name)
}
