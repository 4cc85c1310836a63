//! The base elements of a table, read in order or found by time.

use std::sync::Arc;

use super::TableError;
use super::record::{Chunk, Place};
use super::rows::Rows;
use super::store::{Table, TableStore};
use crate::ports::PortError;

/// A run of elements.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    /// Where the first one begins.
    pub(super) first: Place,
    pub(super) rows: Rows,
}

/// Where a run of elements is kept.
enum Spot {
    Chunk(Place, Chunk),
    Tail(Place),
}

/// Reads the elements of a table as it was at one moment.
#[derive(Debug, Clone)]
pub(super) struct Elements {
    store: TableStore,
    table: Arc<Table>,
    /// The page that was read last.
    listed: Option<(Place, Arc<[Chunk]>)>,
    /// The chunk of uneven elements that was read last, by its name.
    whole: Option<(u64, Arc<Rows>)>,
}

impl Elements {
    pub(super) fn new(store: TableStore, table: Arc<Table>) -> Self {
        Self { store, table, listed: None, whole: None }
    }

    pub(super) fn table(&self) -> &Arc<Table> {
        &self.table
    }

    /// Goes on with the table as it is by now.
    pub(super) fn renew(&mut self, table: Arc<Table>) {
        if table.etag != self.table.etag {
            (self.table, self.listed) = (table, None);
        }
    }

    /// The oldest element that is held.
    pub(super) fn first(&self) -> Place {
        self.table.record.first
    }

    /// The end of the newest one.
    pub(super) fn end(&self) -> Place {
        self.table.record.end
    }

    /// Elements from number `from` on: at least one, `most` at most, in one piece. `None` behind the newest. Where the oldest ones were
    /// let go meanwhile, it begins with those that are still there.
    pub(super) async fn read(&mut self, from: u64, most: usize) -> Result<Option<Piece>, TableError> {
        loop {
            let from = from.max(self.first().element);
            if from >= self.end().element {
                return Ok(None);
            }
            match self.read_once(from, most).await {
                // Chunks become larger ones, and old ones go: the document knows what is there now.
                Err(PortError::NotFound { what }) => self.reload(what).await?,
                other => return other.map(Some).map_err(TableError::Store),
            }
        }
    }

    async fn read_once(&mut self, from: u64, most: usize) -> Result<Piece, PortError> {
        let at = |rows: &Rows, place: Place| {
            let skip = (from - place.element) as usize;
            let count = (rows.len() - skip).min(most);
            Piece { first: place.behind(skip as u64, rows.span_before(skip)), rows: rows.slice(skip..skip + count) }
        };
        match self.spot(|place, elements, _| place.element + elements > from).await? {
            Spot::Tail(place) => Ok(at(&self.table.tail_rows()?, place)),
            Spot::Chunk(place, chunk) if chunk.width > 0 => {
                let skip = from - place.element;
                let count = (chunk.elements - skip).min(most as u64);
                let width = u64::from(chunk.width);
                let key = self.table.record.chunk_key(chunk.id);
                let bytes = self.store.chunks.read(&key, skip * width..(skip + count) * width).await?;
                let rows = Rows::unpack(self.table.element(), 1, &bytes, chunk.width);
                let rows = rows.ok_or_else(|| PortError::Corrupt { what: key.to_string(), source: "it holds no samples".into() })?;
                Ok(Piece { first: place.behind(skip, skip), rows })
            }
            Spot::Chunk(place, chunk) => Ok(at(&*self.chunk(&chunk).await?, place)),
        }
    }

    async fn chunk(&mut self, chunk: &Chunk) -> Result<Arc<Rows>, PortError> {
        if let Some((id, rows)) = &self.whole
            && *id == chunk.id
        {
            return Ok(Arc::clone(rows));
        }
        let rows = Arc::new(self.store.read(&self.table, chunk).await?);
        self.whole = Some((chunk.id, Arc::clone(&rows)));
        Ok(rows)
    }

    /// The first run of elements for which this holds, given its beginning, its elements and the samples they span; the tail otherwise.
    async fn spot(&mut self, wanted: impl Fn(Place, u64, u64) -> bool) -> Result<Spot, PortError> {
        let record = &self.table.record;
        let mut place = record.first;
        for page in &record.pages {
            if wanted(place, page.elements, page.span) {
                let chunks = match &self.listed {
                    Some((begin, chunks)) if *begin == place => Arc::clone(chunks),
                    _ => {
                        let chunks: Arc<[Chunk]> = self.store.page(&self.table, page).await?.into();
                        self.listed = Some((place, Arc::clone(&chunks)));
                        chunks
                    }
                };
                for chunk in chunks.iter() {
                    if wanted(place, chunk.elements, chunk.span) {
                        return Ok(Spot::Chunk(place, *chunk));
                    }
                    place = place.behind(chunk.elements, chunk.span);
                }
                continue;
            }
            place = place.behind(page.elements, page.span);
        }
        for chunk in &record.chunks {
            if wanted(place, chunk.elements, chunk.span) {
                return Ok(Spot::Chunk(place, *chunk));
            }
            place = place.behind(chunk.elements, chunk.span);
        }
        Ok(Spot::Tail(place))
    }

    /// The first element that begins at `sample` or behind it; the end where none does.
    pub(super) async fn at_sample(&mut self, sample: u64) -> Result<Place, TableError> {
        loop {
            let (first, end) = (self.first(), self.end());
            if sample <= first.sample {
                return Ok(first);
            }
            if sample > self.table.record.newest.sample || first.element == end.element {
                return Ok(end);
            }
            let measure = u64::from(self.table.definition.measure);
            if let Some(place) = self.table.even_place(sample.div_ceil(measure)) {
                return Ok(place);
            }
            // The one wanted begins in the run that reaches beyond it, or is the first behind that.
            let found = match self.spot(|place, _, span| place.sample + span >= sample).await {
                Ok(Spot::Tail(place)) => self.table.tail_rows().map(|rows| (place, Arc::new(rows))),
                Ok(Spot::Chunk(place, chunk)) => self.chunk(&chunk).await.map(|rows| (place, rows)),
                Err(error) => Err(error),
            };
            match found {
                Ok((place, rows)) => {
                    let skip = rows.begin_before(sample.saturating_sub(place.sample));
                    return Ok(place.behind(skip as u64, rows.span_before(skip)));
                }
                Err(PortError::NotFound { what }) => self.reload(what).await?,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Where an element begins that is held, or the end.
    pub(super) async fn place_of(&mut self, element: u64) -> Result<Place, TableError> {
        let record = &self.table.record;
        if let Some(place) = self.table.even_place(element) {
            return Ok(place);
        }
        if element == record.newest.element && record.end.element > 0 {
            return Ok(record.newest);
        }
        match self.read(element, 1).await? {
            Some(piece) => Ok(piece.first),
            None => Ok(self.end()),
        }
    }

    /// Goes on with the table as it is by now, because a chunk is gone.
    async fn reload(&mut self, missing: String) -> Result<(), TableError> {
        let now = self.store.get(&self.table.name).await?;
        if now.etag == self.table.etag {
            return Err(PortError::Corrupt { what: missing, source: "the table names it, and it is not there".into() }.into());
        }
        if now.record.id != self.table.record.id {
            return Err(TableError::NotFound(self.table.name.clone()));
        }
        self.renew(Arc::new(now));
        Ok(())
    }
}
