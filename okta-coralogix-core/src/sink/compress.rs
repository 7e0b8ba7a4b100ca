//! Compresses request bodies, large ones on a blocking thread.

use std::panic::resume_unwind;
use std::sync::Arc;

use super::{Batch, ContentEncoding, LogSink};
use crate::{Error, ErrorKind, Result};

/// The largest body that is compressed on the polling thread: gzip takes about 0.1 ms for it. A longer poll would delay every other
/// task of the thread, timers included; a full request of 2 MB takes some 6 ms.
const MAX_INLINE_BYTES: usize = 32 * 1024;

/// Compresses the body of a batch.
///
/// # Errors
/// If the runtime is being shut down.
pub(crate) async fn compress(sink: &Arc<dyn LogSink>, batch: Batch) -> Result<Batch> {
    if batch.content_encoding != ContentEncoding::Identity {
        return Ok(batch);
    }
    if batch.body.len() <= MAX_INLINE_BYTES {
        return Ok(sink.compress(batch));
    }
    let sink = Arc::clone(sink);
    let compressed = tokio::task::spawn_blocking(move || sink.compress(batch)).await;
    compressed.map_err(|ended| match ended.try_into_panic() {
        Ok(panic) => resume_unwind(panic),
        Err(ended) => {
            let detail = "the runtime was shut down while a request was compressed";
            Error::new(ErrorKind::Unavailable, detail).with_source(ended)
        }
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::thread::{self, ThreadId};

    use async_trait::async_trait;
    use bytes::Bytes;

    use super::*;
    use crate::LogEntry;
    use crate::sink::{BatchLimits, EncodeError};

    /// Notes where it compresses.
    #[derive(Debug, Default)]
    struct Where(Mutex<Vec<ThreadId>>);

    #[async_trait]
    impl LogSink for Where {
        fn limits(&self) -> BatchLimits {
            BatchLimits::new(1, 1)
        }

        fn encode(&self, _: &[LogEntry]) -> Result<Batch, EncodeError> {
            Ok(Batch::new(&[], Bytes::new()))
        }

        fn compress(&self, batch: Batch) -> Batch {
            self.0.lock().unwrap().push(thread::current().id());
            batch.compressed(Bytes::from_static(b"small"), ContentEncoding::Gzip)
        }

        async fn send(&self, _: &Batch) -> Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn compression_moves_to_another_thread_only_for_large_batches() {
        let noted = Arc::new(Where::default());
        let sink: Arc<dyn LogSink> = Arc::<Where>::clone(&noted);
        for bytes in [MAX_INLINE_BYTES, MAX_INLINE_BYTES + 1] {
            let batch = Batch::new(&[], vec![b'x'; bytes].into());
            let batch = compress(&sink, batch).await.unwrap();
            assert_eq!(
                (&batch.body[..], batch.content_encoding),
                (&b"small"[..], ContentEncoding::Gzip)
            );
            assert_eq!(batch.uncompressed_len, bytes);
        }
        let here = thread::current().id();
        let threads = noted.0.lock().unwrap();
        let is_here: Vec<_> = threads.iter().map(|thread| *thread == here).collect();
        assert_eq!(is_here, [true, false]);
    }
}
