//! Reads the body of a request.

use std::io::Read;

use flate2::read::MultiGzDecoder;
use http::HeaderMap;
use http::header::CONTENT_ENCODING;
use serde_json::value::RawValue;

use super::arrival::Arrival;

/// The most bytes of a body after decompression.
const MAX_UNCOMPRESSED_BYTES: u64 = 64 * 1024 * 1024;

/// A body that could be read.
#[derive(Debug)]
pub(super) struct Singles {
    pub(super) entries: Vec<Arrival>,
    pub(super) plain_bytes: usize,
}

/// Why a body could not be read, and the counts that are known.
#[derive(Debug)]
pub(super) struct BadBody {
    pub(super) reason: String,
    pub(super) plain_bytes: usize,
    pub(super) entries: usize,
    pub(super) empty: bool,
}

/// Decompresses a body and reads its entries.
pub(super) fn read(headers: &HeaderMap, wire: &[u8]) -> Result<Singles, BadBody> {
    let unfolded;
    let plain = match headers.get(CONTENT_ENCODING).map(|v| v.as_bytes()) {
        None => wire,
        Some(b"gzip") => {
            unfolded = gunzip(wire, MAX_UNCOMPRESSED_BYTES).map_err(|reason| bad(reason, 0, 0))?;
            &unfolded
        }
        Some(_) => return Err(bad("unknown Content-Encoding".into(), 0, 0)),
    };
    let elements: Vec<&RawValue> = serde_json::from_slice(plain)
        .map_err(|error| bad(format!("not a JSON array: {error}"), plain.len(), 0))?;
    if elements.is_empty() {
        return Err(BadBody {
            empty: true,
            ..bad("an empty array".into(), plain.len(), 0)
        });
    }
    let mut entries = Vec::with_capacity(elements.len());
    for (n, element) in elements.iter().enumerate() {
        let entry = Arrival::read(element)
            .map_err(|reason| bad(format!("entry {n}: {reason}"), plain.len(), elements.len()))?;
        entries.push(entry);
    }
    Ok(Singles {
        entries,
        plain_bytes: plain.len(),
    })
}

fn gunzip(wire: &[u8], most: u64) -> Result<Vec<u8>, String> {
    let mut plain = Vec::new();
    MultiGzDecoder::new(wire)
        .take(most + 1)
        .read_to_end(&mut plain)
        .map_err(|error| format!("not gzip: {error}"))?;
    if plain.len() as u64 > most {
        return Err(format!(
            "the body has more than {most} bytes after decompression"
        ));
    }
    Ok(plain)
}

fn bad(reason: String, plain_bytes: usize, entries: usize) -> BadBody {
    BadBody {
        reason,
        plain_bytes,
        entries,
        empty: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(body: &[u8]) -> String {
        read(&HeaderMap::new(), body).unwrap_err().reason
    }

    #[test]
    fn simulator_error_names_what_differs_from_the_documented_format() {
        assert!(reason(b"{}").contains("not a JSON array"));
        assert!(reason(b"[]").contains("empty"));
        assert!(reason(b"[1]").contains("entry 0"));
        let name = br#"[{"applicationName":" ","subsystemName":"s","text":"t"}]"#;
        assert!(reason(name).contains("applicationName is empty"));
        let missing = br#"[{"applicationName":"a","subsystemName":"s"}]"#;
        assert!(reason(missing).contains("text"));
        let unknown = br#"[{"applicationName":"a","subsystemName":"s","text":"t","x":1}]"#;
        assert!(reason(unknown).contains("unknown field"));
        let severity = br#"[{"applicationName":"a","subsystemName":"s","text":"t","severity":7}]"#;
        assert!(reason(severity).contains("severity"));
    }

    #[test]
    fn gzip_bomb_is_decompressed_only_to_the_limit() {
        use std::io::Write;
        let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        bomb.write_all(&[0; 4_001]).unwrap();
        let bomb = bomb.finish().unwrap();
        assert!(gunzip(&bomb, 4_000).unwrap_err().contains("4000 bytes"));
        assert_eq!(gunzip(&bomb, 4_001).unwrap().len(), 4_001);
    }
}
