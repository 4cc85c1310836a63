//! `streams tail`: the last events, and those that follow.
//!
//! The API reads forwards only, so the last events are looked for in windows that reach further and further back. New ones are
//! asked for again and again, from the last timestamp on: several events share a millisecond, but their order stays, so those that
//! were printed are passed over by their number.

use std::collections::VecDeque;
use std::process::ExitCode;
use std::time::Duration;

use headwater_core::ids::StreamId;
use tokio::time::{Instant, sleep, timeout};

use super::client::{Client, Failure};
use super::events::{Event, Reading};
use crate::args::Tail;
use crate::output::write_out;
use crate::remote::RequestError;

/// How far windows reach back, in seconds, one after the other; the last one reaches to the beginning.
const REACHES: [Option<i64>; 6] = [Some(2), Some(60), Some(60 * 60), Some(24 * 60 * 60), Some(30 * 24 * 60 * 60), None];

/// How often new events are asked for.
const POLL_EVERY: Duration = Duration::from_millis(200);

/// The longest pause between attempts to reach a server that is away.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How long a server may keep silent before it counts as away.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where events at the last timestamp are very many, reading them again takes at most this part of the time.
const SHARE: u32 = 20;

pub(super) async fn run(client: &Client, options: &Tail) -> anyhow::Result<ExitCode> {
    let mut follower = Follower { client, stream: &options.stream, json: options.json, place: Place::default(), again: None };
    let last = follower.last(options.lines).await?;
    write_out(&mut last.into_iter().flatten().collect())?;
    if options.no_follow {
        return Ok(ExitCode::SUCCESS);
    }
    follower.follow().await
}

/// How far a stream was read: how many events of the last timestamp were seen, and so all before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Place {
    timestamp: i64,
    seen: usize,
}

impl Place {
    fn pass(&mut self, timestamp: i64) {
        if timestamp == self.timestamp {
            self.seen += 1;
        } else {
            *self = Self { timestamp, seen: 1 };
        }
    }
}

struct Follower<'a> {
    client: &'a Client,
    stream: &'a StreamId,
    json: bool,
    place: Place,
    /// When the events of the last timestamp may be read again, where that takes long.
    again: Option<Instant>,
}

impl Follower<'_> {
    /// The last events as lines, of which only so many are held; the place is behind them.
    async fn last(&mut self, wanted: usize) -> Result<VecDeque<Vec<u8>>, Failure> {
        let mut last: VecDeque<Vec<u8>> = VecDeque::new();
        // The first timestamp of what was read so far. Windows do not overlap, so that nothing is read twice.
        let mut end = None;
        for reach in REACHES {
            let start = match (reach, end) {
                (None, _) => "0".to_owned(),
                (Some(reach), None) => format!("now-{reach}s"), // By the server's clock, not by this machine's.
                (Some(reach), Some(end)) => 0.max(end - reach * 1000).to_string(),
            };
            let end_text = end.map(|end: i64| end.to_string());
            let window: Vec<(&str, &str)> =
                [("start", start.as_str())].into_iter().chain(end_text.as_deref().map(|end| ("end", end))).collect();
            let (mut first, mut older, mut place) = (None, VecDeque::new(), Place::default());
            let missing = wanted - last.len();
            let mut reading = Reading::begin(self.client, self.stream, &window).await?;
            let mut note = |event: &Event<'_>| {
                first.get_or_insert(event.timestamp);
                place.pass(event.timestamp);
                // The line that gives way lends its memory.
                let mut line = if older.len() == missing { older.pop_front().unwrap_or_default() } else { Vec::new() };
                if missing > 0 {
                    line.clear();
                    print(event, self.json, &mut line);
                    older.push_back(line);
                }
            };
            while reading.next(&mut note).await? {}
            if end.is_none() {
                self.place = place;
            }
            older.append(&mut last);
            (last, end) = (older, first.or(end));
            // With no events wanted, the last one still says where to go on.
            if (last.len() == wanted && end.is_some()) || end == Some(0) {
                break;
            }
        }
        Ok(last)
    }

    async fn follow(&mut self) -> anyhow::Result<ExitCode> {
        let mut pause = POLL_EVERY;
        let mut away = false;
        loop {
            sleep(pause).await;
            match self.poll().await {
                Ok(()) => (pause, away) = (POLL_EVERY, false),
                Err(error) => match error.downcast::<Failure>() {
                    Ok(failure) if failure.may_pass() => {
                        if !away {
                            eprintln!("headwater: {failure}; waiting until it goes on");
                        }
                        (pause, away) = ((pause * 2).min(LONGEST_PAUSE), true);
                    }
                    Ok(failure) => return Err(failure.into()),
                    Err(error) => return Err(error),
                },
            }
        }
    }

    /// Prints what is new. After a failure, what was printed counts as printed.
    async fn poll(&mut self) -> anyhow::Result<()> {
        // A batch has one timestamp, however large it is. Rather than to read all of it at each look, it is first asked whether there
        // is a later one.
        if self.again.is_some_and(|again| Instant::now() < again) && !self.has_later().await? {
            return Ok(());
        }
        let began = Instant::now();
        let (start, skip) = (self.place.timestamp.to_string(), self.place.seen.to_string());
        let mut reading = self.begin(&[("start", &start), ("skip", &skip)]).await?;
        let mut out = Vec::new();
        loop {
            let (place, json) = (&mut self.place, self.json);
            let read = reading.next(|event| {
                place.pass(event.timestamp);
                print(event, json, &mut out);
            });
            let read = in_time(read).await;
            write_out(&mut out)?;
            if !read? {
                break;
            }
        }
        let pause = began.elapsed() * SHARE;
        self.again = (pause > POLL_EVERY).then(|| Instant::now() + pause);
        Ok(())
    }

    async fn has_later(&self) -> Result<bool, Failure> {
        let start = self.place.timestamp.saturating_add(1).to_string();
        let mut reading = self.begin(&[("start", &start), ("limit", "1")]).await?;
        let mut any = false;
        while in_time(reading.next(|_| any = true)).await? {}
        Ok(any)
    }

    async fn begin(&self, window: &[(&str, &str)]) -> Result<Reading, Failure> {
        in_time(Reading::begin(self.client, self.stream, window)).await
    }
}

async fn in_time<T>(answer: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let late = |_| Err(Failure::from(RequestError::Broke(format!("nothing came for {} s", PATIENCE.as_secs()))));
    timeout(PATIENCE, answer).await.unwrap_or_else(late)
}

fn print(event: &Event<'_>, json: bool, out: &mut Vec<u8>) {
    if json { event.push_json(out) } else { event.push_body(out) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_of_one_millisecond_are_told_apart_by_their_number() {
        let mut place = Place::default();
        let mut printed = Vec::new();
        // The stream as it grows, in timestamps; each time it is read from the place on.
        let stream = [5, 5, 7, 7, 7, 7, 9];
        for length in [0, 1, 1, 2, 4, 5, 7, 7] {
            let Place { timestamp: start, seen } = place;
            let window = stream[..length].iter().enumerate().filter(|(_, timestamp)| **timestamp >= start);
            for (number, &timestamp) in window.skip(seen) {
                place.pass(timestamp);
                printed.push(number);
            }
        }
        assert_eq!(printed, [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(place, Place { timestamp: 9, seen: 1 });
    }
}
