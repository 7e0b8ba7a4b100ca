//! Dead letters as they stand in a file.

use okta_coralogix_core::dead_letter::DeadLetterRecord;

/// The bytes of each event; lines that a crash has torn are passed over.
pub(crate) fn read(file: &[u8]) -> Vec<Vec<u8>> {
    let lines = file.split(|byte| *byte == b'\n');
    let records = lines.filter_map(|line| serde_json::from_slice::<DeadLetterRecord>(line).ok());
    records.map(|record| record.bytes.to_vec()).collect()
}
