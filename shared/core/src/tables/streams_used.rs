//! Which streams feed tables.

use async_trait::async_trait;

use super::definition::Source;
use super::service::TableService;
use crate::ids::StreamName;
use crate::ports::PortError;
use crate::streams::{Program, ProgramKind, StreamUsers};

/// Knows which streams tables follow.
#[derive(Debug, Clone)]
pub struct StreamsFollowed(TableService);

impl TableService {
    /// Which streams its tables follow.
    #[must_use]
    pub fn streams_followed(&self) -> StreamsFollowed {
        StreamsFollowed(self.clone())
    }
}

/// A table uses the stream that feeds it, until it is finished.
#[async_trait]
impl StreamUsers for StreamsFollowed {
    async fn uses(&self) -> Result<Vec<(StreamName, Program)>, PortError> {
        let tables = self.0.store.all().await?.into_iter().filter(|table| !table.record.finished);
        let uses = tables.filter_map(|table| match table.definition.source {
            Some(Source::Stream(source)) => {
                let program = Program { application: "tables".to_owned(), kind: ProgramKind::Flows, name: table.name.to_string() };
                Some((source.stream, program))
            }
            _ => None,
        });
        Ok(uses.collect())
    }
}
