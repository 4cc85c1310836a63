//! Every store in memory: for tests, and for a runner that may forget. Each keeps the whole contract except durability.

mod chunks;
mod documents;
mod event_log;
mod files;
mod task_queue;

use crate::blocking::held;

pub use chunks::MemoryChunks;
pub use documents::MemoryDocuments;
pub use event_log::MemoryEventLog;
pub use files::MemoryFiles;
pub use task_queue::MemoryTaskQueue;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use headwater_core::ports::contract;

    use super::*;
    use crate::clock::SystemClock;

    #[tokio::test]
    async fn memory_documents_meet_the_contract() {
        contract::documents(&MemoryDocuments::new()).await;
    }

    #[tokio::test]
    async fn memory_chunks_meet_the_contract() {
        contract::chunks(&MemoryChunks::new(Arc::new(SystemClock::new()))).await;
    }

    #[tokio::test]
    async fn memory_files_meet_the_contract() {
        contract::files(&MemoryFiles::new(Arc::new(SystemClock::new()))).await;
    }

    #[tokio::test]
    async fn the_memory_event_log_meets_the_contract() {
        let clock = Arc::new(SystemClock::new());
        contract::event_log(&MemoryEventLog::new(clock.clone()), &*clock).await;
    }

    #[tokio::test]
    async fn the_memory_task_queue_meets_the_contract() {
        let clock = Arc::new(SystemClock::new());
        contract::task_queue(&MemoryTaskQueue::new(clock.clone()), &*clock).await;
    }
}
