//! Tables as sound.

use std::sync::Arc;

use bytes::Bytes;

use super::elements::Elements;
use super::service::{TableError, TableService};
use super::store::Table;
use super::{BitDepth, RowReader, TimeMeasure, wav};

/// Elements that are read at a time.
const AT_ONCE: usize = 16 * 1024;

/// A WAV file that begins before its end is known: a header, then samples as they come.
#[derive(Debug)]
pub struct Sound {
    service: TableService,
    elements: Elements,
    depth: BitDepth,
    follow: bool,
    /// The next element.
    next: u64,
    /// The first sample that is to be heard.
    from_sample: u64,
    /// Samples that may still be sent.
    left: Option<u64>,
    begun: bool,
}

impl Sound {
    pub(super) async fn begin(
        service: TableService,
        table: Table,
        depth: BitDepth,
        offset: TimeMeasure,
        limit: Option<TimeMeasure>,
        follow: bool,
    ) -> Result<Self, TableError> {
        let rate = table.rate();
        let newest = rate.marker(table.record.newest.sample);
        let mut elements = Elements::new(service.store.clone(), Arc::new(table));
        let kept = RowReader::kept(&mut elements).await?;
        let from_sample = rate.first_at(newest.saturating_sub(offset.nanos()));
        // Of elements at the same moment, such as an empty vector, all are heard.
        let next = elements.at_sample(from_sample).await?.element.max(kept.start);
        let left = limit.map(|limit| rate.samples_in(limit.nanos()));
        Ok(Self { service, elements, depth, follow, next, from_sample, left, begun: false })
    }

    /// The next bytes: those that are there, or else those that come next. `None` at the end.
    pub async fn next(&mut self) -> Option<Result<Bytes, TableError>> {
        if !self.begun {
            self.begun = true;
            return Some(Ok(Bytes::copy_from_slice(&wav::header(self.elements.table().rate(), self.depth))));
        }
        match self.samples().await {
            // Whoever listens has heard all there was.
            Err(TableError::NotFound(_)) => None,
            other => other.transpose(),
        }
    }

    async fn samples(&mut self) -> Result<Option<Bytes>, TableError> {
        loop {
            if self.left == Some(0) {
                return Ok(None);
            }
            let Some(piece) = self.elements.read(self.next, AT_ONCE).await? else {
                let finished = self.elements.table().record.finished;
                if finished || !self.follow || !self.grown().await? {
                    return Ok(None);
                }
                continue;
            };
            let (rows, first) = (piece.rows, piece.first);
            self.next = first.element + rows.len() as u64;
            let begin = rows.begin_before(self.from_sample.saturating_sub(first.sample));
            // Elements are sent whole as long as anything is left.
            let end = match self.left {
                Some(left) => rows.begin_before(rows.span_before(begin).saturating_add(left)).max(begin),
                None => rows.len(),
            };
            if begin == end {
                continue;
            }
            if let Some(left) = &mut self.left {
                *left = left.saturating_sub(rows.span_before(end) - rows.span_before(begin));
            }
            let mut out = Vec::new();
            wav::encode(rows.numbers(begin..end).expect("samples or vectors"), self.depth, &mut out);
            return Ok(Some(out.into()));
        }
    }

    /// Waits until the table has changed. Answers whether there is still something to wait for.
    async fn grown(&mut self) -> Result<bool, TableError> {
        let before = Arc::clone(self.elements.table());
        let now = self.service.changed(&before).await?;
        Ok(now.map(|now| self.elements.renew(Arc::new(now))).is_some())
    }
}
