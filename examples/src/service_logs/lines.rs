//! Lines of standard input, in batches.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncBufRead, AsyncBufReadExt};
use tokio::time::{Instant, timeout_at};

/// Limits of a batch, and how long its first line waits for others.
const MAX_LINES: usize = 3_000;
const MAX_BYTES: usize = 4 * 1024 * 1024;
const LINGER: Duration = Duration::from_millis(200);

/// A line must fit a request to Coralogix as an escaped string; the rest of a longer one becomes the next line.
const MAX_LINE_BYTES: usize = 1_000_000;

/// Reads batches of lines.
pub(super) struct Lines<R> {
    input: R,
    /// The incomplete line.
    line: Vec<u8>,
    /// The input failed behind lines that were given.
    failed: Option<io::Error>,
}

impl<R: AsyncBufRead + Unpin> Lines<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            input,
            line: Vec::new(),
            failed: None,
        }
    }

    /// The next lines, without line breaks and blank lines. Empty at the end of the input. Bytes that are not UTF-8
    /// are replaced by U+FFFD.
    ///
    /// # Errors
    /// Of the input, once all lines before it were given.
    pub(super) async fn next(&mut self) -> io::Result<Vec<String>> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let mut lines = Vec::new();
        let mut bytes = 0;
        let mut until = None;
        while lines.len() < MAX_LINES && bytes < MAX_BYTES {
            let line = match until {
                None => self.line().await,
                Some(until) => match timeout_at(until, self.line()).await {
                    Ok(line) => line,
                    Err(_) => break,
                },
            };
            let line = match line {
                Ok(line) => line,
                Err(error) => {
                    // What was read of the last line is a line, as at the end of the input.
                    lines.extend(self.take_line().filter(|line| !line.trim().is_empty()));
                    if lines.is_empty() {
                        return Err(error);
                    }
                    self.failed = Some(error);
                    break;
                }
            };
            let Some(line) = line else { break };
            if !line.trim().is_empty() {
                bytes += line.len();
                lines.push(line);
                until.get_or_insert_with(|| Instant::now() + LINGER);
            }
        }
        Ok(lines)
    }

    /// Cancel safe: an incomplete line stays in `line`.
    async fn line(&mut self) -> io::Result<Option<String>> {
        loop {
            let read = self.input.fill_buf().await?;
            let room = MAX_LINE_BYTES - self.line.len();
            let (piece, ends) = match read.iter().take(room).position(|byte| *byte == b'\n') {
                Some(end) => (end + 1, true),
                None => (read.len().min(room), read.is_empty() || read.len() >= room),
            };
            self.line.extend_from_slice(&read[..piece]);
            let is_last = read.is_empty();
            self.input.consume(piece);
            if is_last && self.line.is_empty() {
                return Ok(None);
            }
            if ends {
                return Ok(self.take_line());
            }
        }
    }

    fn take_line(&mut self) -> Option<String> {
        let line = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&line);
        Some(line.trim_end_matches(['\n', '\r']).to_owned())
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};

    use super::*;

    #[tokio::test]
    async fn lines_end_at_line_breaks_at_the_end_and_at_the_limit() {
        let long = "x".repeat(MAX_LINE_BYTES + 5);
        let text = format!("one\r\n\n  \ntwo\n{long}\nlast");
        let mut lines = Lines::new(text.as_bytes());
        let found = lines.next().await.unwrap();
        assert_eq!(found.len(), 5);
        assert_eq!((&*found[0], &*found[1], &*found[4]), ("one", "two", "last"));
        assert_eq!((found[2].len(), &*found[3]), (MAX_LINE_BYTES, "xxxxx"));
        assert!(lines.next().await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn lines_before_a_failure_of_the_input_are_given_before_it() {
        for (text, expected) in [
            ("", &[][..]),
            ("\n \n", &[]),
            ("one\n", &["one"]),
            ("one\ntwo\nhal", &["one", "two", "hal"]),
        ] {
            let input = text.as_bytes().chain(Broken);
            let mut lines = Lines::new(tokio::io::BufReader::new(input));
            if !expected.is_empty() {
                assert_eq!(lines.next().await.unwrap(), expected);
            }
            let error = lines.next().await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::IsADirectory, "{text:?}");
        }
    }

    /// An input that cannot be read.
    struct Broken;

    impl AsyncRead for Broken {
        fn poll_read(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            Poll::Ready(Err(io::ErrorKind::IsADirectory.into()))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn lines_wait_for_others_no_longer_than_the_linger() {
        let (mut write, read) = tokio::io::duplex(64);
        let mut lines = Lines::new(tokio::io::BufReader::new(read));
        let writes = async {
            use tokio::io::AsyncWriteExt;
            write.write_all(b"first\nhal").await.unwrap();
            tokio::time::sleep(LINGER * 2).await;
            write.write_all(b"f\n").await.unwrap();
            drop(write);
        };
        let reads = async {
            assert_eq!(lines.next().await.unwrap(), ["first"]);
            assert_eq!(lines.next().await.unwrap(), ["half"]);
        };
        tokio::join!(writes, reads);
    }
}
