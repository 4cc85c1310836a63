use async_trait::async_trait;
use headwater_core::ids::FileName;
use headwater_core::ports::{Batch, Committed, FileWriter, Files, Owner, PortError, Sink, SinkError};

use super::log_and_hide;

/// Appends to a file from the committed offset on; what a crash left behind it is cut off when the file is opened.
#[derive(Debug)]
pub(super) struct FileSink {
    name: FileName,
    writer: Box<dyn FileWriter>,
    written: Committed,
    durable: Committed,
}

impl FileSink {
    pub(super) async fn open(files: &dyn Files, name: &FileName, owner: &Owner, committed: Committed) -> Result<Self, SinkError> {
        let opened = match files.append_at(name, owner, committed.bytes).await {
            // The start of the job was broken off before its file was made, or somebody has removed it while nothing was in it.
            Err(PortError::NotFound { .. }) if committed == Committed::default() => {
                files.create(name, owner).await.map_err(|error| trouble(name, &error))?;
                files.append_at(name, owner, 0).await
            }
            opened => opened,
        };
        let writer = opened.map_err(|error| trouble(name, &error))?;
        Ok(Self { name: name.clone(), writer, written: committed, durable: committed })
    }
}

impl FileSink {
    /// What a failure in the middle of writing means: another writer may only be one of the same task, in another process, and
    /// opening the file anew tells.
    fn broken(&self, error: &PortError) -> SinkError {
        match error {
            PortError::Conflict { .. } => SinkError::Retry(format!("/files/{} has been opened by another worker", self.name)),
            _ => trouble(&self.name, error),
        }
    }
}

/// What a failure to write a file means for the job.
pub(super) fn trouble(name: &FileName, error: &PortError) -> SinkError {
    match error {
        PortError::Full { .. } => SinkError::Retry(format!("no space is left on the disk for /files/{name}")),
        PortError::Conflict { .. } => SinkError::Fatal(format!("/files/{name} has been taken over by another job")),
        PortError::NotFound { .. } => SinkError::Fatal(format!("/files/{name} has been removed")),
        PortError::Corrupt { .. } => SinkError::Fatal(format!("/files/{name} is shorter than what was written to it")),
        PortError::Unavailable { .. } => {
            log_and_hide("writing a file", error);
            SinkError::Retry(format!("/files/{name} cannot be written"))
        }
    }
}

#[async_trait]
impl Sink for FileSink {
    async fn write(&mut self, batch: &Batch) -> Result<(), SinkError> {
        self.writer.write(batch.text.clone()).await.map_err(|error| self.broken(&error))?;
        self.written.records += batch.len() as u64;
        self.written.bytes += batch.text.len() as u64;
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), SinkError> {
        if self.written != self.durable {
            self.writer.sync().await.map_err(|error| self.broken(&error))?;
            self.durable = self.written;
        }
        Ok(())
    }

    async fn finish(&mut self) -> Result<(), SinkError> {
        self.writer.finish().await.map_err(|error| self.broken(&error))?;
        self.durable = self.written;
        Ok(())
    }

    fn committed(&self) -> Committed {
        self.durable
    }
}
