//! Replay: messages of a file instead of a device's own.

use bytes::Bytes;

use crate::simulations::Recorded;

/// The messages of a replay file with their times, in the file's order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replay {
    lines: Vec<(i64, Bytes)>,
    again: bool,
}

impl Replay {
    /// These messages; `again` begins anew at their end.
    #[must_use]
    pub fn new(messages: &[Recorded<'_>], again: bool) -> Self {
        let line = |recorded: &Recorded<'_>| (recorded.at.as_micros(), Bytes::copy_from_slice(recorded.message.as_bytes()));
        Self { lines: messages.iter().map(line).collect(), again }
    }

    /// The message number `n`, counted on through repetitions, with the time from the one before it, in microseconds. The first has
    /// its own offset; times that run backwards count as none.
    pub(super) fn message(&self, n: u64) -> Option<(i64, &Bytes)> {
        let length = self.lines.len() as u64;
        if length == 0 || (n >= length && !self.again) {
            return None;
        }
        #[expect(clippy::cast_possible_truncation, reason = "below the number of lines")]
        let place = (n % length) as usize;
        let (offset, message) = &self.lines[place];
        let before = if place == 0 { 0 } else { self.lines[place - 1].0 };
        // A file without any time in it must not make an endless number of messages at one moment.
        let least = if place == 0 && n > 0 { 1_000_000 } else { 0 };
        Some(((offset - before).max(least), message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulations::recorded;

    fn replay(text: &str, again: bool) -> Replay {
        Replay::new(&recorded(text).unwrap(), again)
    }

    #[test]
    fn messages_come_with_the_time_from_the_one_before() {
        let replay = replay("telemetry, 00:00:01,{\"a\":1,\"b\":2}\r\nnote,00:00:02,x\ntelemetry,00:00:04,y\n", false);
        assert_eq!(replay.message(0), Some((1_000_000, &Bytes::from_static(b"{\"a\":1,\"b\":2}"))));
        assert_eq!(replay.message(1), Some((3_000_000, &Bytes::from_static(b"y"))));
        assert_eq!(replay.message(2), None);
    }

    #[test]
    fn a_replay_that_repeats_moves_on_in_time() {
        let still = replay("telemetry,00:00:00,a", true);
        assert_eq!(still.message(0), Some((0, &Bytes::from_static(b"a"))));
        assert_eq!(still.message(5), Some((1_000_000, &Bytes::from_static(b"a"))));
        assert_eq!(replay("", true).message(0), None);
    }
}
