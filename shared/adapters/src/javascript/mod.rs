//! The scripts of device models: JavaScript on QuickJS.
//!
//! Every call has a world of its own: a new runtime with new globals, which is dropped with the call. That takes about a tenth of a
//! millisecond, and leaves nothing to argue about: not what a script does to prototypes, not what memory it leaves, not when that is
//! collected. Stock scripts are known to leave nothing behind; their worlds last, and a call takes some microseconds.
//!
//! So the text of a script is compiled for each call, which takes some hundredths of a millisecond: QuickJS keeps no compiled code
//! beyond its runtime that could be read back without trusting it blindly. No text becomes code while a script runs (`eval`,
//! `Function`), because QuickJS crashes when memory runs out in its compiler; the memory that a text needs for being compiled is
//! granted in proportion to its length.
//!
//! What a call may take is counted in steps, so that a call that is made again ends in the same way. Some built-in functions of
//! QuickJS count nothing, and can be made to run for hours. So calls run on threads of the engine's own, and a watch gives up a
//! thread that does not come back, starts another one, and remembers the script.

mod desk;
mod pool;
#[cfg(test)]
mod tests;
mod values;
mod world;
mod worlds;

use std::thread::available_parallelism;
use std::time::Duration;

use async_trait::async_trait;
use headwater_core::limits;
use headwater_core::ports::{Script, ScriptCall, ScriptEngine, ScriptFailure, ScriptOutcome};

use pool::{Answer, Job, Pool};

/// What scripts may take, and their engine.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    memory: usize,
    stack: usize,
    steps: u32,
    /// How often the watch looks at what runs.
    look: Duration,
    /// Looks after which a call is told to end.
    looks_to_cancel: u32,
    /// Looks after which its thread is given up.
    looks_to_lose: u32,
    threads: usize,
    lost_threads: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        let look = Duration::from_millis(100);
        let looks = |span: Duration| u32::try_from(span.as_millis() / look.as_millis()).unwrap_or(u32::MAX);
        Self {
            memory: limits::SCRIPT_MEMORY,
            stack: limits::SCRIPT_STACK,
            steps: limits::SCRIPT_STEPS,
            look,
            looks_to_cancel: looks(limits::SCRIPT_TIME),
            looks_to_lose: looks(limits::SCRIPT_LOST),
            threads: available_parallelism().map_or(1, |processors| processors.get().min(limits::SCRIPT_THREADS)),
            lost_threads: limits::SCRIPT_LOST_THREADS,
        }
    }
}

/// Runs scripts on a few threads of its own, which are started when there is something to run, and end with it.
#[derive(Debug)]
pub struct JavaScript {
    pool: Pool,
}

impl Default for JavaScript {
    fn default() -> Self {
        Self::new()
    }
}

impl JavaScript {
    /// An engine.
    #[must_use]
    pub fn new() -> Self {
        Self::within(Bounds::default())
    }

    fn within(bounds: Bounds) -> Self {
        Self { pool: Pool::new(bounds) }
    }
}

#[async_trait]
impl ScriptEngine for JavaScript {
    async fn check(&self, script: &Script) -> Result<(), String> {
        match self.pool.run(vec![Job::Check(script.clone())]).await.pop() {
            Some(Answer::Checked(result)) => result,
            _ => Err(ScriptFailure::Time.to_string()),
        }
    }

    async fn run(&self, calls: Vec<ScriptCall>) -> Vec<ScriptOutcome> {
        let jobs = calls.into_iter().map(Job::Call).collect();
        self.pool.run(jobs).await.into_iter().map(Answer::into_outcome).collect()
    }
}
