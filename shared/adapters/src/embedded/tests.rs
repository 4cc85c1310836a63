use std::fs::OpenOptions;
use std::io;
use std::ops::Bound;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::TryStreamExt as _;
use futures::future::join_all;
use headwater_core::ids::TaskId;
use headwater_core::ports::{
    AppendKey, Condition, Documents as _, Event, EventLog as _, Headers, Key, LogName, Position, StepMessage, StoredEvent, TaskQueue as _,
    TimeRange, Timestamp, contract,
};
use redb::backends::FileBackend;
use redb::{BackendError, ReadableTableMetadata as _, StorageBackend};
use tempfile::TempDir;

use super::*;
use crate::clock::{ManualClock, SystemClock};

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn open(folder: &TempDir) -> EmbeddedStore {
    EmbeddedStore::open(folder.path(), Arc::new(SystemClock::new())).unwrap()
}

fn key(text: &str) -> Key {
    Key::root("tests").child(text).unwrap()
}

fn log(text: &str) -> LogName {
    LogName(text.to_owned())
}

fn events(texts: &[&'static str]) -> Vec<Event> {
    let headers = Headers::from(vec![("h".to_owned(), "v".to_owned())]);
    texts.iter().map(|text| Event { headers: headers.clone(), body: text.as_bytes().into() }).collect()
}

fn message(text: &str) -> StepMessage {
    StepMessage { task: TaskId::try_from(text).unwrap(), step: 7 }
}

async fn all(store: &EmbeddedStore, name: &LogName) -> Vec<StoredEvent> {
    let pieces: Vec<_> = store.event_log().read(name, TimeRange::ALL, None).await.unwrap().try_collect().await.unwrap();
    pieces.concat()
}

async fn made(store: &EmbeddedStore, name: &str) -> LogName {
    store.event_log().create(&log(name)).await.unwrap();
    log(name)
}

/// Runs of events that the disk still holds, whether or not a reader sees them.
fn held_runs(store: &EmbeddedStore) -> u64 {
    store.shared.engine.read(|transaction| Ok(transaction.open_table(tables::EVENTS)?.len()?)).unwrap()
}

#[tokio::test]
async fn embedded_documents_meet_the_contract() {
    let folder = folder();
    contract::documents(&open(&folder).documents()).await;
}

#[tokio::test]
async fn the_embedded_event_log_meets_the_contract() {
    let folder = folder();
    let clock = Arc::new(SystemClock::new());
    let store = EmbeddedStore::open(folder.path(), clock.clone()).unwrap();
    contract::event_log(&store.event_log(), &*clock).await;
}

#[tokio::test]
async fn the_embedded_task_queue_meets_the_contract() {
    let folder = folder();
    let clock = Arc::new(SystemClock::new());
    let store = EmbeddedStore::open(folder.path(), clock.clone()).unwrap();
    contract::task_queue(&store.task_queue(), &*clock).await;
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_reopening() {
    let folder = folder();
    let once = |first| Some(AppendKey { writer: "task".to_owned(), first });
    let (etag, former, slot) = {
        let store = open(&folder);
        let etag = store.documents().put(&key("a"), "1".into(), Condition::Absent).await.unwrap();
        store.documents().put(&key("gone"), "1".into(), Condition::Absent).await.unwrap();
        store.documents().delete(&key("gone"), Condition::Any).await.unwrap();
        store.event_log().append(&made(&store, "a").await, events(&["a", "b", "c"]), once(1)).await.unwrap();
        store.event_log().append(&made(&store, "gone").await, events(&["x"]), None).await.unwrap();
        store.event_log().remove(&log("gone")).await.unwrap();
        store.task_queue().enqueue(message("first"), Timestamp::from_millis(1)).await.unwrap();
        store.task_queue().enqueue(message("second"), Timestamp::from_millis(2)).await.unwrap();
        let first = store.task_queue().receive(Duration::ZERO, Duration::ZERO).await.unwrap().unwrap();
        (etag, all(&store, &log("a")).await, first.receipt)
    };
    let store = open(&folder);
    let document = store.documents().get(&key("a")).await.unwrap().unwrap();
    assert_eq!((&document.body[..], &document.etag), (&b"1"[..], &etag));
    assert_eq!(store.documents().list(&Key::root("tests"), None, 10).await.unwrap().len(), 1);
    let newer = store.documents().put(&key("a"), "1".into(), Condition::Match(etag.clone())).await.unwrap();
    assert_ne!(newer, etag, "an etag comes again after reopening");

    assert_eq!(all(&store, &log("a")).await, former);
    assert_eq!(all(&store, &log("gone")).await, []);
    store.event_log().append(&log("a"), events(&["c", "d"]), once(3)).await.unwrap();
    let now = all(&store, &log("a")).await;
    assert!(now.len() == 4 && now.is_sorted_by(|one, other| one.position < other.position), "{now:?}");

    let second = store.task_queue().receive(Duration::from_secs(60), Duration::ZERO).await.unwrap().unwrap();
    assert_eq!((second.message, second.attempt), (message("second"), 1));
    let first = store.task_queue().receive(Duration::from_secs(60), Duration::ZERO).await.unwrap().unwrap();
    assert_eq!((first.message, first.attempt), (message("first"), 2), "a delivery that was not acknowledged comes again");
    assert_ne!(first.receipt, slot);
}

#[tokio::test]
async fn a_copy_of_the_file_as_a_crash_would_leave_it_has_everything() {
    let folder = folder();
    let store = open(&folder);
    let (port, name) = (store.event_log(), made(&store, "a").await);
    join_all((0..50).map(|_| port.append(&name, events(&["x", "y"]), None))).await;
    store.documents().put(&key("a"), Bytes::from(vec![7; 1 << 20]), Condition::Absent).await.unwrap();
    let copy = self::folder();
    std::fs::copy(folder.path().join("store.redb"), copy.path().join("store.redb")).unwrap();
    // The copy was taken while the original was open. No scan may be needed to open it.
    let mut builder = redb::Builder::new();
    builder.set_repair_callback(redb::RepairSession::abort);
    drop(builder.open(copy.path().join("store.redb")).expect("the file is whole after each commit"));
    let copied = open(&copy);
    assert_eq!(all(&copied, &log("a")).await, all(&store, &log("a")).await);
    assert_eq!(all(&copied, &log("a")).await.len(), 100);
    assert!(copied.documents().get(&key("a")).await.unwrap().is_some());
}

#[tokio::test]
async fn a_folder_in_use_is_refused() {
    let folder = folder();
    let store = open(&folder);
    let refusal = EmbeddedStore::open(folder.path(), Arc::new(SystemClock::new())).unwrap_err();
    assert!(matches!(refusal, OpenError::InUse { .. }), "{refusal:?}");
    assert!(refusal.to_string().contains("in use"), "{refusal}");
    let port = store.documents();
    drop(store);
    assert!(EmbeddedStore::open(folder.path(), Arc::new(SystemClock::new())).is_err(), "a port keeps the store open");
    drop(port);
    open(&folder);
}

#[tokio::test]
async fn what_is_no_store_is_refused() {
    let folder = folder();
    std::fs::write(folder.path().join("store.redb"), [1; 10_000]).unwrap();
    let refusal = EmbeddedStore::open(folder.path(), Arc::new(SystemClock::new())).unwrap_err();
    assert!(matches!(refusal, OpenError::Failed { .. }), "{refusal:?}");
    assert_eq!(std::fs::read(folder.path().join("store.redb")).unwrap(), [1; 10_000], "a foreign file was changed");
}

#[tokio::test]
async fn time_does_not_run_backwards_when_the_clock_did_between_two_runs() {
    let folder = folder();
    let late = Arc::new(ManualClock::new(Timestamp::from_millis(1_000_000)));
    let store = EmbeddedStore::open(folder.path(), late).unwrap();
    store.event_log().append(&made(&store, "a").await, events(&["a"]), None).await.unwrap();
    drop(store);
    let early = Arc::new(ManualClock::new(Timestamp::from_millis(5)));
    let store = EmbeddedStore::open(folder.path(), early).unwrap();
    store.event_log().append(&log("a"), events(&["b"]), None).await.unwrap();
    store.event_log().append(&made(&store, "b").await, events(&["c"]), None).await.unwrap();
    let stored = all(&store, &log("a")).await;
    assert_eq!(stored.iter().map(|stored| stored.position.millis).collect::<Vec<_>>(), [1_000_000, 1_000_000]);
    assert!(stored[0].position < stored[1].position);
    assert_eq!(all(&store, &log("b")).await[0].position.millis, 5);
}

#[tokio::test]
async fn the_space_of_trimmed_and_removed_logs_comes_back() {
    let folder = folder();
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1)));
    let store = EmbeddedStore::open(folder.path(), clock.clone()).unwrap();
    let port = store.event_log();
    for name in ["trimmed", "removed", "truncated", "kept"] {
        port.append(&made(&store, name).await, vec![Event::default(); 10_000], Some(AppendKey { writer: "w".to_owned(), first: 1 }))
            .await
            .unwrap();
        upload(&store, name).await.commit().await.unwrap();
    }
    drop(upload(&store, "kept").await);
    let broken_off = |tables: &mut Tables<'_>| {
        // What an upload leaves behind when its process is killed.
        let number = tables.next(tables::Counter::Logs)?;
        tables.uploads.insert(number, ())?;
        for index in 0..100 {
            tables.events.insert(&tables::event_key(number, Position { millis: 0, sequence: index }), &[0][..])?;
        }
        Ok(Ok(()))
    };
    store.shared.write("test", 0, broken_off).await.unwrap();
    let kept = held_runs(&store);
    clock.advance(Duration::from_millis(1));
    port.append(&log("trimmed"), events(&["last"]), None).await.unwrap();
    port.trim(&log("trimmed"), Timestamp::from_micros(1_001)).await.unwrap();
    port.remove(&log("removed")).await.unwrap();
    port.truncate(&log("truncated")).await.unwrap();
    assert_eq!(all(&store, &log("trimmed")).await.len(), 1, "trimmed events are hidden at once");
    let before_all = Some(Position { millis: 0, sequence: 0 });
    let stream = port.read(&log("trimmed"), TimeRange::ALL, before_all).await.unwrap();
    assert_eq!(stream.try_collect::<Vec<_>>().await.unwrap().concat().len(), 1, "a position before the trim does not bring them back");
    assert!(kept > 4 * 200, "{kept}");
    drop((port, store)); // Wherever the removal stands, it goes on in the next process.
    let store = EmbeddedStore::open(folder.path(), clock).unwrap();
    let one_log = 10_000 / 2048 + 3000 * 5000 / (60 << 10); // About as many runs as the one log that is left has.
    for _ in 0..1000 {
        if held_runs(&store) < one_log + 20 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(held_runs(&store) < one_log + 20, "{} runs are held of {kept}", held_runs(&store));
    assert_eq!(all(&store, &log("kept")).await.len(), 10_000 + 3000);
}

/// An upload of 3000 events that has written some already.
async fn upload(store: &EmbeddedStore, name: &str) -> Box<dyn headwater_core::ports::Upload> {
    let mut upload = store.event_log().upload(&log(name)).await.unwrap();
    let event = Event { headers: Headers::default(), body: vec![7; 5000].into() };
    upload.write(vec![event; 3000]).await.unwrap();
    upload
}

#[tokio::test]
async fn a_write_that_nobody_waits_for_any_more_is_whole() {
    let folder = folder();
    let store = open(&folder);
    let (port, name) = (store.event_log(), made(&store, "a").await);
    for round in 0..20_u64 {
        let append = port.append(&name, events(&["x", "y"]), None);
        let _ = tokio::time::timeout(Duration::from_micros(round * 50), append).await;
    }
    drop((port, store));
    assert_eq!(all(&open(&folder), &log("a")).await.len() % 2, 0);
}

/// A disk that is full for as long as it is told to be.
#[derive(Debug)]
struct SmallDisk {
    file: FileBackend,
    full: Arc<AtomicBool>,
}

impl SmallDisk {
    fn check(&self) -> io::Result<()> {
        if self.full.load(Ordering::SeqCst) { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

impl StorageBackend for SmallDisk {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.check().and_then(|()| self.file.set_len(length))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.check().and_then(|()| self.file.write(offset, data))
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }
}

#[tokio::test]
async fn a_disk_that_fills_up_unforeseen_is_said_so_and_made_room_is_used() {
    let folder = folder();
    let path = folder.path().join("store.redb");
    let full = Arc::new(AtomicBool::new(false));
    let disk = Arc::clone(&full);
    let open = Box::new(move |builder: &mut redb::Builder| {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path)?;
        Ok(builder.create_with_backend(SmallDisk { file: FileBackend::new(file)?, full: Arc::clone(&disk) })?)
    });
    let place = Place { open, disk: Box::new(|| Ok(Disk { free: u64::MAX, total: u64::MAX, held: 0 })) };
    let store = EmbeddedStore::open_place(folder.path(), place, Arc::new(SystemClock::new())).unwrap();
    let documents = store.documents();
    let etag = documents.put(&key("a"), "before".into(), Condition::Absent).await.unwrap();
    for _ in 0..2 {
        full.store(true, Ordering::SeqCst);
        for round in 0..3 {
            let refusal = documents.put(&key("a"), "lost".into(), Condition::Any).await.unwrap_err();
            assert!(matches!(refusal, PortError::Full { .. }), "round {round}: {refusal:?}");
        }
        full.store(false, Ordering::SeqCst);
        let listed = documents.put(&key("b"), "after".into(), Condition::Any).await;
        assert!(listed.is_ok(), "there is room again, but {listed:?}");
        let document = documents.get(&key("a")).await.unwrap().unwrap();
        assert_eq!((&document.body[..], &document.etag), (&b"before"[..], &etag));
    }
}

#[tokio::test]
async fn a_disk_that_is_nearly_full_takes_only_what_makes_room() {
    let folder = folder();
    let path = folder.path().join("store.redb");
    let free = Arc::new(AtomicU64::new(u64::MAX));
    let disk = Arc::clone(&free);
    let open = Box::new(move |builder: &mut redb::Builder| Ok(builder.create(&path)?));
    let file = folder.path().join("store.redb");
    let look = Box::new(move || Ok(Disk { free: disk.load(Ordering::SeqCst), total: u64::MAX, held: held_by(&file)? }));
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(0)));
    let store = EmbeddedStore::open_place(folder.path(), Place { open, disk: look }, clock.clone()).unwrap();
    let (documents, port, queue) = (store.documents(), store.event_log(), store.task_queue());
    documents.put(&key("a"), "1".into(), Condition::Any).await.unwrap();
    port.append(&made(&store, "a").await, events(&["a"]), None).await.unwrap();
    queue.enqueue(message("a"), Timestamp::from_millis(0)).await.unwrap();
    for i in 0..8 {
        documents.put(&key(&format!("old {i}")), Bytes::from(vec![0; 1 << 20]), Condition::Any).await.unwrap();
    }

    free.store(33 << 20, Ordering::SeqCst);
    let large = Bytes::from(vec![0; 2 << 20]);
    documents.put(&key("fits"), "1".into(), Condition::Any).await.unwrap();
    let refusal = documents.put(&key("large"), large.clone(), Condition::Any).await;
    assert!(matches!(refusal, Err(PortError::Full { .. })), "{refusal:?}");

    free.store(1 << 20, Ordering::SeqCst);
    for refusal in [
        documents.put(&key("b"), large.clone(), Condition::Any).await.map(drop),
        port.append(&log("a"), vec![Event { headers: Headers::default(), body: large.clone() }], None).await.map(drop),
    ] {
        assert!(matches!(refusal, Err(PortError::Full { .. })), "{refusal:?}");
    }
    assert_eq!(&documents.get(&key("a")).await.unwrap().unwrap().body[..], b"1");
    assert_eq!(all(&store, &log("a")).await.len(), 1);
    let delivery = queue.receive(Duration::from_secs(60), Duration::ZERO).await.unwrap().unwrap();
    queue.acknowledge(&delivery.receipt).await.unwrap();
    port.remove(&log("a")).await.unwrap();
    for i in 0..8 {
        documents.delete(&key(&format!("old {i}")), Condition::Any).await.unwrap();
    }

    // The disk is as full as before, but the file has room inside.
    clock.advance(Duration::from_secs(60));
    documents.put(&key("b"), large.clone(), Condition::Any).await.unwrap();
    let mut fitted = 1;
    while documents.put(&key(&format!("more {fitted}")), large.clone(), Condition::Any).await.is_ok() {
        fitted += 1;
        assert!(fitted < 5, "more is taken than was removed");
    }
}
