//! `headwater generate`: the generator on the command line.
//!
//! Standard output is the fast way: records go straight from the kernel into the pipe. Other targets go through the same sinks
//! as the server's jobs.

use std::io::{ErrorKind, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use headwater_adapters::folder::Folder;
use headwater_adapters::targets::{OutboundHosts, TargetSet};
use headwater_adapters::{OsEntropy, SystemClock};
use headwater_core::datagen::{Advance, Generator, Plan, Records, Run, TimeType, Window, clock_text, source_of};
use headwater_core::ports::{Batch, Clock, Committed, Entropy as _, Owner, Sink, SinkError, Targets as _};
use headwater_core::targets::Target;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::args::{Generate, ServiceOptions};
use crate::specification::{find_source, read_text};

/// Bytes handed over at once: a pipe takes 64 KiB, a file more at a time.
const SLICE: usize = 256 * 1024;

/// How often the progress is drawn anew.
const DRAW_EVERY: Duration = Duration::from_millis(100);

pub(crate) fn run(options: &Generate) -> anyhow::Result<ExitCode> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().context("the runtime cannot be started")?;
    let outcome = runtime.block_on(async {
        tokio::select! {
            outcome = generate(options) => outcome,
            _ = tokio::signal::ctrl_c() => Ok(ExitCode::from(130)),
        }
    });
    runtime.shutdown_background();
    outcome
}

async fn generate(options: &Generate) -> anyhow::Result<ExitCode> {
    let clock = SystemClock::new();
    let seed = options.seed.unwrap_or_else(draw_seed);
    let (text, beside) = read_text(&options.specification).await?;
    let specification = serde_json::from_slice(&text).with_context(|| format!("{} is not JSON", options.specification))?;
    let source = match source_of(&specification) {
        Some(name) => find_source(&name, beside.as_deref()).await?,
        None => None,
    };
    let plan =
        Plan::compile(&specification, seed, source.as_deref()).map_err(|mistakes| anyhow!("{}: {mistakes}", options.specification))?;
    let start = match options.simulate {
        Some(TimeType::From(moment)) => moment,
        Some(TimeType::Simulated | TimeType::Real) | None => clock.now(),
    };
    let run = Run {
        seed,
        start,
        concurrency: options.concurrency,
        total_events: options.total_events,
        time_limit: options.time.map(|time| time.0),
    };
    if plan.stands_still() && run.total_events.is_none() {
        bail!("{}: job time never passes here; give a number of records with -n", options.specification);
    }
    let target = options.output.as_deref().map(read_target).transpose()?.unwrap_or(Target::Stdout);
    let paced = matches!(options.simulate, None | Some(TimeType::Real));
    let progress = Progress::new(&run, target == Target::Stdout);
    let source = Source { generator: Generator::new(&plan, run), run, paced, clock, progress };
    match target {
        Target::Stdout => to_stdout(source).await,
        target => to_sink(source, open(&target, options.output.as_deref(), &options.services).await?).await,
    }
}

/// When a target is told to make durable what it was given.
const FLUSH_BYTES: usize = 16 << 20;
const FLUSH_AFTER: Duration = Duration::from_secs(1);

/// A seed for a run that brings none; on a terminal it is told, so that the run can be had again.
fn draw_seed() -> i64 {
    let seed = (OsEntropy.draw() >> 11).cast_signed();
    if std::io::stderr().is_terminal() {
        eprintln!("headwater: --seed {seed} gives these records again");
    }
    seed
}

fn read_target(path: &Path) -> anyhow::Result<Target> {
    let text = std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let value = serde_json::from_slice(&text).with_context(|| format!("{} is not JSON", path.display()))?;
    Target::parse(&value).map_err(|mistakes| anyhow!("{}: {mistakes}", path.display()))
}

/// Opens a target other than standard output. On the command line a `file` target's path means what it says.
async fn open(target: &Target, given: Option<&Path>, services: &ServiceOptions) -> anyhow::Result<Box<dyn Sink>> {
    let path = given.and_then(|path| std::fs::read(path).ok()).and_then(|text| {
        let value: serde_json::Value = serde_json::from_slice(&text).ok()?;
        value.get("path")?.as_str().map(PathBuf::from)
    });
    let folder = path.as_deref().and_then(Path::parent).filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let files = Folder::open(folder).with_context(|| format!("the folder {} cannot be opened", folder.display()))?;
    let targets = TargetSet::new(Arc::new(files), OutboundHosts::default());
    let targets = targets.with_influxdb(services.influxdb()?).with_iot_hub(services.iot_hub());
    targets.supports(target).map_err(|mistake| anyhow!("{mistake}"))?;
    let owner = Owner(format!("generate-{:016x}", OsEntropy.draw()));
    let opened = async {
        targets.prepare(target, &owner).await?;
        targets.open(target, &owner, Committed::default()).await
    };
    opened.await.map_err(|error: SinkError| anyhow!("target: {error}"))
}

/// Where records come from: the generator, on its clock.
struct Source {
    generator: Generator,
    run: Run,
    paced: bool,
    clock: SystemClock,
    progress: Progress,
}

impl Source {
    /// The next records; `None` at the end. In real time this waits until they are due.
    async fn next(&mut self, batch: Batch) -> anyhow::Result<Option<Batch>> {
        let mut records = Records::reusing(batch);
        loop {
            let passed = self.clock.now().since(self.run.start);
            let horizon = if self.paced { u64::try_from(passed.as_nanos()).unwrap_or(u64::MAX) } else { u64::MAX };
            let advance = self.generator.advance(Window { records: u64::MAX, bytes: SLICE, horizon }, &mut records)?;
            if !records.is_empty() {
                let batch = records.into_batch();
                self.progress.count(&self.generator, &self.run, batch.text.len());
                return Ok(Some(batch));
            }
            match advance {
                Advance::More => {}
                Advance::Done => {
                    self.progress.bar.finish_and_clear();
                    return Ok(None);
                }
                Advance::Idle { until } => {
                    let due = self.run.start.plus(Duration::from_nanos(until) + Duration::from_micros(1));
                    self.progress.count(&self.generator, &self.run, 0);
                    self.clock.sleep(due.since(self.clock.now()).min(DRAW_EVERY * 5)).await;
                }
            }
        }
    }
}

async fn to_stdout(mut source: Source) -> anyhow::Result<ExitCode> {
    let mut batch = Batch::default();
    while let Some(records) = source.next(batch).await? {
        // A write of its own, not through the line buffer of std's stdout; a pipe that was closed ends it quietly.
        let mut stdout = std::io::stdout().lock();
        match stdout.write_all(&records.text).and_then(|()| stdout.flush()) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(ExitCode::SUCCESS),
            Err(error) => return Err(error).context("standard output cannot be written"),
        }
        batch = records;
    }
    Ok(ExitCode::SUCCESS)
}

async fn to_sink(mut source: Source, mut sink: Box<dyn Sink>) -> anyhow::Result<ExitCode> {
    let (clock, mut batch) = (SystemClock::new(), Batch::default());
    let (mut flushed, mut waiting) = (clock.now(), 0);
    let written = async {
        while let Some(records) = source.next(batch).await? {
            sink.write(&records).await.map_err(|error| anyhow!("target: {error}"))?;
            waiting += records.text.len();
            // As often as a server's steps do: some targets hold in memory what is not flushed.
            if waiting >= FLUSH_BYTES || clock.now().since(flushed) >= FLUSH_AFTER {
                sink.flush().await.map_err(|error| anyhow!("target: {error}"))?;
                (flushed, waiting) = (clock.now(), 0);
            }
            batch = records;
        }
        sink.finish().await.map_err(|error| anyhow!("target: {error}"))
    };
    let outcome = written.await;
    outcome.with_context(|| format!("{} records were written", sink.committed().records)).map(|()| ExitCode::SUCCESS)
}

/// Events, rate, bytes, the virtual clock, and the time left when a limit tells it. Drawn on standard error, on a terminal
/// only, and not into records that go to the same terminal.
struct Progress {
    bar: ProgressBar,
    bytes: u64,
}

impl Progress {
    fn new(run: &Run, to_stdout: bool) -> Self {
        let shown = std::io::stderr().is_terminal() && !(to_stdout && std::io::stdout().is_terminal());
        if !shown {
            return Self { bar: ProgressBar::hidden(), bytes: 0 };
        }
        let (bar, template) = match (run.total_events, run.time_limit) {
            (Some(total), _) => (ProgressBar::new(total), "{wide_bar} {human_pos}/{human_len} events  {per_sec}  {msg}  {eta} left"),
            // The time limit in milliseconds of job time: the bar shows how much of it has passed.
            (None, Some(limit)) => (ProgressBar::new(limit / 1_000_000), "{wide_bar} {percent}%  {msg}  {eta} left"),
            (None, None) => (ProgressBar::no_length(), "{spinner} {human_pos} events  {per_sec}  {msg}"),
        };
        bar.set_draw_target(ProgressDrawTarget::stderr());
        bar.set_style(ProgressStyle::with_template(template).expect("a constant template"));
        bar.enable_steady_tick(DRAW_EVERY);
        Self { bar, bytes: 0 }
    }

    fn count(&mut self, generator: &Generator, run: &Run, bytes: usize) {
        if self.bar.is_hidden() {
            return;
        }
        self.bytes += bytes as u64;
        let by_time = run.total_events.is_none() && run.time_limit.is_some();
        self.bar.set_position(if by_time { generator.now() / 1_000_000 } else { generator.emitted() });
        let events = if by_time { format!("{} events, ", generator.emitted()) } else { String::new() };
        self.bar.set_message(format!("{events}{}, clock {}", indicatif::HumanBytes(self.bytes), &clock_text(run, generator.now())[..19]));
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use headwater_core::ids::FileName;

    use super::*;

    #[tokio::test]
    async fn a_file_target_is_written_where_its_path_says() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("target.json");
        let path = folder.path().join("sub").join("out.json");
        std::fs::create_dir(folder.path().join("sub")).unwrap();
        std::fs::write(&target, serde_json::json!({"type": "file", "path": path}).to_string()).unwrap();
        let parsed = read_target(&target).unwrap();
        assert_eq!(parsed.file(), Some(&FileName::try_from("out.json").unwrap()));
        let services = ServiceOptions::default();
        let mut sink = open(&parsed, Some(&target), &services).await.unwrap();
        sink.write(&Batch { text: Bytes::from_static(b"{}\n"), ends: vec![3] }).await.unwrap();
        sink.flush().await.unwrap();
        assert_eq!(std::fs::read(path).unwrap(), b"{}\n");
    }
}
