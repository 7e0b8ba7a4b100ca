//! Entries as lines.

use std::io;
use std::sync::Arc;

use okta_coralogix_core::sink::{BatchLimits, EncodeError, NdjsonSink};
use okta_coralogix_core::{EntryText, ErrorKind, LogSink};
use serde_json::Value;

use super::entries;
use crate::faulty_disk::{Fault, FaultyDisk};

fn lines(path: &std::path::Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn ndjson_entry_with_embedded_newlines_stays_on_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("entries.ndjson");
    let sink = NdjsonSink::file(&path);
    let mut entries = entries(2);
    entries[1].text = EntryText::Embedded("{\"a\":\r\n [1,\n2],\"b\":\"\\n\"}".into());
    let batch = sink.encode(&entries).unwrap();
    sink.send(&batch).await.unwrap();
    let lines = lines(&path);
    assert_eq!(
        lines[0],
        r#"{"applicationName":"shop","subsystemName":"checkout","severity":3,"text":"{\"order\":0}"}"#
    );
    let second: Value = serde_json::from_str(&lines[1]).unwrap();
    assert_eq!(second["text"], serde_json::json!({"a": [1, 2], "b": "\n"}));
    assert_eq!(lines.len(), 2);
}

#[tokio::test]
async fn torn_ndjson_line_is_ended_and_the_request_written_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("entries.ndjson");
    std::fs::write(&path, "a line that a crash has to").unwrap();
    let disk = FaultyDisk::default();
    let sink = NdjsonSink::file_on(Arc::new(disk.clone()), &path);
    let batch = sink.encode(&entries(2)).unwrap();
    disk.set(Fault::Append(io::ErrorKind::StorageFull));
    let error = sink.send(&batch).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Storage);
    assert!(error.to_string().contains("the disk is full"), "{error}");
    disk.set(None);
    sink.send(&batch).await.unwrap();
    sink.send(&batch).await.unwrap();
    let lines = lines(&path);
    assert_eq!(lines[0], "a line that a crash has to");
    let whole = |line: &&String| serde_json::from_str::<Value>(line).is_ok();
    assert_eq!(lines[lines.len() - 4..].iter().filter(whole).count(), 4);
}

#[test]
fn ndjson_encoding_refuses_oversized_and_invalid_entries() {
    let sink = NdjsonSink::stdout().with_limits(BatchLimits::new(10, 100));
    let mut entries = entries(3);
    assert_eq!(
        sink.encode(&entries).unwrap().entries,
        1,
        "100 bytes hold one"
    );
    entries[0].text = EntryText::Escaped(vec![b'x'; 200].into());
    let limit = 100;
    let too_large = matches!(sink.encode(&entries), Err(EncodeError::TooLarge { limit: of, .. }) if of == limit);
    assert!(too_large);
    entries[0].text = EntryText::Embedded(bytes::Bytes::new());
    assert!(matches!(
        sink.encode(&entries),
        Err(EncodeError::Invalid(_))
    ));
    assert!(matches!(sink.encode(&[]), Err(EncodeError::Invalid(_))));
}
