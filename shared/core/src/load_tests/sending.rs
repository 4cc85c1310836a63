//! Lines to a database, whatever it refuses.

use bytes::Bytes;

use crate::limits;
use crate::ports::{PointStore, PointsRefused};

/// A refused batch of so many points is sent again one by one. A larger one is halved first, so that a bad point is sent few times.
const ONE_BY_ONE: usize = 16;

/// What became of some lines.
#[derive(Debug, Default)]
pub(super) struct Sent {
    /// Lines that never will be, by their number, and why.
    pub(super) refused: Vec<(usize, String)>,
    /// Why it went no further, and the number of the first line that it did not get to the end with.
    pub(super) stopped: Option<(PointsRefused, usize)>,
}

/// Sends lines in order, `most` at once. A piece that is refused for what is in it is split until only the bad points are left out. Any
/// other refusal ends the sending; all may then be sent again.
pub(super) async fn send(store: &dyn PointStore, lines: &[String], most: usize) -> Sent {
    let mut sent = Sent::default();
    let mut ahead = pieces(lines, most);
    ahead.reverse();
    while let Some((from, to)) = ahead.pop() {
        let many = to - from;
        match store.write(joined(&lines[from..to])).await {
            Ok(()) => {}
            Err(PointsRefused::Unfit(why) | PointsRefused::TooLarge(why)) if many == 1 => sent.refused.push((from, why)),
            Err(PointsRefused::Unfit(_)) if many <= ONE_BY_ONE => ahead.extend((from..to).rev().map(|line| (line, line + 1))),
            Err(PointsRefused::Unfit(_) | PointsRefused::TooLarge(_)) => {
                let middle = from + many / 2;
                ahead.extend([(middle, to), (from, middle)]);
            }
            Err(stopped @ (PointsRefused::Denied(_) | PointsRefused::Later { .. })) => {
                sent.stopped = Some((stopped, from));
                return sent;
            }
        }
    }
    sent
}

/// Cuts lines so that no piece has too many or too long ones.
fn pieces(lines: &[String], most: usize) -> Vec<(usize, usize)> {
    let (mut pieces, mut from, mut bytes) = (Vec::new(), 0, 0);
    for (number, line) in lines.iter().enumerate() {
        if number > from && (number - from == most || bytes + line.len() > limits::WRITE_BYTES) {
            pieces.push((from, number));
            (from, bytes) = (number, 0);
        }
        bytes += line.len() + 1;
    }
    if from < lines.len() {
        pieces.push((from, lines.len()));
    }
    pieces
}

/// Lines with their line feeds.
pub(super) fn joined(lines: &[String]) -> Bytes {
    let mut body = String::with_capacity(lines.iter().map(|line| line.len() + 1).sum());
    for line in lines {
        body.push_str(line);
        body.push('\n');
    }
    body.into()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::sync::Mutex;

    use async_trait::async_trait;
    use proptest::prelude::*;

    use super::*;

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    /// Refuses any batch with a bad line, keeping nothing of it or the lines before the bad one, and batches that are too large.
    #[derive(Debug, Default)]
    struct Picky {
        kept: Mutex<BTreeSet<String>>,
        asked: Mutex<BTreeMap<String, u32>>,
        most: usize,
        partial: bool,
        down_after: Option<u32>,
        calls: Mutex<u32>,
    }

    #[async_trait]
    impl PointStore for Picky {
        fn place(&self) -> &str {
            "a test"
        }

        async fn write(&self, lines: Bytes) -> Result<(), PointsRefused> {
            let mut calls = self.calls.lock().unwrap();
            *calls += 1;
            if self.down_after.is_some_and(|after| *calls > after) {
                return Err(PointsRefused::Later { why: "down".to_owned(), after: None });
            }
            let text = String::from_utf8(lines.to_vec()).unwrap();
            let lines: Vec<&str> = text.lines().collect();
            for line in &lines {
                *self.asked.lock().unwrap().entry((*line).to_owned()).or_default() += 1;
            }
            if lines.len() > self.most {
                return Err(PointsRefused::TooLarge("too many".to_owned()));
            }
            for line in &lines {
                if line.starts_with("bad") {
                    return Err(PointsRefused::Unfit(format!("unable to parse {line}")));
                }
                if self.partial {
                    self.kept.lock().unwrap().insert((*line).to_owned());
                }
            }
            self.kept.lock().unwrap().extend(lines.into_iter().map(str::to_owned));
            Ok(())
        }
    }

    proptest! {
        #[test]
        fn all_good_lines_are_kept_and_the_bad_ones_are_named(
            bad in prop::collection::vec(prop::bool::weighted(0.1), 0..200), most in 1_usize..300, partial in any::<bool>(),
        ) {
            let lines: Vec<String> =
                bad.iter().enumerate().map(|(n, bad)| format!("{} {n}", if *bad { "bad" } else { "good" })).collect();
            let store = Picky { most, partial, ..Picky::default() };
            let sent = block_on(send(&store, &lines, limits::WRITE_POINTS));
            prop_assert!(sent.stopped.is_none());
            let wanted: BTreeSet<String> = lines.iter().filter(|line| line.starts_with("good")).cloned().collect();
            prop_assert_eq!(&*store.kept.lock().unwrap(), &wanted);
            let named: Vec<usize> = sent.refused.iter().map(|(line, _)| *line).collect();
            let wanted: Vec<usize> = bad.iter().enumerate().filter(|(_, bad)| **bad).map(|(n, _)| n).collect();
            prop_assert_eq!(named, wanted);
        }

        #[test]
        fn a_database_that_goes_away_stops_it(good in 1_usize..50, after in 0_u32..5, most in 1_usize..20) {
            let lines: Vec<String> = (0..good).map(|n| format!("good {n}")).collect();
            let store = Picky { most, down_after: Some(after), ..Picky::default() };
            let sent = block_on(send(&store, &lines, limits::WRITE_POINTS));
            let got_to = sent.stopped.map_or(good, |(_, line)| line);
            prop_assert_eq!(store.kept.lock().unwrap().len(), got_to);
        }
    }

    #[test]
    fn a_bad_line_among_few_is_sent_twice_and_among_many_not_often() {
        for (many, most_often) in [(1, 1), (2, 2), (16, 2), (5000, 11)] {
            let mut lines: Vec<String> = (0..many).map(|n| format!("good {n}")).collect();
            lines[many / 3] = "bad".to_owned();
            let store = Picky { most: usize::MAX, ..Picky::default() };
            let sent = block_on(send(&store, &lines, limits::WRITE_POINTS));
            assert_eq!((sent.refused.len(), store.kept.lock().unwrap().len()), (1, many - 1));
            let often = store.asked.lock().unwrap()["bad"];
            assert!(often <= most_often, "{often} times among {many}");
        }
    }

    #[test]
    fn a_piece_is_neither_too_long_nor_has_too_many_lines() {
        let short: Vec<String> = vec![String::from("x"); limits::WRITE_POINTS + 1];
        assert_eq!(pieces(&short, limits::WRITE_POINTS), [(0, limits::WRITE_POINTS), (limits::WRITE_POINTS, limits::WRITE_POINTS + 1)]);
        let long = "x".repeat(limits::WRITE_BYTES);
        assert_eq!(pieces(&[long.clone(), "x".to_owned(), long], limits::WRITE_POINTS), [(0, 1), (1, 2), (2, 3)]);
        assert_eq!(pieces(&[], 1), []);
    }
}
