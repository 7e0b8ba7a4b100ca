//! Reading a JSON value as a Rust type only if nothing of it is lost.

use serde_json::{Map, Number, Value};

/// A type that some JSON values can be read as, and written again unchanged.
pub(in crate::event) trait FromJson: Sized {
    /// Whether the value can be read as this type.
    fn fits(value: &Value) -> bool;

    /// `None` if it does not fit.
    fn from_json(value: Value) -> Option<Self>;
}

impl FromJson for Value {
    fn fits(_: &Value) -> bool {
        true
    }

    fn from_json(value: Value) -> Option<Self> {
        Some(value)
    }
}

impl FromJson for String {
    fn fits(value: &Value) -> bool {
        value.is_string()
    }

    fn from_json(value: Value) -> Option<Self> {
        match value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }
}

impl FromJson for bool {
    fn fits(value: &Value) -> bool {
        value.is_boolean()
    }

    fn from_json(value: Value) -> Option<Self> {
        value.as_bool()
    }
}

impl FromJson for i64 {
    /// With serde_json's `arbitrary_precision`, `-0` too has an integer value but another text.
    fn fits(value: &Value) -> bool {
        let is_integer =
            |number: &Number| number.as_i64().map(Number::from).as_ref() == Some(number);
        value.as_number().is_some_and(is_integer)
    }

    fn from_json(value: Value) -> Option<Self> {
        value.as_i64()
    }
}

impl FromJson for Number {
    fn fits(value: &Value) -> bool {
        value.is_number()
    }

    fn from_json(value: Value) -> Option<Self> {
        match value {
            Value::Number(number) => Some(number),
            _ => None,
        }
    }
}

impl FromJson for Map<String, Value> {
    fn fits(value: &Value) -> bool {
        value.is_object()
    }

    fn from_json(value: Value) -> Option<Self> {
        match value {
            Value::Object(members) => Some(members),
            _ => None,
        }
    }
}

/// All or nothing: an array does not fit if one of its elements does not.
impl<T: FromJson> FromJson for Vec<T> {
    fn fits(value: &Value) -> bool {
        let elements = value.as_array();
        elements.is_some_and(|elements| elements.iter().all(T::fits))
    }

    fn from_json(value: Value) -> Option<Self> {
        match value {
            Value::Array(elements) => elements.into_iter().map(T::from_json).collect(),
            _ => None,
        }
    }
}
