//! Server-sent events, as they come in pieces.
//!
//! The form is that of the HTML standard, of which only events with data are of interest:
//! <https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream>.

/// The longest line, and the most data of an event, in bytes. Hundreds of names with their plots take less than one of them.
const LONGEST: usize = 16 * 1024 * 1024;

/// An event is too long to be one of the server's.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event has more than {LONGEST} bytes")]
pub(super) struct TooLong;

/// An event that is whole.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Event {
    /// What it is of; `message` where nothing is said.
    pub(super) kind: String,
    pub(super) data: Vec<u8>,
}

/// What has come of the next event.
#[derive(Debug, Default)]
pub(super) struct Events {
    line: Vec<u8>,
    kind: String,
    data: Option<Vec<u8>>,
    after_return: bool,
}

impl Events {
    /// Takes a piece, and gives the events that it completes.
    ///
    /// # Errors
    /// When an event grows beyond all measure.
    pub(super) fn take(&mut self, piece: &[u8]) -> Result<Vec<Event>, TooLong> {
        let mut whole = Vec::new();
        for &byte in piece {
            // A line ends with a line feed, a carriage return, or both.
            let ends = byte == b'\n' || byte == b'\r';
            let second = byte == b'\n' && std::mem::replace(&mut self.after_return, byte == b'\r');
            self.after_return = byte == b'\r';
            if second {
                continue;
            }
            if ends {
                whole.extend(self.line()?);
            } else if self.line.len() < LONGEST {
                self.line.push(byte);
            } else {
                return Err(TooLong);
            }
        }
        Ok(whole)
    }

    /// Ends the line; an empty one ends the event.
    fn line(&mut self) -> Result<Option<Event>, TooLong> {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            let kind = std::mem::take(&mut self.kind);
            let kind = if kind.is_empty() { "message".to_owned() } else { kind };
            return Ok(self.data.take().map(|data| Event { kind, data }));
        }
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let value = line.get(colon + 1..).unwrap_or_default();
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match &line[..colon] {
            b"event" => self.kind = String::from_utf8_lossy(value).into_owned(),
            b"data" => match &mut self.data {
                Some(data) if data.len() + value.len() >= LONGEST => return Err(TooLong),
                Some(data) => {
                    data.push(b'\n');
                    data.extend_from_slice(value);
                }
                none => *none = Some(value.to_vec()),
            },
            _ => {} // Comments, ids and times to wait: it is our own server, and we know when to come back.
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: &str, data: &str) -> Event {
        Event { kind: kind.to_owned(), data: data.as_bytes().to_vec() }
    }

    const TEXT: &str =
        "retry: 2000\n\n: hello\nevent: now\ndata: {\"a\":1}\n\ndata:x\r\ndata: y\r\n\r\nevent: now\rdata\r\revent: none\n\ndata: cut";

    #[test]
    fn events_are_the_same_however_they_are_cut() {
        let wanted = [event("now", "{\"a\":1}"), event("message", "x\ny"), event("now", "")];
        for cut in 0..=TEXT.len() {
            let mut events = Events::default();
            let (one, other) = TEXT.as_bytes().split_at(cut);
            let mut all = events.take(one).unwrap();
            all.extend(events.take(other).unwrap());
            assert_eq!(all, wanted, "cut at {cut}");
        }
    }

    #[test]
    fn what_never_ends_is_refused() {
        let mut events = Events::default();
        let piece = vec![b'x'; LONGEST / 4];
        assert!((0..5).any(|_| events.take(&piece).is_err()));
        let mut events = Events::default();
        let line = [b"data: ".as_slice(), &piece, b"\n"].concat();
        assert!((0..5).any(|_| events.take(&line).is_err()));
    }
}
