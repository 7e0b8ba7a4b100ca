//! Values of keys in the file of `--config`.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Value;

/// The keys of a table that are settings of the programs too, with values of any form.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(transparent)]
pub struct KeyValues(BTreeMap<String, Value>);

impl KeyValues {
    /// These, with the values of `other` for keys that are not set.
    #[must_use]
    pub fn or(mut self, other: &Self) -> Self {
        for (key, value) in &other.0 {
            self.0.entry(key.clone()).or_insert_with(|| value.clone());
        }
        self
    }

    /// The value as a flag would have it: a list has commas. `Err` has the form that is none.
    ///
    /// # Errors
    /// What the value is instead of a text, a number, true, false or a list of texts.
    pub fn get(&self, key: &str) -> Option<Result<String, &'static str>> {
        self.0.get(key).map(text)
    }
}

fn text(value: &Value) -> Result<String, &'static str> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Integer(number) => Ok(number.to_string()),
        Value::Float(number) => Ok(number.to_string()),
        Value::Boolean(value) => Ok(value.to_string()),
        Value::Array(values) => {
            let texts = values.iter().map(Value::as_str);
            let texts: Option<Vec<_>> = texts.collect();
            texts
                .map(|texts| texts.join(","))
                .ok_or("a list of something else than texts")
        }
        Value::Datetime(time) => Ok(time.to_string()),
        Value::Table(_) => Err("a table"),
    }
}
