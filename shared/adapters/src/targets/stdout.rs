use std::io::{ErrorKind, Write as _};

use async_trait::async_trait;
use headwater_core::ports::{Batch, Committed, Sink, SinkError};

/// Writes to the host's standard output. A pipe has no memory: what it took counts as durable.
#[derive(Debug)]
pub(super) struct StdoutSink {
    written: Committed,
}

impl StdoutSink {
    pub(super) fn new(committed: Committed) -> Self {
        Self { written: committed }
    }
}

#[async_trait]
impl Sink for StdoutSink {
    async fn write(&mut self, batch: &Batch) -> Result<(), SinkError> {
        let text = batch.text.clone();
        // A reader that is slow holds up a blocking thread, not the server.
        let written = tokio::task::spawn_blocking(move || {
            let mut stdout = std::io::stdout().lock();
            stdout.write_all(&text).and_then(|()| stdout.flush())
        });
        match written.await {
            Ok(Ok(())) => {
                self.written.records += batch.len() as u64;
                self.written.bytes += batch.text.len() as u64;
                Ok(())
            }
            Ok(Err(error)) if error.kind() == ErrorKind::BrokenPipe => {
                Err(SinkError::Fatal("nobody reads the standard output any more".to_owned()))
            }
            Ok(Err(error)) => Err(SinkError::Retry(format!("the standard output cannot be written: {error}"))),
            Err(_) => Err(SinkError::Retry("the standard output cannot be written".to_owned())),
        }
    }

    async fn flush(&mut self) -> Result<(), SinkError> {
        Ok(())
    }

    fn committed(&self) -> Committed {
        self.written
    }
}
