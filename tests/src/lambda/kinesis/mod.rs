//! A Kinesis event source: it follows the shards of a stream and has a function handle their records in batches.

mod client;
mod records;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use self::client::Client;
use self::records::{event, handled};

use super::function::{Function, Service};
use super::trouble::Trouble;
use super::{REGION, RUNTIME};

/// How long to leave a shard alone in which nothing was found, or a stream that cannot be reached.
const PAUSE: Duration = Duration::from_millis(200);

/// How many records the service hands over at most, and how long a base64 text of all of them may be.
const MOST: usize = 10_000;
const PAYLOAD: usize = 6 << 20;

/// A stream, and how a function is fed from it.
#[derive(Debug, Clone)]
pub struct Stream {
    endpoint: String,
    name: String,
    region: String,
    batch: usize,
    bisects: bool,
    twice: bool,
}

impl Stream {
    /// The stream of this name, as the Kinesis at an endpoint such as `http://127.0.0.1:4566` knows it, from its oldest record on.
    /// Each shard is handled in order, and the parents of a shard before it. The function may say from where on it has failed, as it
    /// may under `ReportBatchItemFailures`; that comes again until it succeeds.
    #[must_use]
    pub fn new(endpoint: &str, name: &str) -> Self {
        Self { endpoint: endpoint.to_owned(), name: name.to_owned(), region: REGION.to_owned(), batch: 100, bisects: false, twice: false }
    }

    /// The most records of a batch.
    ///
    /// # Panics
    /// When the service does not take this number.
    #[must_use]
    pub fn batch(mut self, records: usize) -> Self {
        assert!((1..=MOST).contains(&records), "Lambda takes from 1 to {MOST} records");
        self.batch = records;
        self
    }

    /// Halves a batch that failed, as with `BisectBatchOnFunctionError`.
    #[must_use]
    pub fn bisecting(mut self) -> Self {
        self.bisects = true;
        self
    }

    /// Delivers each batch twice, the second time after it has been handled.
    #[must_use]
    pub fn twice(mut self) -> Self {
        self.twice = true;
        self
    }

    /// Starts to hand the stream's records to a function.
    #[must_use]
    pub fn feed(self, function: &Function) -> Following {
        let (stop, stopped) = watch::channel(false);
        let source = Arc::new(Source {
            client: Client::new(&self.endpoint, &self.name, &self.region),
            function: Arc::clone(&function.0),
            stream: self,
            trouble: Trouble::default(),
            invocations: AtomicU64::new(0),
        });
        let task = RUNTIME.spawn(Arc::clone(&source).follow(stopped));
        Following { source, stop, task: Some(task) }
    }
}

/// A stream that is being followed. Dropping this waits for the batches that are being handled.
#[derive(Debug)]
pub struct Following {
    source: Arc<Source>,
    stop: watch::Sender<bool>,
    task: Option<JoinHandle<()>>,
}

impl Following {
    /// How often the function has been invoked.
    #[must_use]
    pub fn invocations(&self) -> u64 {
        self.source.invocations.load(Ordering::Relaxed)
    }

    /// What went wrong: invocations and batches that failed, and errors of Kinesis.
    #[must_use]
    pub fn trouble(&self) -> Vec<String> {
        self.source.trouble.list()
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(task) = self.task.take() {
            let _ = RUNTIME.block_on(task);
        }
    }
}

#[derive(Debug)]
struct Source {
    stream: Stream,
    client: Client,
    function: Arc<Service>,
    trouble: Trouble,
    invocations: AtomicU64,
}

impl Source {
    async fn follow(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut shards = JoinSet::new();
        let (mut begun, mut done) = (Vec::new(), Vec::new());
        while !*stop.borrow() {
            for shard in self.client.shards().await.unwrap_or_else(|error| self.unlisted(&error)) {
                let ready = shard.parents.iter().all(|parent| done.contains(parent));
                if ready && !begun.contains(&shard.id) {
                    begun.push(shard.id.clone());
                    shards.spawn(Arc::clone(&self).follow_shard(shard.id, stop.clone()));
                }
            }
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => {}
                Some(Ok(shard)) = shards.join_next() => done.push(shard),
                () = tokio::time::sleep(PAUSE * 5) => {}
            }
        }
        while shards.join_next().await.is_some() {}
    }

    fn unlisted(&self, error: &str) -> Vec<client::Shard> {
        self.trouble.note(error);
        Vec::new()
    }

    /// Hands over the records of a shard, to its end; the shard.
    async fn follow_shard(self: Arc<Self>, shard: String, stop: watch::Receiver<bool>) -> String {
        let (mut iterator, mut waiting) = (None, Vec::new());
        let mut begun = false;
        while !*stop.borrow() {
            if !begun {
                match self.client.oldest(&shard).await {
                    Ok(oldest) => (iterator, begun) = (Some(oldest), true),
                    Err(error) => self.trouble.note(error),
                }
            }
            let mut found = false;
            if let Some(at) = iterator.take() {
                match self.client.records(&at, MOST).await {
                    Ok((records, next)) => {
                        found = !records.is_empty();
                        waiting.extend(records);
                        iterator = next;
                    }
                    Err(error) => {
                        self.trouble.note(error);
                        iterator = Some(at);
                    }
                }
            }
            while !waiting.is_empty() && !*stop.borrow() {
                let count = fitting(&waiting).min(self.stream.batch);
                let handled = self.hand_over(&shard, &waiting[..count]).await;
                waiting.drain(..handled);
                if handled < count {
                    tokio::time::sleep(PAUSE).await;
                }
            }
            if begun && iterator.is_none() && waiting.is_empty() {
                break;
            }
            if !found {
                tokio::time::sleep(PAUSE).await;
            }
        }
        shard
    }

    /// Has the function handle a batch; how many of its first records need not come again.
    async fn hand_over(&self, shard: &str, batch: &[Value]) -> usize {
        let handled = self.deliver(shard, batch).await;
        if handled == 0 && self.stream.bisects && batch.len() > 1 {
            return self.deliver(shard, &batch[..batch.len() / 2]).await;
        }
        if self.stream.twice && handled > 0 {
            self.deliver(shard, &batch[..handled]).await;
        }
        handled
    }

    async fn deliver(&self, shard: &str, batch: &[Value]) -> usize {
        self.invocations.fetch_add(1, Ordering::Relaxed);
        let event = event(batch, shard, &self.stream.name, &self.stream.region);
        match self.function.invoke(event.to_string().into()).await {
            Ok(answer) => {
                let handled = handled(batch, &answer);
                if handled < batch.len() {
                    self.trouble.note(format_args!("failed: {}", String::from_utf8_lossy(&answer)));
                }
                handled
            }
            Err(error) => {
                self.trouble.note(error);
                0
            }
        }
    }
}

/// How many records make an event that is not too large.
fn fitting(records: &[Value]) -> usize {
    let mut length = 0;
    let fitting = records.iter().take_while(|record| {
        length += record["Data"].as_str().map_or(0, str::len) + 600;
        length < PAYLOAD
    });
    fitting.count().max(1)
}
