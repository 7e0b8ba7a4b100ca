//! The top-level keys of a JSON object, found in one pass that does not parse their values.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Reads the one JSON value in `text`. Calls `on_key` for each key of an object; returns false if the value is no object.
pub(crate) fn each_key<'de>(
    text: &'de str,
    on_key: impl FnMut(Cow<'de, str>, &'de str),
) -> serde_json::Result<bool> {
    let is_object = text
        .trim_start_matches([' ', '\t', '\n', '\r'])
        .starts_with('{');
    let mut reader = serde_json::Deserializer::from_str(text);
    if is_object {
        reader.deserialize_map(Keys(on_key))?;
    } else {
        IgnoredAny::deserialize(&mut reader)?;
    }
    reader.end()?;
    Ok(is_object)
}

struct Keys<F>(F);

impl<'de, F: FnMut(Cow<'de, str>, &'de str)> Visitor<'de> for Keys<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(Key(key)) = map.next_key()? {
            (self.0)(key, map.next_value::<&RawValue>()?.get());
        }
        Ok(())
    }
}

/// A key, borrowed unless it is written with escapes.
#[derive(serde::Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);
