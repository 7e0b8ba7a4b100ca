//! Equality of request bodies: a peer is timed only once its bodies hold the same entries as ours.

use bytes::Bytes;
use coralogix_sink::DEFAULT_REQUEST_BYTES;
use serde_json::Value;

/// Asserts that two lists of plain bodies hold the same entries, field by field, and that no body is over the limit.
/// A `text` that is a string is compared as the JSON that it holds. Returns how many entries there are.
///
/// # Panics
/// If they differ.
pub fn assert_same(ours: &[Bytes], theirs: &[Bytes], name: &str) -> usize {
    let ours = entries(ours);
    let theirs = entries(theirs);
    assert_eq!(ours.len(), theirs.len(), "number of entries of {name}");
    for (index, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
        assert_eq!(ours, theirs, "entry {index} of {name}");
    }
    ours.len()
}

fn entries(bodies: &[Bytes]) -> Vec<Value> {
    let mut all = Vec::new();
    for body in bodies {
        assert!(body.len() <= DEFAULT_REQUEST_BYTES, "{} bytes", body.len());
        let mut entries: Vec<Value> = serde_json::from_slice(body).expect("a body is a JSON array");
        for entry in &mut entries {
            if let Some(text) = entry["text"].as_str() {
                entry["text"] = serde_json::from_str(text).expect("the text is a JSON document");
            }
        }
        all.append(&mut entries);
    }
    all
}
