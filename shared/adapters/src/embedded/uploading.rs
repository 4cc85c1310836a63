use std::sync::Arc;

use async_trait::async_trait;
use headwater_core::ports::{Event, LogName, PortError, Position, Upload};
use redb::ReadableTable as _;
use tokio::task::JoinHandle;

use super::Shared;
use super::appending::{Blocks, FullBlock, Kept, LongBatch, attach};
use super::sweeping::sweep_all;
use super::tables::{Counter, Tables, event_key};

/// Bytes that are written at once. So much is held in memory, and so much again while it is being written.
const PIECE: usize = 4 << 20;

/// A long batch on its way into the store. What does not fit into a piece is written below a number of its own, where no reader
/// looks, and a commit only has the log point there.
#[derive(Debug)]
pub(super) struct EmbeddedUpload {
    shared: Arc<Shared>,
    log: LogName,
    blocks: Blocks,
    /// Blocks that wait to be written, and their bytes.
    waiting: Vec<FullBlock>,
    waiting_bytes: usize,
    /// Events in the blocks that were written, or are being written.
    written: u64,
    events: u64,
    bytes: u64,
    number: Option<u64>,
    writing: Option<JoinHandle<Result<(), PortError>>>,
    committed: bool,
}

impl EmbeddedUpload {
    pub(super) fn new(shared: Arc<Shared>, log: LogName) -> Self {
        Self {
            shared,
            log,
            blocks: Blocks::default(),
            waiting: Vec::new(),
            waiting_bytes: 0,
            written: 0,
            events: 0,
            bytes: 0,
            number: None,
            writing: None,
            committed: false,
        }
    }

    fn hold(&mut self, block: FullBlock) {
        self.waiting_bytes += block.bytes.len();
        self.waiting.push(block);
    }

    async fn number(&mut self) -> Result<u64, PortError> {
        if let Some(number) = self.number {
            return Ok(number);
        }
        let work = |tables: &mut Tables<'_>| {
            let number = tables.next(Counter::Logs)?;
            tables.uploads.insert(number, ())?;
            Ok(Ok(number))
        };
        let number = self.shared.write("beginning an upload", 0, work).await?;
        self.number = Some(number);
        Ok(number)
    }

    /// Begins to write what waits, once what was being written is.
    async fn write_on(&mut self) -> Result<(), PortError> {
        let number = self.number().await?;
        self.written_so_far().await?;
        let (blocks, size, mut index) = (std::mem::take(&mut self.waiting), std::mem::take(&mut self.waiting_bytes), self.written);
        self.written += blocks.iter().map(|block| block.count).sum::<u64>();
        let work = move |tables: &mut Tables<'_>| {
            if tables.uploads.get(number)?.is_none() {
                return Ok(Err(PortError::Conflict { what: "an upload".to_owned() })); // It was given up meanwhile.
            }
            for block in blocks {
                tables.events.insert(&event_key(number, Position { millis: 0, sequence: index }), block.bytes.as_slice())?;
                index += block.count;
            }
            tables.changed = true;
            Ok(Ok(()))
        };
        let shared = Arc::clone(&self.shared);
        self.writing = Some(tokio::spawn(async move { shared.write("uploading events", size, work).await }));
        Ok(())
    }

    async fn written_so_far(&mut self) -> Result<(), PortError> {
        match self.writing.take() {
            Some(writing) => writing.await.map_err(|error| PortError::unavailable("uploading events", error))?,
            None => Ok(()),
        }
    }
}

#[async_trait]
impl Upload for EmbeddedUpload {
    async fn write(&mut self, events: Vec<Event>) -> Result<(), PortError> {
        for event in events {
            self.events += 1;
            self.bytes += event.body.len() as u64;
            if let Some(block) = self.blocks.push(&event) {
                self.hold(block);
            }
            if self.waiting_bytes >= PIECE {
                self.write_on().await?;
            }
        }
        Ok(())
    }

    async fn commit(mut self: Box<Self>) -> Result<(), PortError> {
        if let Some(block) = self.blocks.finish() {
            self.hold(block);
        }
        if self.events == 0 {
            return Ok(());
        }
        let (mut size, mut kept) = (0, None);
        if let Some(number) = self.number {
            if !self.waiting.is_empty() {
                self.write_on().await?;
            }
            self.written_so_far().await?;
            kept = Some(Kept::Uploaded(number));
        } else {
            size = self.waiting_bytes;
        }
        let kept = kept.unwrap_or_else(|| Kept::Here(std::mem::take(&mut self.waiting)));
        let (name, long) = (self.log.clone(), LongBatch { events: self.events, bytes: self.bytes, kept });
        let work = move |tables: &mut Tables<'_>| {
            let now = tables.now;
            let there = attach(tables, &name, &long, now)?;
            Ok(if there { Ok(()) } else { Err(PortError::NotFound { what: name.to_string() }) })
        };
        self.shared.write("appending events", size, work).await?;
        self.committed = true;
        Ok(())
    }
}

impl Drop for EmbeddedUpload {
    fn drop(&mut self) {
        if let (Some(number), false) = (self.number, self.committed) {
            // If the commit was on its way nevertheless, the number is no upload's any more, and the log's blocks stay.
            self.shared.writer.submit(move |tables: &mut Tables<'_>| give_up(tables, number));
        }
    }
}

/// Removes every upload.
pub(super) fn give_up_all(tables: &mut Tables<'_>) -> Result<(), redb::Error> {
    loop {
        let first = tables.uploads.first()?.map(|(number, _)| number.value());
        let Some(number) = first else { return Ok(()) };
        give_up(tables, number)?;
    }
}

/// Removes an upload that is not going to be committed.
fn give_up(tables: &mut Tables<'_>, number: u64) -> Result<(), redb::Error> {
    if tables.uploads.remove(number)?.is_some() {
        sweep_all(tables, number)?;
    }
    Ok(())
}
