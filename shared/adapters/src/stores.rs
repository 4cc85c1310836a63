use std::path::Path;
use std::sync::Arc;

use headwater_core::datagen::{DatagenService, Specifications};
use headwater_core::load_tests::{self, LoadTestService};
use headwater_core::ports::{Chunks, Clock, Documents, Entropy, EventLog, Files, ScriptEngine, Targets, TaskQueue};
use headwater_core::simulations::{Fleets, Models, Parts, Replays, Scripts, SimulationRecords, SimulationService};
use headwater_core::streams::StreamService;
use headwater_core::tables::TableService;
use headwater_core::tasks::TaskStore;

use crate::embedded::{EmbeddedStore, OpenError};
use crate::folder::{ChunkFolder, Folder};
use crate::memory::{MemoryChunks, MemoryDocuments, MemoryEventLog, MemoryFiles, MemoryTaskQueue};

/// Why stores could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum StoresError {
    /// The embedded store.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The folder of files.
    #[error("the folder of files cannot be opened")]
    Files(#[source] std::io::Error),
    /// The folder of chunks.
    #[error("the folder of chunks cannot be opened")]
    Chunks(#[source] std::io::Error),
}

/// One set of stores, handed to every group of a host, so that what is written through one can be read through another.
#[derive(Debug, Clone)]
pub struct Stores {
    /// Documents.
    pub documents: Arc<dyn Documents>,
    /// Files.
    pub files: Arc<dyn Files>,
    /// The bulk of what documents refer to.
    pub chunks: Arc<dyn Chunks>,
    /// The queue of background work.
    pub queue: Arc<dyn TaskQueue>,
    /// The events of streams.
    pub log: Arc<dyn EventLog>,
}

impl Stores {
    /// Stores on this machine's disk: the embedded store and the folders `files` and `chunks`, all below `folder`. No other process may
    /// have it open.
    ///
    /// # Errors
    /// See [`StoresError`].
    pub fn embedded(folder: &Path, clock: &Arc<dyn Clock>) -> Result<Self, StoresError> {
        let store = EmbeddedStore::open(folder, Arc::clone(clock))?;
        Ok(Self {
            documents: Arc::new(store.documents()),
            files: Arc::new(Folder::open(folder.join("files")).map_err(StoresError::Files)?),
            chunks: Arc::new(ChunkFolder::open(folder.join("chunks")).map_err(StoresError::Chunks)?),
            queue: Arc::new(store.task_queue()),
            log: Arc::new(store.event_log()),
        })
    }

    /// Stores in an AWS account: a bucket, a queue, and a stream that events go ahead into, with what flushes it. Any number of
    /// processes may share them.
    #[cfg(feature = "aws")]
    #[must_use]
    pub fn aws(
        clients: &crate::aws::Clients,
        bucket: &str,
        queue_url: &str,
        event_stream: &str,
        clock: &Arc<dyn Clock>,
        entropy: &Arc<dyn Entropy>,
    ) -> (Self, crate::aws::Flusher) {
        use crate::aws::{KinesisEventLog, S3Chunks, S3Documents, S3Files, SqsTaskQueue};
        let documents: Arc<dyn Documents> = Arc::new(S3Documents::new(clients.s3.clone(), bucket, Arc::clone(entropy)));
        let log = KinesisEventLog::new(clients, event_stream, bucket, Arc::clone(&documents), Arc::clone(clock), Arc::clone(entropy));
        let flusher = log.flusher();
        let stores = Self {
            documents,
            files: Arc::new(S3Files::new(clients, bucket, Arc::clone(clock), Arc::clone(entropy))),
            chunks: Arc::new(S3Chunks::new(clients.s3.clone(), bucket)),
            queue: Arc::new(SqsTaskQueue::new(clients.sqs.clone(), queue_url, Arc::clone(clock))),
            log: Arc::new(log),
        };
        (stores, flusher)
    }

    /// Stores that forget when the process ends.
    #[must_use]
    pub fn in_memory(clock: &Arc<dyn Clock>) -> Self {
        Self {
            documents: Arc::new(MemoryDocuments::new()),
            files: Arc::new(MemoryFiles::new(Arc::clone(clock))),
            chunks: Arc::new(MemoryChunks::new(Arc::clone(clock))),
            queue: Arc::new(MemoryTaskQueue::new(Arc::clone(clock))),
            log: Arc::new(MemoryEventLog::new(Arc::clone(clock))),
        }
    }

    /// The tasks in these stores.
    #[must_use]
    pub fn tasks(&self, clock: &Arc<dyn Clock>) -> TaskStore {
        TaskStore::new(Arc::clone(&self.documents), Arc::clone(&self.queue), Arc::clone(clock))
    }

    /// The streams service over these stores.
    #[must_use]
    pub fn streams(&self, clock: &Arc<dyn Clock>, entropy: &Arc<dyn Entropy>) -> StreamService {
        StreamService::new(Arc::clone(&self.documents), Arc::clone(&self.log), Arc::clone(clock), Arc::clone(entropy))
    }

    /// The datagen service over these stores.
    #[must_use]
    pub fn datagen(
        &self,
        specifications: Arc<dyn Specifications>,
        targets: Arc<dyn Targets>,
        clock: &Arc<dyn Clock>,
        entropy: &Arc<dyn Entropy>,
    ) -> DatagenService {
        DatagenService {
            documents: Arc::clone(&self.documents),
            files: Arc::clone(&self.files),
            tasks: self.tasks(clock),
            specifications,
            targets,
            clock: Arc::clone(clock),
            entropy: Arc::clone(entropy),
        }
    }

    /// The tables service over these stores; `streams` is where some of its tables get their elements.
    #[must_use]
    pub fn tables(&self, streams: &StreamService, clock: &Arc<dyn Clock>, entropy: &Arc<dyn Entropy>) -> TableService {
        let (documents, chunks) = (Arc::clone(&self.documents), Arc::clone(&self.chunks));
        TableService::new(documents, chunks, self.tasks(clock), streams.clone(), Arc::clone(clock), Arc::clone(entropy))
    }

    /// The load tests service over these stores.
    #[must_use]
    pub fn load_tests(&self, clock: &Arc<dyn Clock>, entropy: &Arc<dyn Entropy>, settings: load_tests::Settings) -> LoadTestService {
        LoadTestService::new(Arc::clone(&self.documents), self.tasks(clock), Arc::clone(clock), Arc::clone(entropy), settings)
    }

    /// The simulations service over these stores: `fleets` lets its devices live, `engine` reads its scripts, and `targets` says what
    /// this host can write to; `hub_configured` tells whether there is a hub for simulations that name none.
    #[must_use]
    pub fn simulations(
        &self,
        fleets: Arc<dyn Fleets>,
        engine: Arc<dyn ScriptEngine>,
        targets: Arc<dyn Targets>,
        hub_configured: bool,
        clock: &Arc<dyn Clock>,
        entropy: &Arc<dyn Entropy>,
    ) -> SimulationService {
        let documents = &self.documents;
        SimulationService::new(Parts {
            records: SimulationRecords::new(Arc::clone(documents)),
            models: Models::new(documents, clock, entropy),
            scripts: Scripts::new(documents, engine, clock, entropy),
            replays: Replays::new(documents, clock, entropy),
            fleets,
            targets,
            hub_configured,
            clock: Arc::clone(clock),
            entropy: Arc::clone(entropy),
        })
    }
}
