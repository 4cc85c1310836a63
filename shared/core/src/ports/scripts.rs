//! Where the JavaScript of device models runs.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use md5::{Digest as _, Md5};
use serde_json::{Map, Value};

use super::Timestamp;
use crate::simulations::StateValue;

/// The source of a script. A clone is the same script.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Script {
    /// Names it in messages, such as `truck-01-state.js`.
    pub name: Arc<str>,
    /// Its text.
    pub text: Arc<str>,
    /// Tells scripts apart: equal for equal texts. What was compiled is found by it.
    pub digest: [u8; 16],
}

impl Script {
    /// A script of this name and text.
    #[must_use]
    pub fn new(name: &str, text: &str) -> Self {
        Self { name: name.into(), text: text.into(), digest: Md5::digest(text.as_bytes()).into() }
    }
}

/// A call of a script's `main(context, previousState, previousProperties, params)`.
///
/// What a call does depends on nothing but what is said here: the script finds the time and a source of random numbers here too.
#[derive(Debug, Clone)]
pub struct ScriptCall {
    /// The script.
    pub script: Script,
    /// The members of `context`, all texts: `currentTime`, `deviceId`, and `deviceModel` or the payload of a method.
    pub context: Vec<(Arc<str>, Arc<str>)>,
    /// The members of `previousState`.
    pub state: Vec<(Arc<str>, StateValue)>,
    /// The members of `previousProperties`.
    pub properties: Arc<Map<String, Value>>,
    /// `params`, or `null`.
    pub params: Option<Arc<Value>>,
    /// The moment of the call, for `Date`.
    pub now: Timestamp,
    /// Where `Math.random` begins.
    pub seed: u64,
    /// How many calls of `sleep` return at once: those that are over. The next one ends the call.
    ///
    /// So a script that sleeps is not kept on a stack: it is called anew with the same call and one more sleep that is over, goes the
    /// same way, and does what it did again, which the caller leaves out. It can sleep across a restart.
    pub waited: u32,
}

/// What a script asked for, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// `updateState(…)`: these entries are put into the state.
    State(Vec<(Arc<str>, StateValue)>),
    /// `updateProperty(key, value)`.
    Property(String, Value),
    /// `log(text)`.
    Log(String),
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq)]
pub enum ScriptEnd {
    /// `main` returned.
    Done,
    /// It sleeps for so long.
    Asleep(Duration),
    /// It failed.
    Failed(ScriptFailure),
}

/// Why a script failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScriptFailure {
    /// It does not parse, or defines no `main`.
    #[error("{0}")]
    Source(String),
    /// It threw something; what, in its own words, cut to a bearable length.
    #[error("{0}")]
    Threw(String),
    /// It ran for too long.
    #[error("it ran for too long")]
    Time,
    /// It took too much memory, or went too deep.
    #[error("it took too much memory")]
    Memory,
    /// What it asked for is too large.
    #[error("it asked for too much: {0}")]
    Output(String),
}

/// What came of a call. What a script did before it failed counts.
#[derive(Debug, Clone, PartialEq)]
pub struct ScriptOutcome {
    /// What it asked for, from the call's beginning.
    pub effects: Vec<Effect>,
    /// How it ended.
    pub end: ScriptEnd,
}

/// Runs scripts, each call in a world of its own: no call sees anything of another one.
///
/// A call that loops, allocates or recurses without end is broken off, and costs only itself.
#[async_trait]
pub trait ScriptEngine: Send + Sync + Debug {
    /// Whether a text is a script, and otherwise what the parser says.
    ///
    /// # Errors
    /// What is wrong, with its line.
    async fn check(&self, script: &Script) -> Result<(), String>;

    /// Makes these calls, which know nothing of each other, and answers their outcomes in the same order.
    async fn run(&self, calls: Vec<ScriptCall>) -> Vec<ScriptOutcome>;
}
