//! The settings of what is sent: redaction, and the longest entry.

use coralogix_sink::CoralogixSinkBuilder;
use okta_coralogix_core::mapping::{CoralogixMappingBuilder, Redaction};
use okta_coralogix_core::{Error, Result, Secret};

use super::settings::{About, Flags, Group, Setting, Values, parse};
use super::{Environment, secrets};

/// Fields that are left out.
pub static DROP_FIELDS: Setting<Vec<String>> = Setting {
    about: About {
        flag: "--drop-fields",
        key: "drop_fields",
        value: "PATHS",
        default: "none",
        example: "$.client.ipAddress",
        builder: "Redaction::drop_field",
        help: "Fields of the event that are left out of what is sent, with commas between them: $.client.ipAddress,$.target[*].alternateId. \
               Dead letters keep them",
        reason: "an event is sent as Okta has it unless its owner says otherwise",
        ..About::NONE
    },
    parse: parse::field_paths,
};

/// Fields that are replaced by their digest.
pub static HASH_FIELDS: Setting<Vec<String>> = Setting {
    about: About {
        flag: "--hash-fields",
        key: "hash_fields",
        value: "PATHS",
        default: "none",
        example: "$.actor.alternateId",
        builder: "Redaction::hash_field",
        help: "Fields of the event of which a SHA-256 with the salt is sent in place of the value, written as those of --drop-fields. Dead \
               letters keep the value",
        reason: "as above; the same value gives the same digest, so that events can still be joined",
        ..About::NONE
    },
    parse: parse::field_paths,
};

/// The salt of [`HASH_FIELDS`]. A secret: it has no flag, which the list of processes would show.
pub const HASH_SALT: &str = "OKTA_CORALOGIX_HASH_SALT";
/// The file of the salt.
pub const HASH_SALT_FILE: &str = "OKTA_CORALOGIX_HASH_SALT_FILE";
/// The key of the salt in the file of `--config`.
pub const HASH_SALT_KEY: &str = "hash_salt";

/// The longest entry.
pub static MAX_ENTRY_BYTES: Setting<usize> = Setting {
    about: About {
        flag: "--max-entry-bytes",
        key: "max_entry_bytes",
        value: "BYTES",
        default: "none",
        example: "32KB",
        builder: "CoralogixSinkBuilder::max_entry_bytes",
        help: "The longest entry that is sent, such as 32KB: of a longer one parts of the event are left out, which it then names; one that stays \
               too long is a dead letter",
        reason: "Coralogix documents no limit; IBM Cloud Logs, a sister product, documents 32,000 bytes",
        ..About::NONE
    },
    parse: |about, value| parse::bytes_within(about, value, 1 << 10..=2_000_000),
};

/// The flags of programs that map events.
#[derive(Debug)]
pub struct EntryGroup;

impl Group for EntryGroup {
    const SETTINGS: &'static [&'static About] = &[
        &DROP_FIELDS.about,
        &HASH_FIELDS.about,
        &MAX_ENTRY_BYTES.about,
    ];
}

/// The flag of `service_logs`, whose entries are no events.
#[derive(Debug)]
pub struct EntryLimitGroup;

impl Group for EntryLimitGroup {
    const SETTINGS: &'static [&'static About] = &[&MAX_ENTRY_BYTES.about];
}

/// Those of [`EntryGroup`].
pub type EntryArgs = Flags<EntryGroup>;

/// Those of [`EntryLimitGroup`].
pub type EntryLimitArgs = Flags<EntryLimitGroup>;

/// What is sent of an event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EntrySettings {
    dropped: Vec<String>,
    hashed: Vec<String>,
    /// Of an entry.
    pub max_bytes: Option<usize>,
}

impl EntrySettings {
    /// What is written.
    ///
    /// # Errors
    /// `Config` if a value is wrong.
    pub fn read(values: &Values<'_>) -> Result<Self> {
        Ok(Self {
            dropped: DROP_FIELDS.given(values)?.unwrap_or_default(),
            hashed: HASH_FIELDS.given(values)?.unwrap_or_default(),
            max_bytes: MAX_ENTRY_BYTES.given(values)?,
        })
    }

    /// Those of entries that are no events: only their length is bounded.
    ///
    /// # Errors
    /// `Config` if a value is wrong.
    pub fn read_limit(values: &Values<'_>) -> Result<Self> {
        Ok(Self {
            max_bytes: MAX_ENTRY_BYTES.given(values)?,
            ..Self::default()
        })
    }

    /// A mapping that redacts. `salt`: the setting of the salt, and its value.
    ///
    /// # Errors
    /// `Config` if fields are to be hashed and there is no salt.
    pub fn redact(
        &self,
        mapping: CoralogixMappingBuilder,
        (salt_setting, salt): (&str, Option<Secret>),
    ) -> Result<CoralogixMappingBuilder> {
        let mut redaction = Redaction::new();
        for path in &self.dropped {
            redaction = redaction.drop_field(path)?;
        }
        for path in &self.hashed {
            let Some(salt) = &salt else {
                let detail = format!(
                    "is not set, and {path} is to be hashed; set it to a long random text that nobody else knows, and keep it: with another one \
                     the same value has another digest"
                );
                return Err(Error::config(salt_setting, detail));
            };
            redaction = redaction.hash_field(path, salt.clone())?;
        }
        Ok(match redaction.is_empty() {
            true => mapping,
            false => mapping.redaction(redaction),
        })
    }

    /// A sink with the bound of an entry.
    pub fn bound(&self, sink: CoralogixSinkBuilder) -> CoralogixSinkBuilder {
        match self.max_bytes {
            Some(bytes) => sink.max_entry_bytes(bytes),
            None => sink,
        }
    }
}

/// The salt in its variable, or in the file that the other variable names.
///
/// # Errors
/// `Config` if both are set, the file cannot be read, or it is empty.
pub fn salt(environment: &Environment) -> Result<Option<Secret>> {
    let found = secrets::read(environment, HASH_SALT)?;
    Ok(found.map(|(_, salt)| salt))
}
