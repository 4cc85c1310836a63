use std::sync::Arc;

use async_trait::async_trait;
use headwater_core::ids::StreamName;
use headwater_core::ports::{AppendKey, Batch, Committed, Event, Headers, Owner, Sink, SinkError};
use headwater_core::streams::{Stream, StreamError, StreamService};

use super::log_and_hide;

/// Appends each record to a stream as an event. Records are numbered from the task's first one, and the stream leaves out what it
/// has of this task already: so a step that is repeated after a crash adds nothing twice.
#[derive(Debug)]
pub(super) struct StreamSink {
    streams: StreamService,
    stream: Arc<Stream>,
    writer: String,
    committed: Committed,
}

impl StreamSink {
    pub(super) async fn open(streams: StreamService, name: &StreamName, owner: &Owner, committed: Committed) -> Result<Self, SinkError> {
        let stream = streams.get(name).await.map_err(|error| trouble(name, &error))?;
        Ok(Self { streams, stream, writer: owner.0.clone(), committed })
    }
}

/// Makes the stream that a target names, unless it is there.
pub(super) async fn prepare(streams: &StreamService, name: &StreamName) -> Result<(), SinkError> {
    streams.create(name, &[]).await.map_err(|error| trouble(name, &error))
}

fn trouble(name: &StreamName, error: &StreamError) -> SinkError {
    match error {
        StreamError::Store(error) => {
            log_and_hide("writing a stream", error);
            SinkError::Retry(format!("{name} cannot be written"))
        }
        _ => SinkError::Fatal(error.to_string()),
    }
}

#[async_trait]
impl Sink for StreamSink {
    async fn write(&mut self, batch: &Batch) -> Result<(), SinkError> {
        if batch.is_empty() {
            return Ok(());
        }
        let starts = std::iter::once(0).chain(batch.ends.iter().map(|&end| end as usize));
        let bodies = starts.zip(&batch.ends).map(|(start, &end)| batch.text.slice(start..end as usize - 1));
        let events = bodies.map(|body| Event { headers: Headers::default(), body }).collect();
        let key = AppendKey { writer: self.writer.clone(), first: self.committed.records + 1 };
        self.streams.append(&self.stream, events, key).await.map_err(|error| trouble(&self.stream.name, &error))?;
        self.committed.records += batch.len() as u64;
        self.committed.bytes += batch.text.len() as u64;
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), SinkError> {
        // What was appended is durable. But not every log can tell, when something is appended, that it was removed.
        let stream = self.streams.get(&self.stream.name).await.map_err(|error| trouble(&self.stream.name, &error))?;
        if stream.log == self.stream.log {
            return Ok(());
        }
        Err(SinkError::Fatal(format!("{} has been removed, and another one was made", stream.name)))
    }

    fn committed(&self) -> Committed {
        self.committed
    }
}
