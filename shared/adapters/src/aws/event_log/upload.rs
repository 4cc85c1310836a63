//! A long batch on its way: a segment that is written to the bucket part by part, and then a record that points to it.

use async_trait::async_trait;
use headwater_core::ports::{AppendKey, Event, LogName, PortError, Upload};

use super::Logs;
use super::objects::ObjectWriter;
use super::place::Place;
use super::record::Content;
use super::segment::Encoder;

/// Bytes of events that are held until it is known whether the batch is a long one.
const SHORT: usize = 128 << 10;

/// A batch whose events go straight to the bucket.
#[derive(Debug)]
pub(super) struct Staging {
    logs: Logs,
    log: LogName,
    place: Place,
    object: String,
    encoder: Encoder,
    writer: ObjectWriter,
    count: u64,
    bytes: u64,
}

impl Staging {
    pub(super) fn new(logs: &Logs, log: &LogName) -> Self {
        let place = Place::of(log);
        // Drawn, because nobody knows yet where the batch will stand.
        let object = format!("staged-{:016x}{:016x}", logs.entropy.draw(), logs.entropy.draw());
        let writer = logs.objects.writer(logs.key(&place, &object));
        Self { logs: logs.clone(), log: log.clone(), place, object, encoder: Encoder::default(), writer, count: 0, bytes: 0 }
    }

    pub(super) async fn write(&mut self, events: &[Event]) -> Result<(), PortError> {
        for event in events {
            self.count += 1;
            self.bytes += event.body.len() as u64;
            self.encoder.push(0, event);
            let ready = self.encoder.take();
            if !ready.is_empty() {
                self.writer.write(&ready).await?;
            }
        }
        Ok(())
    }

    pub(super) async fn commit(mut self, key: Option<AppendKey>) -> Result<(), PortError> {
        self.writer.write(&self.encoder.finish()).await?;
        let length = self.writer.finish().await?;
        let content = Content::Staged { object: self.object, length };
        self.logs.write_ahead(&self.log, &self.place, key, self.count, self.bytes, content).await
    }
}

/// An upload. A short one becomes an ordinary append.
#[derive(Debug)]
pub(super) struct KinesisUpload {
    logs: Logs,
    log: LogName,
    held: Vec<Event>,
    held_bytes: usize,
    staging: Option<Staging>,
}

impl KinesisUpload {
    pub(super) fn new(logs: &Logs, log: &LogName) -> Self {
        Self { logs: logs.clone(), log: log.clone(), held: Vec::new(), held_bytes: 0, staging: None }
    }
}

#[async_trait]
impl Upload for KinesisUpload {
    async fn write(&mut self, events: Vec<Event>) -> Result<(), PortError> {
        if let Some(staging) = &mut self.staging {
            return staging.write(&events).await;
        }
        self.held_bytes += events.iter().map(|event| event.body.len() + size_of::<Event>()).sum::<usize>();
        self.held.extend(events);
        if self.held_bytes > SHORT {
            let staging = self.staging.insert(Staging::new(&self.logs, &self.log));
            staging.write(&std::mem::take(&mut self.held)).await?;
        }
        Ok(())
    }

    async fn commit(self: Box<Self>) -> Result<(), PortError> {
        match self.staging {
            Some(staging) => staging.commit(None).await,
            None => self.logs.append(&self.log, &self.held, None).await,
        }
    }
}
