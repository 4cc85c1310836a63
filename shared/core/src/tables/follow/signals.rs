//! Signals: made to their length at once, or in real time.

use std::time::Duration;

use super::{AT_ONCE, Outcome};
use crate::tables::definition::Span;
use crate::tables::record::Followed;
use crate::tables::rows::Rows;
use crate::tables::service::{TableError, TableService};
use crate::tables::store::Table;
use crate::tables::{SampleRate, Signal};

/// How often a signal in real time goes on.
const PERIOD: Duration = Duration::from_millis(100);

/// How far a signal in real time catches up after an interruption. It goes on where it was after a longer one, as a tape that was stopped.
const CATCH_UP: Duration = Duration::from_secs(180);

impl TableService {
    pub(super) async fn follow_signal(&self, table: &Table, signal: &Signal, length: Option<&Span>) -> Result<Outcome, TableError> {
        let (rate, at) = (table.rate(), table.record.end.element);
        let (due, followed) = match length {
            Some(length) => (rate.samples_in(length.measure.nanos()), None),
            None => self.due_now(table, rate),
        };
        let count = due.saturating_sub(at).min(AT_ONCE as u64);
        if count == 0 && length.is_some() {
            return self.end_of_source(table).await;
        }
        if count == 0 && followed == table.record.followed {
            return Ok(Outcome::Wait(PERIOD));
        }
        let mut samples = vec![0.0; count as usize];
        signal.fill(rate, at, &mut samples);
        self.take(table, Rows::of_samples(samples), |record| record.followed = followed).await?;
        Ok(if length.is_some() || due > at + count { Outcome::More } else { Outcome::Took(PERIOD) })
    }

    /// Up to which sample a signal in real time is due, and since when.
    fn due_now(&self, table: &Table, rate: SampleRate) -> (u64, Option<Followed>) {
        let (now, at) = (self.clock.now(), table.record.end.element);
        let samples = |span: Duration| rate.samples_in(i64::try_from(span.as_nanos()).unwrap_or(i64::MAX));
        if let Some(Followed::Signal { began, from }) = table.record.followed {
            let due = from + samples(now.since(began));
            if due <= at + samples(CATCH_UP) {
                return (due, Some(Followed::Signal { began, from }));
            }
        }
        (at, Some(Followed::Signal { began: now, from: at }))
    }
}
