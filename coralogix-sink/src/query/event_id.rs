//! The identity of an event.

use std::fmt;

use okta_coralogix_core::internal::json::canonical_uuid;

/// The `uuid` of an event, exact: 16 bytes where it is written as UUIDs canonically are, the whole text otherwise.
///
/// Two ids are equal only if their texts are: a UUID in capitals, or in braces, is a text.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventId(Form);

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Form {
    Uuid([u8; 16]),
    Text(Box<str>),
}

impl EventId {
    /// The id with this text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(pack(text).map_or_else(|| Form::Text(text.into()), Form::Uuid))
    }

    pub(super) fn form(&self) -> &Form {
        &self.0
    }
}

impl From<[u8; 16]> for EventId {
    fn from(uuid: [u8; 16]) -> Self {
        Self(Form::Uuid(uuid))
    }
}

/// The text that it was made of.
impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Form::Text(text) => f.write_str(text),
            Form::Uuid(bytes) => {
                for (index, byte) in bytes.iter().enumerate() {
                    if matches!(index, 4 | 6 | 8 | 10) {
                        f.write_str("-")?;
                    }
                    write!(f, "{byte:02x}")?;
                }
                Ok(())
            }
        }
    }
}

/// The bytes of a UUID in its canonical form.
pub(super) fn pack(text: &str) -> Option<[u8; 16]> {
    canonical_uuid(text).map(u128::to_be_bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn uuid_is_packed_in_its_canonical_form_only() {
        let packed = |text| matches!(EventId::new(text).form(), Form::Uuid(_));
        assert!(packed("3bcf1b0a-0f44-11f1-8de9-0242ac120002"));
        for text in [
            "3BCF1B0A-0f44-11f1-8de9-0242ac120002",
            "3bcf1b0a00f44-11f1-8de9-0242ac120002",
            "3bcf1b0a-0f44-11f1-8de9-0242ac12000g",
            "3bcf1b0a-0f44-11f1-8de9-0242ac1200021",
            "3bcf1b0a0f4411f18de90242ac120002",
            "ü3bcf1b0a-0f44-11f1-8de9-0242ac1200",
            "",
        ] {
            assert!(!packed(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn event_id_keeps_its_text(text in "[0-9a-fA-F]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\\PC*") {
            prop_assert_eq!(EventId::new(&text).to_string(), text);
        }
    }
}
