//! The elements of a page, up to a limit.

use std::fmt;

use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::event::fields::Fields;

/// The element limit of a page, a hundred times Okta's: each element costs some hundred bytes however small it is.
pub(super) const MAX_ELEMENTS: usize = 100_000;

/// The elements of an array of at most [`MAX_ELEMENTS`].
pub(super) struct LimitedElements<'a>(pub(super) Vec<Fields<'a>>);

impl<'de> Deserialize<'de> for LimitedElements<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Elements;

        impl<'de> Visitor<'de> for Elements {
            type Value = LimitedElements<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "an array of at most {MAX_ELEMENTS} elements")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut elements = Vec::new();
                while let Some(fields) = seq.next_element()? {
                    if elements.len() == MAX_ELEMENTS {
                        return Err(A::Error::invalid_length(elements.len() + 1, &self));
                    }
                    elements.push(fields);
                }
                Ok(LimitedElements(elements))
            }
        }

        deserializer.deserialize_seq(Elements)
    }
}
