//! Stores that let others go first, or fail from some moment on as if their process had died.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use headwater_core::ports::{
    AppendKey, Condition, Document, Documents, Etag, Event, EventLog, EventStream, Key, Listed, LogName, LogSize, PortError, Position,
    TimeRange, Timestamp, Upload,
};

/// What happens to the calls of one process.
#[derive(Debug)]
pub(crate) struct Disturbance {
    /// Changes that still succeed; after them nothing does.
    left: AtomicI64,
    random: AtomicU64,
}

impl Disturbance {
    /// The process dies after so many changes.
    pub(crate) fn dies_after(changes: i64) -> Arc<Self> {
        Arc::new(Self { left: AtomicI64::new(changes), random: AtomicU64::new(0) })
    }

    /// Every call may let other tasks go first, as this seed wants it.
    pub(crate) fn lets_others_go_first(seed: u64) -> Arc<Self> {
        Arc::new(Self { left: AtomicI64::new(i64::MAX), random: AtomicU64::new(seed.wrapping_mul(2) + 1) })
    }

    async fn read(&self) -> Result<(), PortError> {
        if self.random.load(Ordering::Relaxed) > 0 {
            // SplitMix64, as good as it needs to be here.
            let mut z = self.random.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            for _ in 0..(z ^ (z >> 27)) % 4 {
                tokio::task::yield_now().await;
            }
        }
        if self.left.load(Ordering::Relaxed) < 0 { Err(PortError::unavailable("a call", "the process has died")) } else { Ok(()) }
    }

    async fn change(&self) -> Result<(), PortError> {
        self.left.fetch_sub(1, Ordering::Relaxed);
        self.read().await
    }
}

#[derive(Debug)]
pub(crate) struct DisturbedDocuments {
    pub(crate) inner: Arc<dyn Documents>,
    pub(crate) disturbance: Arc<Disturbance>,
}

#[async_trait]
impl Documents for DisturbedDocuments {
    async fn get(&self, key: &Key) -> Result<Option<Document>, PortError> {
        self.disturbance.read().await?;
        self.inner.get(key).await
    }

    async fn put(&self, key: &Key, body: Bytes, condition: Condition) -> Result<Etag, PortError> {
        self.disturbance.change().await?;
        self.inner.put(key, body, condition).await
    }

    async fn delete(&self, key: &Key, condition: Condition) -> Result<(), PortError> {
        self.disturbance.change().await?;
        self.inner.delete(key, condition).await
    }

    async fn list(&self, prefix: &Key, after: Option<&Key>, limit: usize) -> Result<Vec<Listed>, PortError> {
        self.disturbance.read().await?;
        self.inner.list(prefix, after, limit).await
    }
}

#[derive(Debug)]
pub(crate) struct DisturbedLog {
    pub(crate) inner: Arc<dyn EventLog>,
    pub(crate) disturbance: Arc<Disturbance>,
}

#[async_trait]
impl EventLog for DisturbedLog {
    async fn create(&self, log: &LogName) -> Result<(), PortError> {
        self.disturbance.change().await?;
        self.inner.create(log).await
    }

    async fn append(&self, log: &LogName, batch: Vec<Event>, key: Option<AppendKey>) -> Result<(), PortError> {
        self.disturbance.change().await?;
        self.inner.append(log, batch, key).await
    }

    async fn upload(&self, log: &LogName) -> Result<Box<dyn Upload>, PortError> {
        self.disturbance.read().await?;
        self.inner.upload(log).await
    }

    async fn read(&self, log: &LogName, range: TimeRange, after: Option<Position>) -> Result<EventStream, PortError> {
        self.disturbance.read().await?;
        self.inner.read(log, range, after).await
    }

    async fn size(&self, log: &LogName) -> Result<LogSize, PortError> {
        let size = self.inner.size(log).await;
        self.disturbance.read().await?;
        size
    }

    async fn truncate(&self, log: &LogName) -> Result<(), PortError> {
        self.disturbance.change().await?;
        self.inner.truncate(log).await
    }

    async fn trim(&self, log: &LogName, before: Timestamp) -> Result<(), PortError> {
        self.disturbance.change().await?;
        self.inner.trim(log, before).await
    }

    async fn remove(&self, log: &LogName) -> Result<(), PortError> {
        self.disturbance.change().await?;
        self.inner.remove(log).await
    }
}
