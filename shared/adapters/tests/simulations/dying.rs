//! Ports of a process that dies at one of its calls, before or right after that is carried out.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use headwater_core::ports::{
    AppendKey, Condition, Delivery, Document, Documents, Etag, Event, EventLog, EventStream, Key, Listed, LogName, LogSize, PortError,
    Position, Receipt, StepMessage, TaskQueue, TimeRange, Timestamp, Upload,
};
use tokio::sync::watch;

/// When a process dies.
#[derive(Debug)]
pub(crate) struct Fate {
    left: AtomicI64,
    behind: bool,
    dead: AtomicBool,
    /// Whether others go first at every call.
    patient: bool,
    /// Whether nothing that it calls goes on.
    frozen: watch::Sender<bool>,
    freezes_in: AtomicI64,
}

impl Fate {
    /// At the nth of its calls that change something: before it, or behind it.
    pub(crate) fn dies_at(nth: i64, behind: bool) -> Arc<Self> {
        Arc::new(Self {
            left: AtomicI64::new(nth),
            behind,
            dead: AtomicBool::new(false),
            patient: false,
            frozen: watch::Sender::new(false),
            freezes_in: AtomicI64::new(i64::MAX),
        })
    }

    pub(crate) fn lives() -> Arc<Self> {
        Self::dies_at(i64::MAX, false)
    }

    /// Never, but others come between any two of its calls.
    pub(crate) fn waits_its_turn() -> Arc<Self> {
        Arc::new(Self {
            left: AtomicI64::new(i64::MAX),
            behind: false,
            dead: AtomicBool::new(false),
            patient: true,
            frozen: watch::Sender::new(false),
            freezes_in: AtomicI64::new(i64::MAX),
        })
    }

    async fn lets_others_go_first(&self) {
        if self.patient {
            tokio::task::yield_now().await;
        }
        let _ = self.frozen.subscribe().wait_for(|frozen| !frozen).await;
    }

    /// It freezes before the nth of its calls that change something.
    pub(crate) fn freezes_at(nth: i64) -> Arc<Self> {
        let fate = Self::lives();
        fate.freezes_in.store(nth, Ordering::SeqCst);
        fate
    }

    pub(crate) fn is_frozen(&self) -> bool {
        *self.frozen.borrow()
    }

    /// Nothing that the process calls goes on any more, or all does again.
    pub(crate) fn freezes(&self, frozen: bool) {
        self.frozen.send_replace(frozen);
    }

    /// It lives on, if it still does.
    pub(crate) fn is_averted(&self) {
        self.left.store(i64::MAX, Ordering::SeqCst);
    }

    /// Whether the moment has come.
    pub(crate) fn is_dead(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }

    pub(crate) async fn meets<T>(&self, call: impl Future<Output = T>) -> T {
        if self.freezes_in.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.freezes(true);
        }
        self.lets_others_go_first().await;
        let now = self.left.fetch_sub(1, Ordering::SeqCst) == 1;
        if self.is_dead() || (now && !self.behind) {
            self.end().await;
        }
        let answer = call.await;
        if now {
            self.end().await;
        }
        answer
    }

    async fn end(&self) {
        self.dead.store(true, Ordering::SeqCst);
        std::future::pending::<()>().await;
    }
}

/// A port whose calls meet the fate of their process.
#[derive(Debug)]
pub(crate) struct Dying<P: ?Sized> {
    pub(crate) inner: Arc<P>,
    pub(crate) fate: Arc<Fate>,
}

#[async_trait]
impl Documents for Dying<dyn Documents> {
    async fn get(&self, key: &Key) -> Result<Option<Document>, PortError> {
        self.fate.lets_others_go_first().await;
        self.inner.get(key).await
    }

    async fn put(&self, key: &Key, body: Bytes, condition: Condition) -> Result<Etag, PortError> {
        self.fate.meets(self.inner.put(key, body, condition)).await
    }

    async fn delete(&self, key: &Key, condition: Condition) -> Result<(), PortError> {
        self.fate.meets(self.inner.delete(key, condition)).await
    }

    async fn list(&self, prefix: &Key, after: Option<&Key>, limit: usize) -> Result<Vec<Listed>, PortError> {
        self.inner.list(prefix, after, limit).await
    }
}

#[async_trait]
impl EventLog for Dying<dyn EventLog> {
    async fn create(&self, log: &LogName) -> Result<(), PortError> {
        self.fate.meets(self.inner.create(log)).await
    }

    async fn append(&self, log: &LogName, batch: Vec<Event>, key: Option<AppendKey>) -> Result<(), PortError> {
        self.fate.meets(self.inner.append(log, batch, key)).await
    }

    async fn upload(&self, log: &LogName) -> Result<Box<dyn Upload>, PortError> {
        self.inner.upload(log).await
    }

    async fn read(&self, log: &LogName, range: TimeRange, after: Option<Position>) -> Result<EventStream, PortError> {
        self.inner.read(log, range, after).await
    }

    async fn size(&self, log: &LogName) -> Result<LogSize, PortError> {
        self.inner.size(log).await
    }

    async fn truncate(&self, log: &LogName) -> Result<(), PortError> {
        self.inner.truncate(log).await
    }

    async fn trim(&self, log: &LogName, before: Timestamp) -> Result<(), PortError> {
        self.inner.trim(log, before).await
    }

    async fn remove(&self, log: &LogName) -> Result<(), PortError> {
        self.inner.remove(log).await
    }
}

#[async_trait]
impl TaskQueue for Dying<dyn TaskQueue> {
    async fn enqueue(&self, message: StepMessage, not_before: Timestamp) -> Result<(), PortError> {
        self.fate.meets(self.inner.enqueue(message, not_before)).await
    }

    async fn receive(&self, hidden: std::time::Duration, patience: std::time::Duration) -> Result<Option<Delivery>, PortError> {
        self.fate.lets_others_go_first().await;
        self.inner.receive(hidden, patience).await
    }

    async fn acknowledge(&self, receipt: &Receipt) -> Result<(), PortError> {
        self.fate.meets(self.inner.acknowledge(receipt)).await
    }
}
