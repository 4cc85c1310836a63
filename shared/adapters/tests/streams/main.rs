//! The streams service over stores in memory, with stores that lose their turn or break off where they are told to.
#![allow(missing_docs, reason = "tests")]

mod disturbed;
mod notices;
mod races;
mod removal;
mod writing;

use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt as _;
use headwater_adapters::{ManualClock, OsEntropy, Stores};
use headwater_core::ids::{NamespaceId, StreamName};
use headwater_core::ports::{Clock, Documents, DocumentsExt as _, Entropy, EventLog, Headers, Key, StoredEvent, TimeRange, Timestamp};
use headwater_core::streams::{Stream, StreamService};

use disturbed::{Disturbance, DisturbedDocuments, DisturbedLog};

const MIB: usize = 1 << 20;

/// Stores, and as many services over them as a test wants: each is a process of its own.
struct Bench {
    stores: Stores,
    clock: Arc<ManualClock>,
}

impl Bench {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_700_000_000_000)));
        let port: Arc<dyn Clock> = clock.clone();
        Self { stores: Stores::in_memory(&port), clock }
    }

    fn service(&self) -> StreamService {
        self.service_over(Arc::clone(&self.stores.documents), Arc::clone(&self.stores.log))
    }

    /// A service whose stores are disturbed like this.
    fn disturbed(&self, disturbance: &Arc<Disturbance>) -> StreamService {
        let documents = DisturbedDocuments { inner: Arc::clone(&self.stores.documents), disturbance: Arc::clone(disturbance) };
        let log = DisturbedLog { inner: Arc::clone(&self.stores.log), disturbance: Arc::clone(disturbance) };
        self.service_over(Arc::new(documents), Arc::new(log))
    }

    fn service_over(&self, documents: Arc<dyn Documents>, log: Arc<dyn EventLog>) -> StreamService {
        let (clock, entropy): (Arc<dyn Clock>, Arc<dyn Entropy>) = (self.clock.clone(), Arc::new(OsEntropy));
        StreamService::new(documents, log, clock, entropy)
    }

    fn advance(&self, millis: u64) {
        self.clock.advance(Duration::from_millis(millis));
    }

    /// All events of a stream.
    async fn events(&self, stream: &Stream) -> Vec<StoredEvent> {
        let events = self.stores.log.read(&stream.log, TimeRange::ALL, None).await.unwrap();
        events.try_collect::<Vec<_>>().await.unwrap().concat()
    }

    async fn bodies(&self, stream: &Stream) -> Vec<String> {
        self.events(stream).await.into_iter().map(|stored| String::from_utf8(stored.event.body.to_vec()).unwrap()).collect()
    }

    /// The keys of all documents of this root.
    async fn keys(&self, root: &'static str) -> Vec<String> {
        let listed = self.stores.documents.list_all(&Key::root(root)).await.unwrap();
        listed.into_iter().map(|listed| listed.key.as_str().to_owned()).collect()
    }
}

fn namespace(text: &str) -> NamespaceId {
    text.try_into().unwrap()
}

fn name(text: &str) -> StreamName {
    named("default", text)
}

fn named(in_namespace: &str, text: &str) -> StreamName {
    StreamName { namespace: namespace(in_namespace), stream: text.try_into().unwrap() }
}

/// A new stream with these properties.
async fn made(service: &StreamService, text: &str, properties: &str) -> Arc<Stream> {
    service.create(&name(text), properties.as_bytes()).await.unwrap();
    service.get(&name(text)).await.unwrap()
}

async fn post(service: &StreamService, stream: &Stream, body: impl Into<bytes::Bytes>) {
    service.post(stream, Headers::default(), body.into()).await.unwrap();
}
