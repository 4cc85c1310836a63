//! Cuts an input into batches of whole lines.

use std::time::Duration;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use headwater_core::limits;
use tokio::time::{Instant, timeout_at};

use super::input::Input;

/// How long a whole line waits for others to be sent with.
const WAIT: Duration = Duration::from_secs(1);

/// Whole lines that are sent together.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LineBatch {
    pub(super) text: Bytes,
    /// Lines of the input, blank ones among them.
    pub(super) lines: u64,
    /// Events that the server makes of them.
    pub(super) events: u64,
    /// Bytes of these events.
    pub(super) bytes: u64,
}

/// The batches of an input.
#[derive(Debug)]
pub(super) struct Batches {
    input: Input,
    /// Most bytes of a batch, but for a last separator; and so of a line.
    longest: usize,
    /// What was read and is in no batch yet.
    begun: Vec<u8>,
    /// Bytes of it up to the end of its last whole line.
    whole: usize,
    /// When they must be sent, at the latest.
    due: Option<Instant>,
    ended: bool,
    /// Lines of all batches so far, and the byte that they end in.
    lines: u64,
    last: u8,
}

impl Batches {
    /// Of an input, each of the size that a host takes.
    pub(super) fn of(input: Input) -> Self {
        Self::of_size(input, limits::EVENT_BODY)
    }

    fn of_size(input: Input, longest: usize) -> Self {
        Self { input, longest, begun: Vec::new(), whole: 0, due: None, ended: false, lines: 0, last: b'\n' }
    }

    /// The next batch: as soon as it is full, or its first line has waited for a second. `None` at the end. Nothing is lost when
    /// this is not waited for.
    ///
    /// # Errors
    /// When the input cannot be read, or has a line that is too long. The lines before a line that is too long are in batches.
    pub(super) async fn next(&mut self) -> anyhow::Result<Option<LineBatch>> {
        loop {
            if self.begun.len() > self.longest {
                let Some(end) = last_separator(&self.begun[..=self.longest]) else {
                    bail!("line {} is longer than {} bytes, which is the most of an event", self.lines + 1, self.longest);
                };
                return Ok(Some(self.take(end)));
            }
            if self.ended {
                return Ok(if self.begun.is_empty() { None } else { Some(self.take(self.begun.len())) });
            }
            let piece = match self.due {
                None => self.input.next().await,
                Some(due) => match timeout_at(due, self.input.next()).await {
                    Ok(piece) => piece,
                    Err(_) => return Ok(Some(self.take(self.whole))),
                },
            };
            match piece {
                Some(piece) => self.push(&piece.context("it cannot be read to its end")?),
                None => self.ended = true,
            }
        }
    }

    /// Reads no more. The whole lines that were read still come.
    pub(super) fn stop(&mut self) {
        for piece in self.input.stop() {
            self.push(&piece);
        }
        self.begun.truncate(self.whole);
        self.ended = true;
    }

    fn push(&mut self, piece: &[u8]) {
        if let Some(end) = last_separator(piece) {
            self.whole = self.begun.len() + end;
            self.due.get_or_insert_with(|| Instant::now() + WAIT);
        }
        self.begun.extend_from_slice(piece);
    }

    fn take(&mut self, length: usize) -> LineBatch {
        let rest = self.begun.split_off(length);
        let text = std::mem::replace(&mut self.begun, rest);
        self.whole = self.whole.saturating_sub(length);
        self.due = (self.whole > 0).then(|| Instant::now() + WAIT);
        let mut batch = LineBatch { text: Bytes::new(), lines: 0, events: 0, bytes: 0 };
        for &byte in &text {
            if !is_separator(byte) {
                batch.bytes += 1;
                batch.events += u64::from(is_separator(self.last));
            } else if !(byte == b'\n' && self.last == b'\r') {
                batch.lines += 1;
            }
            self.last = byte;
        }
        if self.ended && self.begun.is_empty() && !is_separator(self.last) {
            batch.lines += 1;
        }
        self.lines += batch.lines;
        LineBatch { text: text.into(), ..batch }
    }
}

/// As the server sees it: lines end at either, and a run of them counts once.
fn is_separator(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

/// Where the last whole line ends, its separator included.
fn last_separator(text: &[u8]) -> Option<usize> {
    text.iter().rposition(|&byte| is_separator(byte)).map(|at| at + 1)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, pipe};

    use super::*;

    async fn all(mut batches: Batches) -> Vec<(String, u64, u64, u64)> {
        let mut out = Vec::new();
        while let Some(batch) = batches.next().await.unwrap() {
            out.push((String::from_utf8(batch.text.to_vec()).unwrap(), batch.lines, batch.events, batch.bytes));
        }
        out
    }

    fn of(text: &'static str, longest: usize) -> Batches {
        Batches::of_size(Input::of("test".to_owned(), text.as_bytes()), longest)
    }

    fn batch(text: &str, lines: u64, events: u64, bytes: u64) -> (String, u64, u64, u64) {
        (text.to_owned(), lines, events, bytes)
    }

    #[tokio::test]
    async fn a_batch_has_whole_lines() {
        assert_eq!(all(of("one\ntwo\nthree\n", 9)).await, [batch("one\ntwo\n", 2, 2, 6), batch("three\n", 1, 1, 5)]);
        assert_eq!(all(of("one\ntwo\nthree", 100)).await, [batch("one\ntwo\nthree", 3, 3, 11)]);
        assert_eq!(all(of("", 9)).await, []);
        assert_eq!(all(of("a", 9)).await, [batch("a", 1, 1, 1)]);
    }

    #[tokio::test]
    async fn lines_are_counted_as_people_do_and_events_as_the_server_does() {
        assert_eq!(all(of("\n\na\r\n\r\nb\rc\n \n", 100)).await, [batch("\n\na\r\n\r\nb\rc\n \n", 7, 4, 4)]);
        // Cut between a carriage return and its newline.
        let empty = batch("\n", 0, 0, 0);
        assert_eq!(all(of("aa\r\nbb\r\n", 2)).await, [batch("aa\r", 1, 1, 2), empty.clone(), batch("bb\r", 1, 1, 2), empty]);
    }

    #[tokio::test]
    async fn the_longest_line_fits_and_a_longer_one_is_named() {
        assert_eq!(all(of("1234\n1234", 4)).await, [batch("1234\n", 1, 1, 4), batch("1234", 1, 1, 4)]);
        let mut batches = of("a\nb\n12345\nc\n", 4);
        assert_eq!(batches.next().await.unwrap().unwrap().lines, 2);
        let error = batches.next().await.unwrap_err().to_string();
        assert!(error.contains("line 3 is longer than 4 bytes"), "{error}");
    }

    #[tokio::test]
    async fn whole_lines_do_not_wait_for_the_end() {
        let (reader, mut writer) = pipe().unwrap();
        let mut batches = Batches::of(Input::of("test".to_owned(), reader));
        std::io::Write::write_all(&mut writer, b"one\ntwo\nthr").unwrap();
        assert_eq!(batches.next().await.unwrap().unwrap().text, "one\ntwo\n");
        std::io::Write::write_all(&mut writer, b"ee\nfo").unwrap();
        tokio::time::sleep(Duration::from_millis(500)).await;
        // What is cut off in the middle of a line is no line.
        batches.stop();
        assert_eq!(batches.next().await.unwrap().unwrap().text, "three\n");
        assert_eq!(batches.next().await.unwrap(), None);
    }

    #[tokio::test]
    async fn an_input_that_breaks_is_an_error() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
                Err(std::io::Error::other("torn"))
            }
        }
        let error = Batches::of(Input::of("test".to_owned(), Broken)).next().await.unwrap_err();
        assert!(format!("{error:#}").contains("torn"), "{error:#}");
    }
}
