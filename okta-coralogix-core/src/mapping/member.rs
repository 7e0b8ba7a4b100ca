//! Members that a mapping adds to a JSON document.

use bytes::Bytes;
use serde::Serialize;

use super::MappingError;
use crate::json::{Members, substr_range};

/// The document with a text under `key`, at its end. One that has something under this key is left as it is.
pub(super) fn with_label(document: &Bytes, key: &str, value: &str) -> Result<Bytes, MappingError> {
    let document_text = text_of(document)?;
    let members = members_of(document_text)?;
    if members.values(key).next().is_some() {
        return Ok(document.clone());
    }
    Ok(appended(document_text, &members, key, &json_of(value)?))
}

/// The document with `value` under `key`: in place of what is there, once or several times and however the key is spelt, else at
/// its end.
pub(super) fn with_member<V: Serialize + ?Sized>(
    document: &Bytes,
    key: &str,
    value: &V,
) -> Result<Bytes, MappingError> {
    let document_text = text_of(document)?;
    let members = members_of(document_text)?;
    let value = json_of(value)?;
    let (mut out, mut copied) = (String::with_capacity(document.len() + value.len()), 0);
    for replaced in members.values(key) {
        let place = substr_range(document_text, replaced);
        out.push_str(&document_text[copied..place.start]);
        out.push_str(&value);
        copied = place.end;
    }
    if copied == 0 {
        return Ok(appended(document_text, &members, key, &value));
    }
    out.push_str(&document_text[copied..]);
    Ok(Bytes::from(out))
}

/// An object with one more member.
fn appended(object: &str, members: &Members<'_>, key: &str, value: &str) -> Bytes {
    // The object's own bracket is the last one, since it was read to its end.
    let end = object.rfind('}').unwrap_or(object.len());
    let comma = match members.iter().next() {
        Some(_) => ",",
        None => "",
    };
    let key = serde_json::Value::from(key);
    let (inside, behind) = object.split_at(end);
    Bytes::from(format!("{inside}{comma}{key}:{value}{behind}"))
}

fn json_of<V: Serialize + ?Sized>(value: &V) -> Result<String, MappingError> {
    serde_json::to_string(value)
        .map_err(|error| MappingError(format!("a member cannot be written: {error}")))
}

fn text_of(document: &[u8]) -> Result<&str, MappingError> {
    std::str::from_utf8(document).map_err(|_| no_object())
}

fn members_of(text: &str) -> Result<Members<'_>, MappingError> {
    Members::of(text).ok_or_else(no_object)
}

fn no_object() -> MappingError {
    MappingError("the text is no JSON object, to which a member could be added".into())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn set(document: &'static str, key: &str, value: &Value) -> String {
        let document = with_member(&Bytes::from_static(document.as_bytes()), key, value).unwrap();
        String::from_utf8(document.into()).unwrap()
    }

    #[test]
    fn member_is_replaced_where_it_stands_and_else_comes_last() {
        let seven = json!(7);
        assert_eq!(set("{}", "a", &seven), r#"{"a":7}"#);
        assert_eq!(set(" { } \n", "a", &seven), " { \"a\":7} \n");
        assert_eq!(
            set(r#"{"b":{"a":"}"}}"#, "a", &seven),
            r#"{"b":{"a":"}"},"a":7}"#
        );
        assert_eq!(
            set(r#"{"a" : [1, 2],"b":1,"\u0061":null}"#, "a", &seven),
            r#"{"a" : 7,"b":1,"\u0061":7}"#
        );
        assert_eq!(set("{}", "q\"\n", &json!("ü\"")), r#"{"q\"\n":"ü\""}"#);
    }

    #[test]
    fn label_never_replaces_what_the_event_says() {
        let label = |document: &'static str| {
            with_label(&Bytes::from_static(document.as_bytes()), "a", "x").unwrap()
        };
        assert_eq!(&label("{}")[..], br#"{"a":"x"}"#);
        assert_eq!(&label(r#"{"b":1}"#)[..], br#"{"b":1,"a":"x"}"#);
        for kept in [r#"{"a":null}"#, r#"{"\u0061":1}"#] {
            assert_eq!(&label(kept)[..], kept.as_bytes());
        }
    }

    #[test]
    fn what_is_no_object_is_left_alone() {
        for other in ["[]", "7", "", "{", "{}x", "\"{}\""] {
            let document = Bytes::from_static(other.as_bytes());
            assert!(with_label(&document, "a", "x").is_err(), "{other}");
            assert!(with_member(&document, "a", "x").is_err(), "{other}");
        }
        assert!(with_member(&Bytes::from_static(b"{\"a\xff\":1}"), "a", "x").is_err());
    }
}
