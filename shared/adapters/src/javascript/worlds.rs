//! The worlds of one thread.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use headwater_core::ports::{ScriptCall, ScriptEnd, ScriptFailure, ScriptOutcome};
use headwater_core::simulations::is_stock_script;

use super::Bounds;
use super::pool::{Answer, Job};
use super::world::{World, check};

/// The worlds that last, by their scripts. There are as many as stock scripts, at most.
#[derive(Default)]
pub(super) struct Worlds {
    lasting: BTreeMap<[u8; 16], World>,
}

impl Worlds {
    /// Does a job.
    pub(super) fn answer(&mut self, job: &Job, cancelled: &Arc<AtomicBool>, bounds: &Bounds) -> Answer {
        // What panics is a mistake of the house's own, and no reason to leave others without an answer.
        let answer = catch_unwind(AssertUnwindSafe(|| match job {
            Job::Call(call) => Answer::Ran(self.call(call, cancelled, bounds)),
            Job::Check(script) => Answer::Checked(check(script, bounds)),
        }));
        answer.unwrap_or_else(|_| job.failed(ScriptFailure::Threw("the engine of scripts failed".to_owned())))
    }

    fn call(&mut self, call: &ScriptCall, cancelled: &Arc<AtomicBool>, bounds: &Bounds) -> ScriptOutcome {
        if !is_stock_script(&call.script.digest) {
            return World::call_once(call, cancelled, bounds);
        }
        let digest = call.script.digest;
        // It is taken out, so that one whose call fails, or panics, is not met again.
        let Some(mut world) = self.lasting.remove(&digest).or_else(|| World::new(&call.script, bounds)) else {
            return World::call_once(call, cancelled, bounds);
        };
        let outcome = world.call(call, cancelled, true);
        if !matches!(outcome.end, ScriptEnd::Failed(_)) {
            self.lasting.insert(digest, world);
        }
        outcome
    }
}
