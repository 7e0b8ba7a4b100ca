//! Taking a JSON value as a Rust type only if nothing of it is lost.

use serde_json::{Map, Number, Value};

/// A type that some JSON values can be taken as, and given back unchanged.
pub(super) trait Json: Sized {
    /// `Err` gives the value back: it is of another type.
    fn from_json(value: Value) -> Result<Self, Value>;

    fn into_json(self) -> Value;
}

impl Json for String {
    fn from_json(value: Value) -> Result<Self, Value> {
        match value {
            Value::String(text) => Ok(text),
            other => Err(other),
        }
    }

    fn into_json(self) -> Value {
        Value::String(self)
    }
}

impl Json for bool {
    fn from_json(value: Value) -> Result<Self, Value> {
        value.as_bool().ok_or(value)
    }

    fn into_json(self) -> Value {
        Value::Bool(self)
    }
}

impl Json for i64 {
    fn from_json(value: Value) -> Result<Self, Value> {
        // With serde_json's `arbitrary_precision`, `-0` too has an integer value but another text.
        match value {
            Value::Number(number) => match number.as_i64() {
                Some(integer) if Number::from(integer) == number => Ok(integer),
                _ => Err(Value::Number(number)),
            },
            other => Err(other),
        }
    }

    fn into_json(self) -> Value {
        Value::from(self)
    }
}

impl Json for Number {
    fn from_json(value: Value) -> Result<Self, Value> {
        match value {
            Value::Number(number) => Ok(number),
            other => Err(other),
        }
    }

    fn into_json(self) -> Value {
        Value::Number(self)
    }
}

impl Json for Value {
    fn from_json(value: Value) -> Result<Self, Value> {
        Ok(value)
    }

    fn into_json(self) -> Value {
        self
    }
}

impl Json for Map<String, Value> {
    fn from_json(value: Value) -> Result<Self, Value> {
        match value {
            Value::Object(members) => Ok(members),
            other => Err(other),
        }
    }

    fn into_json(self) -> Value {
        Value::Object(self)
    }
}

/// All or nothing: one element of another type makes the array one.
impl<T: Json> Json for Vec<T> {
    fn from_json(value: Value) -> Result<Self, Value> {
        let elements = match value {
            Value::Array(elements) => elements,
            other => return Err(other),
        };
        let mut taken = Self::with_capacity(elements.len());
        let mut elements = elements.into_iter();
        while let Some(element) = elements.next() {
            match T::from_json(element) {
                Ok(element) => taken.push(element),
                Err(odd) => {
                    let before = taken.into_iter().map(T::into_json);
                    return Err(before.chain([odd]).chain(elements).collect());
                }
            }
        }
        Ok(taken)
    }

    fn into_json(self) -> Value {
        self.into_iter().map(T::into_json).collect()
    }
}
