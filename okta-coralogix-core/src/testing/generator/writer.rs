//! Writes JSON text in the order of the calls, whatever features `serde_json` was built with.

use std::fmt::Display;

/// JSON text that is being written.
#[derive(Debug, Default)]
pub(super) struct Writer {
    text: String,
}

impl Writer {
    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    pub(super) fn finish(self) -> String {
        self.text
    }

    /// `"key":"value"`, escaped.
    pub(super) fn string(&mut self, key: &str, value: &str) {
        self.key(key);
        self.quoted(value);
    }

    /// `"key":"value"`, with everything beyond ASCII in `\u` escapes.
    pub(super) fn escaped(&mut self, key: &str, value: &str) {
        self.key(key);
        let mut quoted = Self::default();
        quoted.quoted(value);
        for unit in quoted.text.encode_utf16() {
            match u8::try_from(unit) {
                Ok(byte) if byte.is_ascii() => self.text.push(char::from(byte)),
                _ => self.text.push_str(&format!("\\u{unit:04x}")),
            }
        }
    }

    /// `"key":json`, where `json` is a number, `true`, `null` or other text that is JSON already.
    pub(super) fn raw(&mut self, key: &str, json: impl Display) {
        self.key(key);
        self.text.push_str(&json.to_string());
    }

    /// `"key":{…}`
    pub(super) fn object(&mut self, key: &str, write: impl FnOnce(&mut Self)) {
        self.key(key);
        self.element(write);
    }

    /// `"key":[…]`; `write` adds the elements.
    pub(super) fn array(&mut self, key: &str, write: impl FnOnce(&mut Self)) {
        self.key(key);
        self.text.push('[');
        write(self);
        self.text.push(']');
    }

    /// `{…}`, as the whole text or an element of an array.
    pub(super) fn element(&mut self, write: impl FnOnce(&mut Self)) {
        self.comma();
        self.text.push('{');
        write(self);
        self.text.push('}');
    }

    fn key(&mut self, key: &str) {
        self.comma();
        self.quoted(key);
        self.text.push(':');
    }

    fn comma(&mut self) {
        if !matches!(self.text.as_bytes().last(), None | Some(b'{' | b'[' | b':')) {
            self.text.push(',');
        }
    }

    fn quoted(&mut self, value: &str) {
        let quoted = serde_json::to_string(value).expect("a string always serialises");
        self.text.push_str(&quoted);
    }
}
