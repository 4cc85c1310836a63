//! An SQS event source: it takes messages off a queue and has a function handle them in batches.

mod client;
mod records;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};

use self::client::Client;
use self::records::{Succeeded, event, succeeded};

use super::function::{Function, Service};
use super::trouble::Trouble;
use super::{REGION, RUNTIME};

/// How long SQS is asked to wait for a message, and so about how long dropping a [`Polling`] may take.
const WAIT_SECONDS: u64 = 1;

/// How long to leave a queue alone that cannot be reached.
const PAUSE: Duration = Duration::from_millis(200);

/// How many batches are taken off the queue at once to be mixed.
const MIXED_BATCHES: usize = 4;

/// How often a function gets to see a message that it handles well. SQS promises at least once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// Once.
    Once,
    /// Twice, the second time after the first has ended.
    TwiceInTurn,
    /// Twice at the same time, in two processes if the function may have two.
    TwiceAtOnce,
}

/// A standard queue, and how a function is fed from it.
#[derive(Debug, Clone)]
pub struct Queue {
    endpoint: String,
    url: String,
    region: String,
    batch: usize,
    concurrency: usize,
    delivery: Delivery,
    mixed: Option<u64>,
    retries_at_once: bool,
}

impl Queue {
    /// The queue of this URL, as the SQS at an endpoint such as `http://127.0.0.1:4566` knows it. Batches are of up to 10
    /// messages, and up to 5 are handled side by side. The function may say which messages of a batch have failed, as it may
    /// under `ReportBatchItemFailures`.
    #[must_use]
    pub fn new(endpoint: &str, url: &str) -> Self {
        Self {
            endpoint: endpoint.to_owned(),
            url: url.to_owned(),
            region: REGION.to_owned(),
            batch: 10,
            concurrency: 5,
            delivery: Delivery::Once,
            mixed: None,
            retries_at_once: false,
        }
    }

    /// The region that the queue is in.
    #[must_use]
    pub fn region(mut self, region: &str) -> Self {
        region.clone_into(&mut self.region);
        self
    }

    /// The most messages of a batch, from 1 to 10.
    ///
    /// # Panics
    /// When it is not.
    #[must_use]
    pub fn batch(mut self, messages: usize) -> Self {
        assert!((1..=10).contains(&messages), "SQS hands out from 1 to 10 messages at a time");
        self.batch = messages;
        self
    }

    /// How many batches are handled side by side.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn concurrency(mut self, batches: usize) -> Self {
        assert!(batches > 0, "a queue that is polled needs a batch");
        self.concurrency = batches;
        self
    }

    /// How often each message is delivered.
    #[must_use]
    pub fn delivery(mut self, delivery: Delivery) -> Self {
        self.delivery = delivery;
        self
    }

    /// Delivers messages out of order, within batches and across some; the same seed mixes the same messages alike.
    #[must_use]
    pub fn mixed(mut self, seed: u64) -> Self {
        self.mixed = Some(seed);
        self
    }

    /// Makes messages that failed visible at once, instead of leaving them to the queue's time-out.
    #[must_use]
    pub fn retry_at_once(mut self) -> Self {
        self.retries_at_once = true;
        self
    }

    /// Starts to take messages off the queue for a function.
    #[must_use]
    pub fn feed(self, function: &Function) -> Polling {
        let (stop, stopped) = watch::channel(false);
        let source = Arc::new(Source {
            client: Client::new(&self.endpoint, &self.url, &self.region),
            function: Arc::clone(&function.0),
            queue: self,
            trouble: Trouble::default(),
            invocations: AtomicU64::new(0),
        });
        let task = RUNTIME.spawn(Arc::clone(&source).poll(stopped));
        Polling { source, stop, task: Some(task) }
    }
}

/// A queue that is being polled. Dropping this waits for the batches that are being handled; after that nothing touches the queue.
#[derive(Debug)]
pub struct Polling {
    source: Arc<Source>,
    stop: watch::Sender<bool>,
    task: Option<JoinHandle<()>>,
}

impl Polling {
    /// How often the function has been invoked.
    #[must_use]
    pub fn invocations(&self) -> u64 {
        self.source.invocations.load(Ordering::Relaxed)
    }

    /// What went wrong: invocations and messages that failed, and errors of SQS.
    #[must_use]
    pub fn trouble(&self) -> Vec<String> {
        self.source.trouble.list()
    }
}

impl Drop for Polling {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(task) = self.task.take() {
            let _ = RUNTIME.block_on(task);
        }
    }
}

#[derive(Debug)]
struct Source {
    queue: Queue,
    client: Client,
    function: Arc<Service>,
    trouble: Trouble,
    invocations: AtomicU64,
}

impl Source {
    async fn poll(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let permits = Arc::new(Semaphore::new(self.queue.concurrency));
        let mut handling = JoinSet::new();
        let mut mixer = self.queue.mixed.map(Mixer);
        while let Some(mut permit) = permit(&permits, &mut stop).await {
            let mut messages = self.receive(mixer.is_some()).await;
            if let Some(mixer) = &mut mixer {
                mixer.mix(&mut messages);
            }
            while !messages.is_empty() {
                let rest = messages.split_off(messages.len().min(self.queue.batch));
                let batch = std::mem::replace(&mut messages, rest);
                let source = Arc::clone(&self);
                handling.spawn(async move {
                    source.handle(&batch).await;
                    drop(permit);
                });
                match self::permit(&permits, &mut stop).await {
                    Some(next) => permit = next,
                    None => break,
                }
            }
            // Nobody handles these any more. They were taken off the queue a moment ago.
            self.give_back(&messages).await;
            while handling.try_join_next().is_some() {}
        }
        handling.join_all().await;
    }

    /// Some messages; none when SQS has waited in vain. Several batches of them are fetched where they are to be mixed.
    async fn receive(&self, several: bool) -> Vec<Value> {
        let mut messages = match self.client.receive(self.queue.batch, WAIT_SECONDS).await {
            Ok(messages) => messages,
            Err(error) => {
                self.trouble.note(error);
                tokio::time::sleep(PAUSE).await;
                return Vec::new();
            }
        };
        for _ in 1..if several && !messages.is_empty() { MIXED_BATCHES } else { 1 } {
            match self.client.receive(self.queue.batch, 0).await {
                Ok(more) if !more.is_empty() => messages.extend(more),
                Ok(_) => break,
                Err(error) => self.trouble.note(error),
            }
        }
        messages
    }

    /// Delivers a batch as often as it is to be, and deletes the messages that succeeded in any of the deliveries.
    async fn handle(&self, batch: &[Value]) {
        let succeeded = match self.queue.delivery {
            Delivery::Once => self.deliver(batch).await,
            Delivery::TwiceInTurn => self.deliver(batch).await.or(self.deliver(batch).await),
            Delivery::TwiceAtOnce => {
                let (first, second) = tokio::join!(self.deliver(batch), self.deliver(batch));
                first.or(second)
            }
        };
        let (done, failed): (Vec<_>, Vec<_>) = batch.iter().cloned().partition(|message| succeeded.holds(message));
        if let Err(error) = self.client.delete(&done).await {
            self.trouble.note(error);
        }
        if self.queue.retries_at_once {
            self.give_back(&failed).await;
        }
    }

    async fn deliver(&self, batch: &[Value]) -> Succeeded {
        self.invocations.fetch_add(1, Ordering::Relaxed);
        let answer = match self.function.invoke(event(batch, &self.queue.url, &self.queue.region).to_string().into()).await {
            Ok(answer) => answer,
            Err(error) => {
                self.trouble.note(error);
                return Succeeded::None;
            }
        };
        let succeeded = succeeded(batch, &answer);
        if !batch.iter().all(|message| succeeded.holds(message)) {
            self.trouble.note(format_args!("failed: {}", String::from_utf8_lossy(&answer)));
        }
        succeeded
    }

    async fn give_back(&self, messages: &[Value]) {
        if let Err(error) = self.client.show(messages).await {
            self.trouble.note(error);
        }
    }
}

/// Leave to handle a batch; none once polling is to stop.
async fn permit(permits: &Arc<Semaphore>, stop: &mut watch::Receiver<bool>) -> Option<OwnedSemaphorePermit> {
    tokio::select! {
        biased;
        _ = stop.wait_for(|stop| *stop) => None,
        permit = Arc::clone(permits).acquire_owned() => permit.ok(),
    }
}

/// Draws from a seed (SplitMix64), so that a failure can be repeated.
#[derive(Debug)]
struct Mixer(u64);

impl Mixer {
    fn mix<T>(&mut self, list: &mut [T]) {
        for end in (1..list.len()).rev() {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            let drawn = (z ^ (z >> 31)) % (end as u64 + 1);
            list.swap(end, usize::try_from(drawn).expect("it is not beyond the list"));
        }
    }
}
