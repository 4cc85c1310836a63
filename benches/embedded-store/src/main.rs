//! Compares embedded stores for the local mode: `fjall` (default and with small
//! buffers), `redb` (plain commits, and quick repair on every commit) and a bare
//! append-only file with one fdatasync per commit as the baseline.
//!
//! Run with `cargo run --release --manifest-path benches/embedded-store/Cargo.toml`. Settings by environment:
//! `STORE_BENCH_DIR` (where the stores live; must be a real disk),
//! `STORE_BENCH_EVENTS` (size of the big log, default 1 000 000) and
//! `STORE_BENCH_SECONDS` (length of each timed loop, default 2) and
//! `STORE_BENCH_ROUNDS` (default 3).
//!
//! The engines take turns, round after round, and the table shows medians: the
//! speed of fsync on a shared disk drifts, and turns spread the drift evenly.
//! Every turn runs in a child process of its own, so memory peaks do not mix
//! and a child can be killed without harm. A child prints `name<TAB>value`.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::ops::ControlFlow;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use redb::{ReadableDatabase, ReadableTable};

type Res<T> = Result<T, Box<dyn Error + Send + Sync>>;
type Each<'a> = &'a mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>;

const EVENT_BYTES: usize = 200;
const INGEST_BATCH: usize = 10_000;
const DOC_BYTES: usize = 2_048;
const KEY_BYTES: usize = 24;
const ENGINES: [&str; 5] = ["raw file", "fjall", "fjall small", "redb", "redb quick"];

// ---------------------------------------------------------------- test data

type Key = [u8; KEY_BYTES];

/// Stream id, time and sequence, big-endian, so byte order is time order.
fn event_key(stream: u64, micros: u64, seq: u64) -> Key {
    let mut key = [0; KEY_BYTES];
    key[..8].copy_from_slice(&stream.to_be_bytes());
    key[8..16].copy_from_slice(&micros.to_be_bytes());
    key[16..].copy_from_slice(&seq.to_be_bytes());
    key
}

/// The sequence also serves as the clock, one event per millisecond.
fn nth_key(seq: u64) -> Key {
    event_key(1, seq * 1_000, seq)
}

fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// A JSON event, about half of it incompressible.
fn event_body(seq: u64) -> Vec<u8> {
    let mut body = format!(r#"{{"level":"info","message":"request done","seq":{seq},"trace":""#).into_bytes();
    let mut state = seq;
    while body.len() < EVENT_BYTES - 2 {
        state = mix(state.wrapping_add(0x9e37_79b9_7f4a_7c15));
        body.extend_from_slice(format!("{state:016x}").as_bytes());
    }
    body.truncate(EVENT_BYTES - 2);
    body.extend_from_slice(br#""}"#);
    body
}

fn events(from: u64, count: usize) -> Vec<(Key, Vec<u8>)> {
    (from..from + count as u64).map(|n| (nth_key(n), event_body(n))).collect()
}

fn document(version: u64) -> Vec<u8> {
    let mut body = version.to_be_bytes().to_vec();
    let mut state = version;
    while body.len() < DOC_BYTES {
        state = mix(state.wrapping_add(1));
        body.extend_from_slice(format!("{state:016x}").as_bytes());
    }
    body.truncate(DOC_BYTES);
    body
}

// ------------------------------------------------------------------ engines

trait Store: Send + Sync {
    /// Writes all events in one commit that is on disk when this returns.
    fn append(&self, batch: &[(Key, Vec<u8>)]) -> Res<()>;
    /// Hands the events of `[from, to)` to `each` in order.
    fn scan(&self, from: &Key, to: &Key, each: Each) -> Res<()>;
    /// Replaces a document if its first eight bytes equal `expected`.
    fn put_if_match(&self, path: &str, expected: Option<u64>, body: &[u8]) -> Res<bool>;
    /// Deletes the events of `[from, to)` durably.
    fn trim(&self, from: &Key, to: &Key) -> Res<()>;
    /// What a writer does once no work waits: prepare for a fast next start.
    fn idle(&self) -> Res<()> {
        Ok(())
    }
    /// Asks the engine to give space back now, if it can.
    fn reclaim(&mut self) -> Res<()>;
}

fn open(engine: &str, dir: &Path) -> Res<Box<dyn Store>> {
    Ok(match engine {
        "raw file" => Box::new(Raw::open(dir)?),
        "fjall" => Box::new(Fjall::open(dir, false)?),
        "fjall small" => Box::new(Fjall::open(dir, true)?),
        "redb" => Box::new(Redb::open(dir, false)?),
        "redb quick" => Box::new(Redb::open(dir, true)?),
        other => return Err(format!("unknown engine {other}").into()),
    })
}

fn etag_of(body: &[u8]) -> Option<u64> {
    body.get(..8).and_then(|b| b.try_into().ok()).map(u64::from_be_bytes)
}

/// The floor: bytes appended to one file, one fdatasync per commit.
struct Raw {
    file: Mutex<File>,
    path: PathBuf,
}

impl Raw {
    fn open(dir: &Path) -> Res<Self> {
        let path = dir.join("log");
        let file = OpenOptions::new().create(true).append(true).open(&path)?;
        Ok(Self { file: Mutex::new(file), path })
    }
    fn write(&self, bytes: &[u8]) -> Res<()> {
        let mut file = self.file.lock().expect("no writer panics");
        file.write_all(bytes)?;
        Ok(file.sync_data()?)
    }
}

impl Store for Raw {
    fn append(&self, batch: &[(Key, Vec<u8>)]) -> Res<()> {
        let mut bytes = Vec::with_capacity(batch.len() * (KEY_BYTES + EVENT_BYTES));
        for (key, body) in batch {
            bytes.extend_from_slice(key);
            bytes.extend_from_slice(body);
        }
        self.write(&bytes)
    }
    fn scan(&self, _: &Key, _: &Key, each: Each) -> Res<()> {
        use std::io::Read;
        let mut reader = BufReader::with_capacity(1 << 16, File::open(&self.path)?);
        let mut record = [0; KEY_BYTES + EVENT_BYTES];
        while reader.read_exact(&mut record).is_ok() {
            if each(&record[..KEY_BYTES], &record[KEY_BYTES..]).is_break() {
                break;
            }
        }
        Ok(())
    }
    fn put_if_match(&self, _: &str, _: Option<u64>, body: &[u8]) -> Res<bool> {
        self.write(body)?;
        Ok(true)
    }
    fn trim(&self, _: &Key, _: &Key) -> Res<()> {
        Ok(())
    }
    fn reclaim(&mut self) -> Res<()> {
        Ok(())
    }
}

struct Fjall {
    db: fjall::Database,
    events: fjall::Keyspace,
    docs: fjall::Keyspace,
}

impl Fjall {
    fn open(dir: &Path, small: bool) -> Res<Self> {
        let mut builder = fjall::Database::builder(dir.join("fjall"));
        if small {
            builder = builder.max_journaling_size(64 << 20); // the least it takes
        }
        let db = builder.open()?;
        let options = || match small {
            true => fjall::KeyspaceCreateOptions::default().max_memtable_size(8 << 20),
            false => fjall::KeyspaceCreateOptions::default(),
        };
        let events = db.keyspace("events", options)?;
        let docs = db.keyspace("docs", options)?;
        Ok(Self { db, events, docs })
    }
    fn durable_batch(&self) -> fjall::OwnedWriteBatch {
        self.db.batch().durability(Some(fjall::PersistMode::SyncData))
    }
}

impl Store for Fjall {
    fn append(&self, batch: &[(Key, Vec<u8>)]) -> Res<()> {
        let mut write = self.durable_batch();
        for (key, body) in batch {
            write.insert(&self.events, key.as_slice(), body.as_slice());
        }
        Ok(write.commit()?)
    }
    fn scan(&self, from: &Key, to: &Key, each: Each) -> Res<()> {
        for entry in self.events.range(from.as_slice()..to.as_slice()) {
            let (key, body) = entry.into_inner()?;
            if each(&key, &body).is_break() {
                break;
            }
        }
        Ok(())
    }
    fn put_if_match(&self, path: &str, expected: Option<u64>, body: &[u8]) -> Res<bool> {
        let current = self.docs.get(path)?;
        if current.and_then(|c| etag_of(&c)) != expected {
            return Ok(false);
        }
        let mut write = self.durable_batch();
        write.insert(&self.docs, path, body);
        write.commit()?;
        Ok(true)
    }
    fn trim(&self, from: &Key, to: &Key) -> Res<()> {
        // No range tombstones: each key is deleted, in bounded batches.
        let mut doomed = self.events.range(from.as_slice()..to.as_slice());
        loop {
            let mut write = self.durable_batch();
            for entry in doomed.by_ref().take(INGEST_BATCH) {
                write.remove(&self.events, entry.key()?);
            }
            if write.is_empty() {
                return Ok(());
            }
            write.commit()?;
        }
    }
    fn reclaim(&mut self) -> Res<()> {
        self.events.rotate_memtable_and_wait()?;
        Ok(self.events.major_compact()?)
    }
}

struct Redb {
    db: redb::Database,
    quick: bool,
}

const EVENTS: redb::TableDefinition<&[u8], &[u8]> = redb::TableDefinition::new("events");
const DOCS: redb::TableDefinition<&str, &[u8]> = redb::TableDefinition::new("docs");

impl Redb {
    fn open(dir: &Path, quick: bool) -> Res<Self> {
        let path = dir.join("store.redb");
        let fresh = !path.exists();
        let store = Self { db: redb::Database::builder().set_cache_size(64 << 20).create(path)?, quick };
        if fresh {
            let tx = store.begin()?;
            tx.open_table(EVENTS)?;
            tx.open_table(DOCS)?;
            tx.commit()?;
        }
        Ok(store)
    }
    fn begin(&self) -> Res<redb::WriteTransaction> {
        let mut tx = self.db.begin_write()?;
        tx.set_durability(redb::Durability::Immediate)?;
        tx.set_quick_repair(self.quick);
        Ok(tx)
    }
}

impl Store for Redb {
    fn append(&self, batch: &[(Key, Vec<u8>)]) -> Res<()> {
        let tx = self.begin()?;
        {
            let mut table = tx.open_table(EVENTS)?;
            for (key, body) in batch {
                table.insert(key.as_slice(), body.as_slice())?;
            }
        }
        Ok(tx.commit()?)
    }
    fn scan(&self, from: &Key, to: &Key, each: Each) -> Res<()> {
        let table = self.db.begin_read()?.open_table(EVENTS)?;
        for entry in table.range_owned(from.as_slice()..to.as_slice())? {
            let (key, body) = entry?;
            if each(key.value(), body.value()).is_break() {
                break;
            }
        }
        Ok(())
    }
    fn put_if_match(&self, path: &str, expected: Option<u64>, body: &[u8]) -> Res<bool> {
        let tx = self.begin()?;
        let matches = {
            let mut table = tx.open_table(DOCS)?;
            let current = table.get(path)?.and_then(|c| etag_of(c.value()));
            if current == expected {
                table.insert(path, body)?;
            }
            current == expected
        };
        if matches {
            tx.commit()?;
        } else {
            tx.abort()?;
        }
        Ok(matches)
    }
    fn trim(&self, from: &Key, to: &Key) -> Res<()> {
        let tx = self.begin()?;
        tx.open_table(EVENTS)?.retain_in(from.as_slice()..to.as_slice(), |_, _| false)?;
        Ok(tx.commit()?)
    }
    fn idle(&self) -> Res<()> {
        // One commit that also saves the page allocator: no repair at next open.
        let mut tx = self.db.begin_write()?;
        tx.set_quick_repair(true);
        Ok(tx.commit()?)
    }
    fn reclaim(&mut self) -> Res<()> {
        self.db.compact()?;
        Ok(())
    }
}

// ------------------------------------------------------------- group commit

struct Append {
    seq: u64,
    body: Vec<u8>,
    done: mpsc::Sender<Result<(), String>>,
}

/// One thread owns all writes: it takes what waits, commits once, answers all.
fn commit_loop(store: &dyn Store, inbox: &mpsc::Receiver<Append>) -> u64 {
    let mut commits = 0;
    while let Ok(first) = inbox.recv() {
        let (mut batch, mut waiting) = (Vec::new(), Vec::new());
        for append in std::iter::once(first).chain(inbox.try_iter()).take(4_096) {
            batch.push((nth_key(append.seq), append.body));
            waiting.push(append.done);
        }
        let outcome = store.append(&batch).map_err(|e| e.to_string());
        commits += 1;
        for done in waiting {
            let _ = done.send(outcome.clone());
        }
    }
    commits
}

/// Returns requests and commits per second.
fn group_commit(store: &dyn Store, writers: usize, length: Duration, next_seq: &AtomicU64) -> (f64, f64) {
    let (outbox, inbox) = mpsc::sync_channel::<Append>(1_024);
    let (mut requests, mut commits) = (0, 0);
    let start = Instant::now();
    thread::scope(|scope| {
        let committer = scope.spawn(move || commit_loop(store, &inbox));
        let clients: Vec<_> = (0..writers)
            .map(|_| {
                let outbox = outbox.clone();
                scope.spawn(move || {
                    let (done, answer) = mpsc::channel();
                    let mut count = 0u64;
                    while start.elapsed() < length {
                        let seq = next_seq.fetch_add(1, Ordering::Relaxed);
                        let append = Append { seq, body: event_body(seq), done: done.clone() };
                        outbox.send(append).expect("committer lives");
                        answer.recv().expect("committer answers").expect("commit works");
                        count += 1;
                    }
                    count
                })
            })
            .collect();
        drop(outbox);
        requests = clients.into_iter().map(|c| c.join().expect("client")).sum::<u64>();
        commits = committer.join().expect("committer");
    });
    let seconds = start.elapsed().as_secs_f64();
    (requests as f64 / seconds, commits as f64 / seconds)
}

// ------------------------------------------------------------------- pieces

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default)
}

fn fresh_dir(engine: &str, what: &str) -> Res<PathBuf> {
    let root = std::env::var_os("STORE_BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    let dir = root.join(format!("store-bench-{}-{}-{what}", std::process::id(), engine.replace(' ', "-")));
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir)?;
    Ok(dir)
}

/// Space really allocated on disk, in MB (sparse files count only their blocks).
fn disk_mb(dir: &Path) -> f64 {
    fn bytes(path: &Path) -> u64 {
        let Ok(meta) = fs::symlink_metadata(path) else {
            return 0;
        };
        if !meta.is_dir() {
            return meta.blocks() * 512;
        }
        fs::read_dir(path).map_or(0, |list| list.flatten().map(|e| bytes(&e.path())).sum())
    }
    bytes(dir) as f64 / 1e6
}

fn peak_memory_mb() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"));
    line.and_then(|l| l.split_whitespace().next()?.parse::<f64>().ok()).unwrap_or(0.0) / 1e3
}

fn show(name: &str, value: impl std::fmt::Display) {
    println!("{name}\t{value}");
}

fn ingest(store: &dyn Store, from: u64, count: u64) -> Res<(Duration, Duration)> {
    let (mut busy, mut worst) = (Duration::ZERO, Duration::ZERO);
    let mut at = from;
    while at < from + count {
        let size = INGEST_BATCH.min((from + count - at) as usize);
        let batch = events(at, size);
        let start = Instant::now();
        store.append(&batch)?;
        let took = start.elapsed();
        busy += took;
        worst = worst.max(took);
        at += size as u64;
    }
    Ok((busy, worst))
}

fn scan_all(store: &dyn Store, events: u64) -> Res<(f64, u64, u64)> {
    let (mut count, mut bytes) = (0, 0);
    let start = Instant::now();
    store.scan(&nth_key(0), &nth_key(events), &mut |key, body| {
        count += 1;
        bytes += (key.len() + body.len()) as u64;
        ControlFlow::Continue(())
    })?;
    Ok((start.elapsed().as_secs_f64(), count, bytes))
}

fn read_first(store: &dyn Store, from: u64) -> Res<bool> {
    let mut found = false;
    store.scan(&nth_key(from), &nth_key(u64::MAX / 2_000), &mut |_, _| {
        found = true;
        ControlFlow::Break(())
    })?;
    Ok(found)
}

fn timed_open(engine: &str, dir: &Path) -> Res<f64> {
    let start = Instant::now();
    let store = open(engine, dir)?;
    let found = read_first(&*store, 0)?;
    let millis = start.elapsed().as_secs_f64() * 1e3;
    assert!(found, "the store lost its events");
    Ok(millis)
}

/// Starts this program again in another role and waits for its first lines.
fn child(role: &str, engine: &str, dir: &Path, count: u64) -> Res<std::process::Child> {
    Ok(Command::new(std::env::current_exe()?)
        .env("STORE_BENCH_ROLE", role)
        .env("STORE_BENCH_ENGINE", engine)
        .env("STORE_BENCH_TARGET", dir)
        .env("STORE_BENCH_COUNT", count.to_string())
        .stdout(Stdio::piped())
        .spawn()?)
}

/// Fills a store in a child, kills it with SIGKILL, times the next open.
fn open_after_kill(engine: &str, role: &str, count: u64) -> Res<String> {
    let dir = fresh_dir(engine, "killed")?;
    let mut filler = child(role, engine, &dir, count)?;
    let mut line = String::new();
    BufReader::new(filler.stdout.take().expect("piped")).read_line(&mut line)?;
    filler.kill()?;
    filler.wait()?;
    let millis = timed_open(engine, &dir)?;
    fs::remove_dir_all(&dir)?;
    Ok(format!("{millis:.1}"))
}

/// Kills a busy writer again and again; counts acknowledged events not found.
fn kill_rounds(engine: &str, rounds: u64) -> Res<u64> {
    let dir = fresh_dir(engine, "kill")?;
    let (mut next, mut lost) = (0, 0);
    for round in 0..rounds {
        let mut writer = child("write", engine, &dir, next)?;
        let mut lines = BufReader::new(writer.stdout.take().expect("piped")).lines();
        let mut acked = next;
        let start = Instant::now();
        let life = Duration::from_millis(150 + mix(round) % 400);
        for line in lines.by_ref() {
            acked = line?.parse()?;
            if start.elapsed() > life {
                writer.kill()?;
                break;
            }
        }
        for line in lines.map_while(Result::ok) {
            acked = line.parse().unwrap_or(acked);
        }
        writer.wait()?;
        let store = open(engine, &dir)?;
        let (_, found, _) = scan_all(&*store, acked)?;
        lost += acked.saturating_sub(found);
        next = acked + 1_000; // leave the unacknowledged tail alone
        let gap = events(acked, 1_000);
        store.append(&gap)?;
    }
    fs::remove_dir_all(&dir)?;
    Ok(lost)
}

// -------------------------------------------------------------------- roles

fn run_latency(engine: &str) -> Res<()> {
    let length = Duration::from_secs(setting("STORE_BENCH_SECONDS", 2));
    let dir = fresh_dir(engine, "small")?;
    {
        let store = open(engine, &dir)?;
        let seq = AtomicU64::new(0);
        let (rate, commits) = group_commit(&*store, 64, length, &seq);
        show("a. append, 64 writers, requests/s", format!("{rate:.0}"));
        show("a. append, 64 writers, commits/s", format!("{commits:.0}"));
        let (rate, _) = group_commit(&*store, 1, length, &seq);
        show("a. append, 1 writer, requests/s", format!("{rate:.0}"));

        let (start, mut version, mut puts) = (Instant::now(), None, 0u64);
        while start.elapsed() < length {
            let fresh = document(puts);
            assert!(store.put_if_match("docs/settings.json", version, &fresh)?);
            version = etag_of(&fresh);
            puts += 1;
        }
        show("d. conditional put 2 KB, ops/s", format!("{:.0}", puts as f64 / start.elapsed().as_secs_f64()));
        if engine != "raw file" {
            assert!(!store.put_if_match("docs/settings.json", Some(u64::MAX), b"no")?);
            assert!(!store.put_if_match("docs/settings.json", None, b"no")?);
        }
    }
    fs::remove_dir_all(&dir)?;
    Ok(())
}

fn run_volume(engine: &str) -> Res<()> {
    let total = setting("STORE_BENCH_EVENTS", 1_000_000);
    let raw = engine == "raw file";
    let dir = fresh_dir(engine, "large")?;
    let mut store = open(engine, &dir)?;
    let (busy, worst) = ingest(&*store, 0, total)?;
    let megabytes = total as f64 * EVENT_BYTES as f64 / 1e6;
    show("b. ingest 10 000 per commit, MB/s", format!("{:.1}", megabytes / busy.as_secs_f64()));
    show("b. slowest single commit, ms", format!("{:.0}", worst.as_secs_f64() * 1e3));
    show("b. disk after ingest, MB", format!("{:.0}", disk_mb(&dir)));

    let (seconds, count, bytes) = scan_all(&*store, total)?;
    assert_eq!(count, total);
    show("c. scan, events/s", format!("{:.0}", count as f64 / seconds));
    show("c. scan, MB/s", format!("{:.0}", bytes as f64 / 1e6 / seconds));

    let mut next = total;
    if !raw {
        let (stop, written) = (AtomicBool::new(false), AtomicU64::new(0));
        let (seconds, count, _) = thread::scope(|scope| {
            let (store, stop, written) = (&*store, &stop, &written);
            scope.spawn(move || {
                let mut at = total;
                while !stop.load(Ordering::Relaxed) {
                    store.append(&events(at, 100)).expect("write while reading");
                    at += 100;
                    written.store(at - total, Ordering::Relaxed);
                }
            });
            let outcome = scan_all(store, total);
            stop.store(true, Ordering::Relaxed);
            outcome
        })?;
        next += written.load(Ordering::Relaxed);
        show("c. scan while writing, events/s", format!("{:.0}", count as f64 / seconds));
        show("c. durable events/s written meanwhile", format!("{:.0}", (next - total) as f64 / seconds));

        let half = total / 2;
        let start = Instant::now();
        store.trim(&nth_key(0), &nth_key(half))?;
        show("e. trim half, s", format!("{:.2}", start.elapsed().as_secs_f64()));
        let start = Instant::now();
        assert!(read_first(&*store, 0)?);
        show("e. first read over the trimmed part, ms", format!("{:.1}", start.elapsed().as_secs_f64() * 1e3));
        thread::sleep(Duration::from_secs(2));
        show("e. disk 2 s after trim, MB", format!("{:.0}", disk_mb(&dir)));
        ingest(&*store, next, half)?;
        show("e. disk after as many new events, MB", format!("{:.0}", disk_mb(&dir)));
        let start = Instant::now();
        store.reclaim()?;
        show("e. explicit compaction, s", format!("{:.2}", start.elapsed().as_secs_f64()));
        show("e. disk after compaction, MB", format!("{:.0}", disk_mb(&dir)));
    }
    drop(store);
    fs::remove_dir_all(&dir)?;

    if !raw {
        let dir = fresh_dir(engine, "closed")?;
        ingest(&*open(engine, &dir)?, 0, total)?;
        show("f. open after clean close, ms", format!("{:.1}", timed_open(engine, &dir)?));
        fs::remove_dir_all(&dir)?;
        show("f. open after kill -9 while idle, ms", open_after_kill(engine, "fill-idle", total)?);
        show("f. open after kill -9 while busy, ms", open_after_kill(engine, "fill", total)?);
        show("f. same, a quarter of the events, ms", open_after_kill(engine, "fill", total / 4)?);
        show("g. acknowledged events lost, 12 x kill -9", kill_rounds(engine, 12)?);
    }
    show("g. peak memory of the run, MB", format!("{:.0}", peak_memory_mb()));
    Ok(())
}

fn run_child(role: &str, engine: &str) -> Res<()> {
    let dir = PathBuf::from(std::env::var_os("STORE_BENCH_TARGET").unwrap_or_default());
    let count = setting("STORE_BENCH_COUNT", 0);
    match role {
        "fill" | "fill-idle" => {
            let store = open(engine, &dir)?;
            ingest(&*store, 0, count)?;
            if role == "fill-idle" {
                store.idle()?;
            }
            println!("full");
            thread::sleep(Duration::from_secs(60)); // the parent kills us here
        }
        "write" => {
            let store: Arc<dyn Store> = open(engine, &dir)?.into();
            let mut at = count;
            loop {
                let size = 1 + mix(at) % 50;
                store.append(&events(at, size as usize))?;
                at += size;
                if writeln!(std::io::stdout(), "{at}").is_err() {
                    break;
                }
            }
        }
        "latency" => run_latency(engine)?,
        "volume" => run_volume(engine)?,
        other => return Err(format!("unknown role {other}").into()),
    }
    Ok(())
}

/// Losses are summed, since a median would hide one; the rest are medians.
fn summary(name: &str, values: &[f64]) -> String {
    if name.contains("lost") && !values.is_empty() {
        return values.iter().sum::<f64>().to_string();
    }
    median(values)
}

fn median(values: &[f64]) -> String {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).map_or("-".to_owned(), f64::to_string)
}

fn main() -> Res<()> {
    if let (Ok(role), Ok(engine)) = (std::env::var("STORE_BENCH_ROLE"), std::env::var("STORE_BENCH_ENGINE")) {
        return run_child(&role, &engine);
    }
    let mut names = Vec::new();
    let mut table: BTreeMap<String, Vec<Vec<f64>>> = BTreeMap::new();
    let rounds = setting("STORE_BENCH_ROUNDS", 3);
    for (round, role) in (0..rounds).flat_map(|r| [(r, "latency"), (r, "volume")]) {
        for (column, engine) in ENGINES.iter().enumerate() {
            eprintln!("round {} of {rounds}: {role}, {engine}", round + 1);
            let mut run = child(role, engine, Path::new(""), 0)?;
            for line in BufReader::new(run.stdout.take().expect("piped")).lines() {
                let line = line?;
                let Some((name, value)) = line.split_once('\t') else {
                    continue;
                };
                let row = table.entry(name.to_owned()).or_insert_with(|| {
                    names.push(name.to_owned());
                    vec![Vec::new(); ENGINES.len()]
                });
                row[column].push(value.parse()?);
            }
            if !run.wait()?.success() {
                eprintln!("{engine} failed");
            }
        }
    }
    names.sort_by_key(|name| name.as_bytes()[0]);
    println!("{:<44}{}", "", ENGINES.map(|e| format!("{e:>12}")).concat());
    for name in names {
        let row: String = table[&name].iter().map(|v| format!("{:>12}", summary(&name, v))).collect();
        println!("{name:<44}{row}");
    }
    Ok(())
}
