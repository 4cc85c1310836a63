//! Ports behind which threads work, whom the time of a test waits for.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use headwater_adapters::javascript::JavaScript;
use headwater_core::ports::{
    AppendKey, Condition, Document, Documents, Etag, Event, EventLog, EventStream, Key, Listed, LogName, LogSize, PortError, Position,
    Script, ScriptCall, ScriptEngine, ScriptOutcome, TimeRange, Timestamp, Upload,
};

use crate::clock::block_on;

#[derive(Debug)]
pub(crate) struct Awaited<P: ?Sized>(pub(crate) Arc<P>);

#[async_trait]
impl ScriptEngine for Awaited<JavaScript> {
    async fn check(&self, script: &Script) -> Result<(), String> {
        block_on(self.0.check(script))
    }

    async fn run(&self, calls: Vec<ScriptCall>) -> Vec<ScriptOutcome> {
        block_on(self.0.run(calls))
    }
}

#[async_trait]
impl Documents for Awaited<dyn Documents> {
    async fn get(&self, key: &Key) -> Result<Option<Document>, PortError> {
        block_on(self.0.get(key))
    }

    async fn put(&self, key: &Key, body: Bytes, condition: Condition) -> Result<Etag, PortError> {
        block_on(self.0.put(key, body, condition))
    }

    async fn delete(&self, key: &Key, condition: Condition) -> Result<(), PortError> {
        block_on(self.0.delete(key, condition))
    }

    async fn list(&self, prefix: &Key, after: Option<&Key>, limit: usize) -> Result<Vec<Listed>, PortError> {
        block_on(self.0.list(prefix, after, limit))
    }
}

#[async_trait]
impl EventLog for Awaited<dyn EventLog> {
    async fn create(&self, log: &LogName) -> Result<(), PortError> {
        block_on(self.0.create(log))
    }

    async fn append(&self, log: &LogName, batch: Vec<Event>, key: Option<AppendKey>) -> Result<(), PortError> {
        block_on(self.0.append(log, batch, key))
    }

    async fn upload(&self, log: &LogName) -> Result<Box<dyn Upload>, PortError> {
        block_on(self.0.upload(log))
    }

    async fn read(&self, log: &LogName, range: TimeRange, after: Option<Position>) -> Result<EventStream, PortError> {
        block_on(self.0.read(log, range, after))
    }

    async fn size(&self, log: &LogName) -> Result<LogSize, PortError> {
        block_on(self.0.size(log))
    }

    async fn truncate(&self, log: &LogName) -> Result<(), PortError> {
        block_on(self.0.truncate(log))
    }

    async fn trim(&self, log: &LogName, before: Timestamp) -> Result<(), PortError> {
        block_on(self.0.trim(log, before))
    }

    async fn remove(&self, log: &LogName) -> Result<(), PortError> {
        block_on(self.0.remove(log))
    }
}
